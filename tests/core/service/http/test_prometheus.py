"""A real Prometheus with the shipped configuration reads what the service tells."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

import httpx
import pytest
import yaml

from core.resources import root
from tests.support.http_service import Site

SHIPPED = root() / "packaging" / "prometheus"
PATIENCE = 60

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs Prometheus: apt install prometheus")


def free_port() -> int:
    with socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


def configure(folder: Path, site: Site, token: str) -> Path:
    """The shipped configuration, pointed at this service and asking more often."""
    config = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "200ms", "evaluation_interval": "200ms"}
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": [site.url.removeprefix("http://")]}]
    job["authorization"] = {"credentials_file": str(folder / "token")}
    (folder / "token").write_text(token)
    shutil.copy(SHIPPED / "alerts.yml", folder)
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    return file


@asynccontextmanager
async def prometheus(config: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The program, ready to be asked."""
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={config.parent / 'data'}",
               f"--web.listen-address={address}", "--log.level=warn"]  # fmt: skip
    with (config.parent / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: ASYNC220 - it starts at once
        try:
            async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False, timeout=30) as client:
                yield client
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 20)


def labels(metric: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(metric.items()))


async def ask(client: httpx.AsyncClient, question: str) -> dict[str, float]:
    """The values of an instant query, by their labels; empty until there are some."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                answer = await client.get("/api/v1/query", params={"query": question})
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            found = answer.json().get("data", {}).get("result", []) if answer.status_code == 200 else []
            if found:
                return {
                    " ".join(f"{name}={value}" for name, value in sorted(each["metric"].items())): float(
                        each["value"][1]
                    )
                    for each in found
                }
            await asyncio.sleep(0.05)


async def test_prometheus_scrapes_the_service_and_knows_its_runs(site: Site, tmp_path: Path) -> None:
    _, token = await site.tokens.create("prometheus", ["read"])
    async with site.client("run", "read") as http:
        for _ in range(3):
            wish = {"workflow": "Greet", "inputs": {"who": "Ann"}, "wait_s": 30}
            ran = await http.post("/api/v1/runs", json=wish)
            assert ran.status_code == 200, ran.text
    async with prometheus(configure(tmp_path, site, token)) as client:
        counted = await ask(client, 'sum by (workflow, status) (workflow_executions_total{workflow="Greet"}) >= 3')
        assert counted == {"status=completed workflow=Greet": 3.0}
        assert await ask(client, 'sum(max_over_time(up{job="steploom"}[5m]))') == {"": 1.0}
        steps = await ask(client, 'sum(workflow_step_duration_seconds_count{workflow="Greet"})')
        assert steps == {"": 6.0}
        rules = (await client.get("/api/v1/rules")).json()["data"]["groups"]
        shipped = yaml.safe_load((SHIPPED / "alerts.yml").read_text())["groups"]
        assert [len(group["rules"]) for group in rules] == [len(group["rules"]) for group in shipped]
        assert {rule["health"] for group in rules for rule in group["rules"]} <= {"ok", "unknown"}
