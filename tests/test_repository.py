"""What must stay true of the repository as a whole: its files, its lock, its names, its rooms."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
INDEX = r"py(?:pi)\.org|pytho(?:n)hosted|inde(?:x)-url|index_ur(?:l)\s*=|find[-_]lin(?:k)s"
MACHINE = r"(?<![\w.*}])/(?:work|root|farm)/"
ISSUE = r"(?i)\bissue\s+(?:no\.?\s*)?#?\d+|\b(?:fix(?:es)?|closes?|refs?|see)\s+#\d+"
ROOMS = {
    "core": ["workflow", "engine", "steps", "llm", "agents", "memory", "store", "service", "monitoring"],
    "desktop": ["canvas", "panels", "dialogs"],
}


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Every file that git keeps and that is there now."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    # safe.directory: the tests may run as another user than the one who cloned.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def project() -> dict[str, object]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def findings(files: list[Path], pattern: str) -> list[str]:
    """Every line of a text file that the pattern is found in, as file:line: text."""
    found = []
    for path in files:
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        name = path.relative_to(ROOT)
        found += [f"{name}:{n}: {line.strip()}" for n, line in enumerate(lines, 1) if re.search(pattern, line)]
    return found


def locked() -> Iterator[tuple[Requirement, list[str]]]:
    """Each package of the lock with its hashes."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    for entry in re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)):
        lines = entry.splitlines()
        hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})\b", entry)
        yield Requirement(lines[0].rstrip("\\ ")), hashes


def test_no_file_names_a_package_index(files: list[Path]) -> None:
    assert findings(files, INDEX) == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on(files: list[Path]) -> None:
    assert findings(files, MACHINE) == []


def test_no_file_points_at_an_issue_number(files: list[Path]) -> None:
    assert findings(files, ISSUE) == []


# Each example is put together from two halves, so that this file does not hold what it looks for.
@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (INDEX, "url = https://py" + "pi.org/simple"),
        (INDEX, "https://files.python" + "hosted.org/packages/x"),
        (INDEX, "--index" + "-url https://mirror.example"),
        (INDEX, "find" + "-links = wheels"),
        (MACHINE, "cd /wo" + "rk/somewhere"),
        (MACHINE, "open('/ro" + "ot/key')"),
        (ISSUE, "as issue" + " 12 says"),
        (ISSUE, "Fixes" + " #3"),
    ],
)
def test_the_search_finds_what_must_not_be_there(pattern: str, text: str) -> None:
    assert re.search(pattern, text)


def test_no_test_moves_the_mouse_in_a_way_that_loses_what_tasks_wait_for(files: list[Path]) -> None:
    loses = re.compile(r"QTest\.mouse[M]ove\(")  # see move_mouse in tests/support/desktop.py
    assert [path for path in files if path.suffix == ".py" and loses.search(path.read_text("utf-8"))] == []


def test_no_lock_of_a_kind_that_records_hosts_is_kept(files: list[Path]) -> None:
    assert [path.name for path in files if path.name == "uv.lock" or re.fullmatch(r"pylock.*\.toml", path.name)] == []


def test_every_locked_package_is_pinned_and_has_hashes() -> None:
    packages = list(locked())
    assert len(packages) > 50
    loose = [str(package) for package, _ in packages if not re.fullmatch(r"==[^*]+", str(package.specifier))]
    assert loose == []
    assert [package.name for package, hashes in packages if not hashes] == []


def test_the_installer_is_pinned_and_has_hashes() -> None:
    lines = [line for line in (ROOT / "packaging/uv.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"uv==[\d.]+ \\", lines[0])
    assert all(re.fullmatch(r"\s+--hash=sha256:[0-9a-f]{64}(?: \\)?", line) for line in lines[1:])
    assert len(lines) > 1


def test_the_lock_covers_what_the_project_asks_for(project: dict[str, dict[str, dict[str, list[str]]]]) -> None:
    asked = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["test"]]
    asked += project["dependency-groups"]["build"]
    pins: dict[str, list[str]] = {}
    for package, _ in locked():
        pins.setdefault(canonicalize_name(package.name), []).append(str(package.specifier).removeprefix("=="))
    missing = []
    for text in asked:
        wanted = Requirement(text)
        versions = pins.get(canonicalize_name(wanted.name), [])
        if not versions or not all(wanted.specifier.contains(version, prereleases=True) for version in versions):
            missing.append(f"{text}: the lock has {versions or 'nothing'}; run make lock")
    assert missing == []


def test_the_lock_gives_this_interpreter_one_version_of_each_package() -> None:
    names = [
        canonicalize_name(package.name)
        for package, _ in locked()
        if package.marker is None or package.marker.evaluate()
    ]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", ["core", "desktop"])
def test_no_other_distribution_provides_our_import_names(name: str) -> None:
    assert set(packages_distributions().get(name, [])) <= {"steploom"}


@pytest.mark.parametrize("name", ["core", "desktop"])
def test_our_import_names_come_from_this_checkout(name: str) -> None:
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin == str(ROOT / name / "__init__.py")


def test_the_packaging_folder_does_not_hide_the_library_of_that_name(files: list[Path]) -> None:
    assert ROOT / "packaging/__init__.py" not in files
    spec = find_spec("packaging")
    assert spec is not None
    assert spec.origin is not None
    assert ROOT / "packaging" not in Path(spec.origin).parents


def test_a_global_ignore_of_core_dumps_does_not_hide_the_core() -> None:
    assert "!core/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_the_folders_of_tests_are_no_packages(files: list[Path]) -> None:
    packages = [path for path in files if path.name == "__init__.py" and path.is_relative_to(ROOT / "tests")]
    assert packages == []


def test_every_folder_with_code_is_a_package(files: list[Path]) -> None:
    folders = {
        path.parent
        for path in files
        if path.suffix == ".py" and (path.is_relative_to(ROOT / "core") or path.is_relative_to(ROOT / "desktop"))
    }
    assert [folder.name for folder in sorted(folders) if folder / "__init__.py" not in files] == []


@pytest.mark.parametrize(("house", "room"), [(house, room) for house, rooms in ROOMS.items() for room in rooms])
def test_every_room_of_the_house_is_there(house: str, room: str) -> None:
    assert (ROOT / house / room / "__init__.py").is_file()


def test_imports_go_in_the_directions_that_the_contracts_allow() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_commands_of_the_readme_are_targets_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    commands = set(re.findall(r"\bmake ([a-z]+)", (ROOT / "README.md").read_text("utf-8")))
    assert {"run", "test"} <= commands
    assert [command for command in commands if not re.search(rf"^{command}:", makefile, re.MULTILINE)] == []


def test_the_changelog_tells_of_this_version(project: dict[str, dict[str, str]]) -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## \[(?:Unreleased|{re.escape(project['project']['version'])})\]", text, re.MULTILINE)


def test_the_continuous_check_runs_what_a_person_runs() -> None:
    script = ROOT / ".ci/run"
    lines = script.read_text("utf-8").splitlines()
    assert script.stat().st_mode & 0o111
    assert lines[0].endswith("bash")
    assert "set -euo pipefail" in lines
    assert [line for line in lines if line.startswith("make ")] == ["make check", "make test"]


def test_everything_make_makes_is_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {".venv/", ".tools/", "__pycache__/", ".mypy_cache/", ".ruff_cache/", ".pytest_cache/"} <= set(ignored)
