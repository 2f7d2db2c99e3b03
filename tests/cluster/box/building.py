"""Running a build command inside a root, with the machine's network and package registry."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from box import mounts
from box.commands import run_logged

_CA_BUNDLE: Final = "/etc/ssl/certs/ca-certificates.crt"
_PASSED_ON: Final = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_PIP_OPTIONS: Final = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")


def run_in_root(
    root: Path, argv: Sequence[str], *, binds: Mapping[Path, str], env: Mapping[str, str]
) -> str:
    """Run a command in the root, which stays unchanged but for what is bound into it.

    binds: folders and files of the machine, and where they appear, relative to the root.
    """
    machine = {Path(f"/{name}").resolve(): name for name in ("etc/resolv.conf", "etc/hosts")}
    if Path(_CA_BUNDLE).exists():
        machine[Path(_CA_BUNDLE).resolve()] = _CA_BUNDLE.lstrip("/")
    with tempfile.TemporaryDirectory(prefix="box-") as scratch:
        step = {
            "root": str(root),
            "scratch": scratch,
            "binds": {str(outside): inside for outside, inside in {**machine, **binds}.items()},
            "argv": list(argv),
            "env": {**_base_environment(), **pip_environment(), **env},
        }
        entry = [sys.executable, str(Path(__file__).parent), "_build-step", json.dumps(step)]
        return run_logged(entry, isolated=True)


def build_step(text: str) -> None:
    """Inside the namespaces that run_in_root made: enter the root and become the command."""
    step = json.loads(text)
    root = mounts.mount_overlay([Path(step["root"])], Path(step["scratch"]))
    mounts.mount_kernel(root)
    mounts.bind(root, {Path(outside): inside for outside, inside in step["binds"].items()})
    mounts.enter(root)
    os.execvpe(step["argv"][0], step["argv"], step["env"])


def pip_environment() -> dict[str, str]:
    """The machine's pip settings as environment variables, files on its own disk left out."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    found: dict[str, str] = {}
    for line in listing.stdout.splitlines():
        name, _, quoted = line.partition("=")
        option = name.rpartition(".")[2]
        if option in _PIP_OPTIONS and quoted:
            words = str(ast.literal_eval(quoted)).split()
            value = " ".join(word for word in words if not word.startswith("file:"))
            if value:
                found[f"PIP_{option.replace('-', '_').upper()}"] = value
    return found


def _base_environment() -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "PIP_CERT": _CA_BUNDLE,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        **passed_on,
    }
