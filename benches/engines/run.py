#!/usr/bin/env python3
"""wgpu-loss and its rivals in one run: same data, same threads, answers compared, one table.

`run.py --install` sets everything up, `run.py` measures what is there; README.md says more.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

from driver.catalogue import VENV
from driver.install import install, python_of

SHAPES = (
    (1_048_576, 10),
    (262_144, 100),
    (32_768, 1000),
    (8192, 4096),
    (1024, 32_000),
    (256, 128_256),
    (8, 1_000_000),
)
#: Rows are divided by so much.
QUICK = 8


def main() -> int:
    """Installs, checks, or measures."""
    arguments = parse()
    python = arguments.python or (python_of(VENV) if python_of(VENV).exists() else None)
    if arguments.install and not install():
        return 1
    if importlib.util.find_spec("numpy") is None:
        return restart(python)
    if arguments.self_test:
        from driver.self_test import self_test

        return self_test()
    if arguments.install and not arguments.measure:
        return 0
    from driver.session import run

    shapes = arguments.shape or [(max(1, rows // arguments.scale), c) for rows, c in SHAPES]
    with tempfile.TemporaryDirectory(prefix="wgpu-loss-", dir=memory_folder()) as scratch:
        return run(arguments, shapes, python or Path(sys.executable), Path(scratch))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--install", action="store_true", help="install and build every engine, then stop")
    add("--measure", action="store_true", help="with --install: measure afterwards")
    add("--self-test", action="store_true", help="check the driver itself on a tiny case")
    add(
        "--quick",
        dest="scale",
        action="store_const",
        const=QUICK,
        default=1,
        help=f"1/{QUICK} of the rows",
    )
    add("--shape", action="append", type=shape, metavar="ROWSxCLASSES", help="may be repeated")
    add("--op", action="append", choices=("log-sum-exp", "cross-entropy", "fused"))
    add("--element", action="append", choices=("f32", "f16", "bf16"), help="default: f32")
    add("--engine", action="append", metavar="PART", help="engines whose names contain PART")
    add("--without", action="append", metavar="PART", help="but not those that contain PART")
    add("--threads", type=positive, default=len(available_cores()), help="default: all cores")
    add("--rounds", type=positive, default=5)
    add("--limit", type=float, default=10.0, help="timed seconds for an engine in a case")
    add("--timeout", type=float, default=240.0, help="seconds until a silent engine is ended")
    add("--json", type=Path, metavar="FILE", help="write the record")
    add("--append", action="store_true", help="keep the record's other cases")
    add("--markdown", type=Path, metavar="FILE", help="write the summary")
    add("--python", type=Path, help="interpreter of the engines, with their packages")
    add("--no-build", action="store_true", help="measure wgpu-loss as it was built")
    return parser.parse_args()


def shape(text: str) -> tuple[int, int]:
    """ROWSxCLASSES."""
    rows, _, classes = text.partition("x")
    return positive(rows), positive(classes)


def positive(text: str) -> int:
    """A number above 0."""
    value = int(text)
    if value <= 0:
        raise ValueError(f"expected a number above 0, got {value}")
    return value


def available_cores() -> set[int]:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def memory_folder() -> str | None:
    """Files that never touch a disk, where there are such."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def restart(python: Path | None) -> int:
    """The driver needs NumPy; the engines' interpreter has it."""
    if python is None or Path(sys.executable) == python:
        print(
            "NumPy is missing: `run.py --install`, or name an interpreter with --python",
            file=sys.stderr,
        )
        return 1
    os.execv(python, [str(python), *sys.argv])


if __name__ == "__main__":
    sys.exit(main())
