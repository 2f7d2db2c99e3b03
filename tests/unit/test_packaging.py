"""The package as people get it: every folder in the list, every file in the wheel, and it runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from jobshape import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ROOMS = ("app", "widgets", "screens", "styles")
DATA_SUFFIXES = {".tcss", ".typed", ".json", ".sql", ".toml", ".sh", ".yaml"}


def import_name(path: Path) -> str:
    """The name that a folder of the checkout has once it is installed."""
    parts = path.relative_to(ROOT).parts
    return ".".join(("jobshape",) if parts[:2] == ("app", "_root") else ("jobshape", *parts))


def packages_on_disk() -> set[str]:
    return {
        import_name(init.parent) for room in ROOMS for init in (ROOT / room).rglob("__init__.py")
    }


def files_on_disk() -> set[str]:
    """Every module and data file of the rooms, by its place in the wheel."""
    return {
        "/".join((*import_name(path.parent).split("."), path.name))
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.suffix == ".py" or path.suffix in DATA_SUFFIXES
    }


def test_every_folder_is_in_the_list_of_packages() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) == packages_on_disk()


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").exists()} == set()


def test_the_links_for_type_checkers_lead_to_every_room() -> None:
    links = ROOT / ".links" / "jobshape"
    assert {link.name for link in links.iterdir() if link.is_symlink() and link.is_dir()} == set(
        ROOMS
    )
    for room in ROOMS:
        assert (links / room).resolve() == ROOT / room


def test_the_version_is_written_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == __version__
    assert f"## {__version__} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_lock_holds_what_is_asked_for() -> None:
    locked = (ROOT / "requirements" / "dev.txt").read_text("utf-8")
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", locked, re.MULTILINE))
    asked = PROJECT["project"]["dependencies"]
    asked += (ROOT / "requirements" / "dev.in").read_text("utf-8").splitlines()
    names = {
        re.split(r"[<>=!~ ]", line)[0].lower().replace(".", "-")
        for line in asked
        if line[:1].isalpha()
    }
    assert names <= pinned
    assert "://" not in locked  # nobody's index


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that nothing left over in build/ can slip in."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for room in ROOMS:
        shutil.copytree(
            ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--wheel-dir", str(target), str(copy)],
        check=True, timeout=120,
    )  # fmt: skip
    (built,) = target.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == files_on_disk()
    assert {"jobshape/py.typed", "jobshape/app/schemas/status-1.json"} <= names


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel; its dependencies are ours, lent."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    lent = site / "lent"
    lent.mkdir()
    for path in sys.path:
        if path.endswith("site-packages"):
            for entry in Path(path).iterdir():
                # All but our own editable install, which would hide the wheel.
                if "jobshape" not in entry.name and entry.suffix != ".pth":
                    (lent / entry.name).symlink_to(entry)
    (site / "lent.pth").write_text(f"{lent}\n")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install",
         "--quiet", "--no-deps", "--no-index", "--compile", "--disable-pip-version-check",
         str(wheel)],
        check=True, timeout=120,
    )  # fmt: skip
    return home / "bin"


def run(program: Path, arguments: list[str], folder: Path) -> str:
    environment = {
        "HOME": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm",
    }  # fmt: skip
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_wheel_runs(installed: Path, tmp_path: Path) -> None:
    where = run(
        installed / "python", ["-c", "import jobshape.app.cli as c; print(c.__file__)"], tmp_path
    )
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert run(installed / "jobshape", ["--version"], tmp_path) == f"jobshape {__version__}\n"
    assert "ui.theme" in run(installed / "jobshape", ["config"], tmp_path)
    assert '"jobshape.status/1"' in run(installed / "jobshape", ["status", "--schema"], tmp_path)
    assert "Cancel" in run(installed / "jobshape", ["keys"], tmp_path)
    assert run(installed / "python", ["-m", "jobshape", "--version"], tmp_path).endswith("\n")


def test_every_module_of_the_wheel_can_be_imported(installed: Path, tmp_path: Path) -> None:
    modules = sorted(
        name.removesuffix(".py").replace("/", ".")
        for name in files_on_disk()
        if name.endswith(".py") and not name.endswith(("__init__.py", "__main__.py"))
    )
    code = f"import importlib\nfor name in {modules}: importlib.import_module(name)\nprint('all')"
    assert run(installed / "python", ["-c", code], tmp_path) == "all\n"
