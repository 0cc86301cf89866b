"""Which engines there are, and how each is started."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

ENGINES = Path(__file__).resolve().parent.parent
PROJECT = ENGINES.parent.parent
#: Where `--install` builds; git ignores it.
BUILT = PROJECT / "target" / "engines"
VENV = BUILT / "venv"

CPU, GPU = "cpu", "gpu"
#: Folders with a Cargo manifest, and the program that each builds.
RUST = {
    "wgpu_loss": "engine-wgpu-loss",
    "burn": "engine-burn",
    "candle": "engine-candle",
}
OURS = {CPU: "wgpu-loss cpu::Fast", GPU: "wgpu-loss GPU"}

#: glibc hands large blocks back to the system when they are freed, and the next call pays for
#: fresh pages; with these it keeps them.
TUNED_ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
}
TUNED = ", tuned allocator"


@dataclass(frozen=True)
class Spec:
    """An engine: its name in tables, what it computes on, and how to start it."""

    name: str
    kind: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    #: What is missing where the program does not start.
    remedy: str = ""


def catalogue(python: Path) -> list[Spec]:
    """Every engine known, installed or not; `python` runs those that are written in Python."""
    specs = [
        *_with_tuned(_rust(OURS[CPU], CPU, "wgpu_loss", "cpu")),
        _rust(f"{OURS[CPU]}, into", CPU, "wgpu_loss", "cpu-into"),
        _rust(OURS[GPU], GPU, "wgpu_loss", "gpu"),
        *_with_tuned(_python("PyTorch eager", CPU, python, "torch", "cpu", "eager")),
        *_with_tuned(_python("torch.compile", CPU, python, "torch", "cpu", "compile")),
        *_with_tuned(_python("JAX", CPU, python, "jax", "cpu")),
        *_with_tuned(_python("NumPy", CPU, python, "numpy", "numpy")),
        _python("SciPy", CPU, python, "numpy", "scipy"),
        *_with_tuned(_rust("burn flex", CPU, "burn", "flex")),
        _rust("burn cpu", CPU, "burn", "cpu"),
        *_with_tuned(_rust("candle", CPU, "candle", "cpu")),
        _rust("burn wgpu", GPU, "burn", "wgpu"),
        _rust("burn Vulkan", GPU, "burn", "vulkan"),
        _python("tinygrad WebGPU", GPU, python, "tinygrad"),
        _python("PyTorch eager, CUDA", GPU, python, "torch", "cuda", "eager"),
        _python("torch.compile, CUDA", GPU, python, "torch", "cuda", "compile"),
        _python("Liger-Kernel, in place, CUDA", GPU, python, "torch", "cuda", "liger"),
        _python("JAX, CUDA", GPU, python, "jax", "cuda"),
    ]
    return specs


def shared_environment(threads: int) -> dict[str, str]:
    """The same number of threads, said in each library's way."""
    names = (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "LP_NUM_THREADS",
    )
    return {
        **dict.fromkeys(names, str(threads)),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # several engines share a GPU's memory
        "PYTHONUNBUFFERED": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(BUILT / "inductor"),
    }


def _with_tuned(spec: Spec) -> list[Spec]:
    tuned = Spec(
        spec.name + TUNED,
        spec.kind,
        spec.command,
        {**spec.environment, **TUNED_ALLOCATOR},
        spec.remedy,
    )
    return [spec, tuned]


def _rust(name: str, kind: str, folder: str, *arguments: str) -> Spec:
    program = BUILT / folder / "release" / (RUST[folder] + (".exe" if os.name == "nt" else ""))
    remedy = "not built: `run.py --install` builds it"
    return Spec(name, kind, (str(program), *arguments), remedy=remedy)


def _python(name: str, kind: str, python: Path, script: str, *arguments: str) -> Spec:
    path = ENGINES / "python" / f"{script}_engine.py"
    return Spec(name, kind, (str(python), str(path), *arguments))
