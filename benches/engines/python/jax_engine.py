"""JAX, compiled by XLA: `jax_engine.py cpu|cuda`."""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ["JAX_PLATFORMS"] = sys.argv[1]

import jax  # noqa: E402 (reads its platform when it is imported)
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from protocol import (  # noqa: E402
    CROSS_ENTROPY,
    FUSED,
    LOG_SUM_EXP,
    Answer,
    Engine,
    Hello,
    Problem,
    serve,
)

ELEMENTS = {"f32": jnp.float32, "f16": jnp.float16, "bf16": jnp.bfloat16}


def log_sum_exp(logits: jax.Array, targets: jax.Array) -> Any:
    """A value for each row, float32."""
    return jax.nn.logsumexp(logits.astype(jnp.float32), axis=1)


def cross_entropy(logits: jax.Array, targets: jax.Array) -> Any:
    """As optax's softmax_cross_entropy_with_integer_labels, then the mean."""
    logits = logits.astype(jnp.float32)
    picked = jnp.take_along_axis(logits, targets[:, None], axis=1)[:, 0]
    return (jax.nn.logsumexp(logits, axis=1) - picked).mean()


class JaxEngine(Engine):
    """One jitted function an operation."""

    def __init__(self) -> None:
        try:
            self.device = jax.devices()[0]
        except (AssertionError, RuntimeError) as error:
            raise RuntimeError(f"jax {jax.__version__} finds no {sys.argv[1]} device") from error
        self.operations = {
            LOG_SUM_EXP: jax.jit(log_sum_exp),
            CROSS_ENTROPY: jax.jit(cross_entropy),
            FUSED: jax.jit(jax.value_and_grad(cross_entropy)),
        }

    def hello(self) -> Hello:
        is_cpu = self.device.platform == "cpu"
        threads = len(os.sched_getaffinity(0)) if is_cpu else None
        return Hello(jax.__version__, self.device.device_kind, threads, list(ELEMENTS))

    def load(self, problem: Problem) -> None:
        self.logits = self.targets = None  # room for the next
        jax.clear_caches()
        self.logits = jax.device_put(jnp.asarray(problem.logits, ELEMENTS[problem.element]))
        self.targets = jax.device_put(problem.targets)
        jax.block_until_ready((self.logits, self.targets))

    def compute(self, operation: str) -> Any:
        return self.operations[operation](self.logits, self.targets)

    def wait(self, result: Any) -> None:
        jax.block_until_ready(result)

    def answer(self, operation: str, result: Any) -> Answer:
        if operation == LOG_SUM_EXP:
            return Answer(values=np.asarray(result, np.float32))
        if operation == CROSS_ENTROPY:
            return Answer(float(result))
        loss, gradient = result
        return Answer(float(loss), np.asarray(gradient.astype(jnp.float32)))


if __name__ == "__main__":
    serve(JaxEngine)
