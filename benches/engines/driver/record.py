"""The run as JSON: results, engines, machine, command."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .catalogue import PROJECT

Json = dict[str, Any]
KEY = ("engine", "op", "element", "rows", "classes")


def of_run(results: list[Json], engines: Json, missing: dict[str, str], threads: int) -> Json:
    """Everything that is needed to read the times later."""
    return {
        "commands": [" ".join(["run.py", *sys.argv[1:]])],
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "machine": _machine(threads),
        "engines": engines,
        "missing": missing,
        "results": results,
    }


def write(path: Path, record: Json, is_appended: bool) -> Json:
    """Atomically; appended, new results take the place of old ones of the same case."""
    if is_appended and path.exists():
        record = _merged(json.loads(path.read_text(encoding="utf-8")), record)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        json.dump(record, file, indent=1)
        file.write("\n")
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
    return record


def _merged(old: Json, new: Json) -> Json:
    replaced = {tuple(result[name] for name in KEY) for result in new["results"]}
    kept = [
        result for result in old["results"] if tuple(result[name] for name in KEY) not in replaced
    ]
    engines = {**old["engines"], **new["engines"]}
    missing = {**old["missing"], **new["missing"]}
    return {
        **new,
        "commands": list(dict.fromkeys(old["commands"] + new["commands"])),
        "engines": engines,
        "missing": {name: why for name, why in missing.items() if name not in engines},
        "results": kept + new["results"],
    }


def _machine(threads: int) -> Json:
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "memory_mib": memory,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _commit() -> str:
    command = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
