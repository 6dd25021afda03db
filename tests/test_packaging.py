"""What is published: the wheel works by itself, and the locks name versions and hashes but no host."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted(REPOSITORY.glob("requirements/*.lock"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the source distribution, built from this tree without any network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return wheel, sdist


def test_the_wheel_carries_all_that_a_user_needs(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        files = {entry.filename: entry for entry in wheel.infolist()}
        (metadata,) = (wheel.read(name).decode() for name in files if name.endswith("/METADATA"))
    for needed in (
        "revshare/py.typed",
        "revshare/artifacts/RevenueSplit.json",
        "revshare/artifacts/RevenueSplitFactory.json",
        "revshare/artifacts/standard-input.json",
        "revshare/chain/chains.toml",
        "revshare/chain/solc_npm.js",
        "revshare/demo/DATA.md",
        "revshare/demo/australia.csv",
        "revshare/demo/australia.toml",
        "revshare/report/templates/statement.html",
    ):
        assert needed in files
    assert files["revshare/chain/solc_npm.js"].external_attr >> 16 & 0o111, "forge runs it as it stands"
    assert any(name.endswith("licenses/LICENSE") for name in files)
    assert not [
        name for name in files if name.startswith(("tests/", "solidity/")) or name.endswith((".pyc", ".sol"))
    ]
    assert "License-Expression: MIT" in metadata
    assert "Requires-Python: >=3.11" in metadata
    for extra in PYPROJECT["project"]["optional-dependencies"]:
        assert f"Provides-Extra: {extra}" in metadata


def test_the_source_distribution_carries_sources_tests_and_licence(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    needed = {
        "LICENSE",
        "README.md",
        "Makefile",
        "pyproject.toml",
        "solidity/src/split/RevenueSplit.sol",
        "tests/test_packaging.py",
    }
    assert needed <= names
    assert not [name for name in names if name.startswith((".venv", "node_modules", ".git/"))]


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the wheel's contents and nothing of the source tree."""
    site = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(built[0]) as wheel:
        wheel.extractall(site)
    return site


def run_installed(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(site), "NODE_PATH": str(REPOSITORY / "node_modules")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=site,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_installed_wheel_finds_its_artifacts(installed: Path) -> None:
    program = """
import revshare
from revshare.chain.artifacts import load
print(revshare.__file__)
print(len(load("RevenueSplit").bytecode))
"""
    file, size = run_installed(installed, "-c", program).stdout.split()
    assert Path(file).is_relative_to(installed)
    assert int(size) > 1_000


@pytest.mark.slow
@pytest.mark.skipif(
    not (REPOSITORY / "node_modules/solc").is_dir(), reason="node_modules is not there: `npm ci`"
)
def test_the_installed_wheel_proves_its_own_artifacts(installed: Path) -> None:
    """`revshare compile --check` needs no source tree: it compiles the sources that the wheel carries."""
    done = run_installed(installed, "-m", "revshare", "compile", "--check", "--json")
    assert done.returncode == 0, done.stderr
    assert "RevenueSplit" in json.loads(done.stdout)["contracts"]

    artifact = installed / "revshare/artifacts/RevenueSplit.json"
    right = artifact.read_text(encoding="utf-8")
    start = right.index('"bytecode": "0x') + 200
    artifact.write_text(
        right[:start] + ("0" if right[start] != "0" else "1") + right[start + 1 :], encoding="utf-8"
    )
    done = run_installed(installed, "-m", "revshare", "compile", "--check")
    artifact.write_text(right, encoding="utf-8")
    assert done.returncode == 2
    assert "RevenueSplit.json differs" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_plays_from_the_installed_wheel(installed: Path) -> None:
    done = run_installed(installed, "-m", "revshare", "demo", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reconciled"] is True


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_everything_by_hash_and_names_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(index-url|extra-index-url|find-links|trusted-host)", text, re.MULTILINE)
    pins = re.split(r"\n(?=[A-Za-z])", text.split("\n", 2)[2])
    for pin in pins:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", pin), pin.splitlines()[0]
        assert "--hash=sha256:" in pin, pin.splitlines()[0]


def test_npms_lock_pins_everything_by_hash_and_names_no_host() -> None:
    packages = json.loads((REPOSITORY / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, package in packages.items():
        if name:
            assert "resolved" not in package, name
            assert package["integrity"].startswith("sha512-"), name
    assert packages["node_modules/solc"]["version"] == "0.8.37"


def locked(name: str) -> dict[str, str]:
    text = (REPOSITORY / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE))


def test_the_two_environments_hold_the_two_ends_of_what_is_supported() -> None:
    assert locked("dev")["web3"].startswith("8.")
    assert locked("web3-7")["web3"].startswith("7.12.")
    assert "web3>=7.12,<9" in PYPROJECT["project"]["dependencies"]
    assert locked("dev")["uv"] == locked("uv")["uv"]


def test_every_dependency_is_locked() -> None:
    project = PYPROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    wanted = [*project["dependencies"], *extras, *PYPROJECT["dependency-groups"]["dev"]]
    names = {re.split(r"[\[<>=~! ;]", line)[0].lower() for line in wanted} - {"revshare"}
    assert names <= locked("dev").keys()
    assert names <= locked("web3-7").keys()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not there")
def test_the_demo_needs_neither_node_nor_npm() -> None:
    command = ["make", "--dry-run", "--always-make", "demo"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True)
    assert "revshare demo" in done.stdout
    assert "npm" not in done.stdout
    assert "node" not in done.stdout


@pytest.mark.xdist_group("together")
def test_tests_of_a_group_stay_on_one_worker(request: pytest.FixtureRequest) -> None:
    """What they prepare takes minutes: pytest and pytest-xdist must agree on how a group is named."""
    assert "PYTEST_XDIST_WORKER" not in os.environ or request.node.nodeid.endswith("@together")
