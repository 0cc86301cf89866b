"""Sets up what the engines need: a virtual environment, and Cargo's release builds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

from .catalogue import BUILT, ENGINES, RUST, VENV


def python_of(folder: Path) -> Path:
    """The interpreter of a virtual environment."""
    windows = folder / "Scripts" / "python.exe"
    return windows if windows.exists() else folder / "bin" / "python"


def install(folder: Path = VENV) -> bool:
    """Everything; what fails is said, and the rest goes on. Whether all went well."""
    packages = install_packages(folder)
    builds = build(RUST)
    return packages and builds


def install_packages(folder: Path) -> bool:
    """One requirement after the other: a library that is not to be had here stops no other."""
    if not python_of(folder).exists():
        venv.create(folder, with_pip=True)
    pip = [str(python_of(folder)), "-m", "pip", "install", "--quiet"]
    lines = (ENGINES / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    failed = [line for line in wanted if not _runs([*pip, line])]
    if failed:
        print(f"not installed: {', '.join(failed)}", file=sys.stderr)
    return not failed


def build(folders: Iterable[str]) -> bool:
    """Release builds, each with its own lock file and target folder."""
    cargo = shutil.which("cargo")
    if cargo is None:
        print("cargo is missing: the engines written in Rust are not built", file=sys.stderr)
        return False
    failed = [folder for folder in folders if not _runs(_build_command(cargo, folder))]
    if failed:
        print(f"not built: {', '.join(failed)}", file=sys.stderr)
    return not failed


def _build_command(cargo: str, folder: str) -> list[str]:
    return [
        cargo,
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--manifest-path",
        str(ENGINES / folder / "Cargo.toml"),
        "--target-dir",
        str(BUILT / folder),
    ]


def _runs(command: list[str], folder: Path | None = None) -> bool:
    print("+", *command, file=sys.stderr)
    return subprocess.run(command, cwd=folder, check=False).returncode == 0
