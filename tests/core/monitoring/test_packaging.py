"""What is shipped for Prometheus and Grafana speaks of metrics that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from core.monitoring.metrics import Metrics
from core.resources import root

GRAFANA = root() / "packaging" / "grafana" / "steploom.json"
PROMETHEUS = root() / "packaging" / "prometheus"

FUNCTIONS = frozenset(
    ["sum", "max", "by", "rate", "increase", "histogram_quantile", "and", "or", "on", "up", "label_values"]
)
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def metrics() -> dict[str, frozenset[str]]:
    """All series that a process may show, with the names of their labels."""
    found: dict[str, frozenset[str]] = {}
    for family in Metrics().registry.collect():
        labels = frozenset(family.documentation and _labels(family.name))
        endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}.get(family.type, [""])
        for ending in endings:
            found[family.name + ending] = labels | ({"le"} if ending == "_bucket" else frozenset())
    return found


def _labels(name: str) -> tuple[str, ...]:
    made = Metrics()
    (collector,) = {each for names, each in _collectors(made) if name in names}
    return tuple(collector._labelnames)


def _collectors(made: Metrics) -> Iterator[tuple[list[str], Any]]:
    for collector, names in made.registry._collector_to_names.items():
        yield list(names), collector


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression that is shipped, with where it stands."""
    for panel in json.loads(GRAFANA.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


EXPRESSIONS = list(expressions())


@pytest.mark.parametrize(("place", "expression"), EXPRESSIONS, ids=[place for place, _ in EXPRESSIONS])
def test_an_expression_names_metrics_and_labels_that_there_are(place: str, expression: str) -> None:
    known = metrics()
    bare = re.sub(r'"[^"]*"|\[[^]]*\]', "", expression)
    grouped = {name for group in re.findall(r"by \(([^)]*)\)", bare) for name in _NAME.findall(group)}
    chosen = {name for group in re.findall(r"\{([^}]*)\}", bare) for name in _NAME.findall(group)}
    names = set(_NAME.findall(re.sub(r"by \([^)]*\)|\{[^}]*\}", "", bare))) - FUNCTIONS
    assert names or expression.startswith("up")
    assert names <= set(known), f"{place} names {names - set(known)}"
    labels = {"instance", "job"} | {label for name in names for label in known[name]}
    assert grouped | chosen <= labels, f"{place} names the labels {(grouped | chosen) - labels}"


def test_every_metric_is_on_the_dashboard() -> None:
    text = GRAFANA.read_text()
    missing = [family.name for family in Metrics().registry.collect() if family.name not in text]
    assert missing == ["steploom_build"]


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in json.loads(GRAFANA.read_text())["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool: apt install prometheus")
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", "--syntax-only", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ],
    ids=lambda each: " ".join(each[:2]),
)
def test_prometheus_itself_accepts_the_files(arguments: list[str]) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
