#!/usr/bin/env bash
# MLX on the CPU: probabilities of softmax in bfloat16 sum to 3.9 for 1,000 classes and to 125 for
# 32,000, while its logsumexp of the same is right; and a mean of float16 losses is infinite.
#
# Versions: mlx 0.32.4 with its CPU backend (Linux), NumPy 2.4.6, Python 3.11.
# Behaviour: softmax over the last axis adds up exponentials in the type of the input. A bfloat16 sum
#   of ones stands still at 256, a float16 one at 2,048: every probability is too large by classes
#   over 256. Random logits fare like it: 32,000 normal ones sum to about 8. Over axis 0 it is right,
#   so is logsumexp, and softmax(x, precise=True). mean() divides after a float16 sum: cross_entropy
#   with reduction="mean" of 8,192 rows of loss 25 is inf, as is the mean of 6,000 times 20.
# Why one would guess otherwise: "precise" sounds like last digits; NumPy and JAX sum half types in
#   float32; logsumexp does, in the same library; and the losses themselves are right, so a softmax
#   that is 125 times too large is not looked for.
# For users of losses: distillation targets, entropies and attention made by mx.softmax in half are
#   wrong on the CPU. Call it with precise=True, or exp(x - logsumexp(x)); cast losses to float32
#   before their mean.
#
# Seen on 2026-11-30:
#   sum of softmax, bfloat16 of 300, 1000, 32000 equal classes: 1.17 3.91 125
#   sum of softmax, float16  of 300, 1000, 32000 equal classes: 1 1 15.6
#   1000, bfloat16: precise 0.999, over axis 0 0.999, exp(x - logsumexp) 0.999
#   32000 normal logits, bfloat16: 7.9
#   mean loss of 8192 rows: float32 25.3, float16 inf
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q "mlx[cpu]==0.32.4" numpy==2.4.6
"$dir/venv/bin/python" - <<'EOF'
import sys
import mlx.core as mx, mlx.nn as nn, numpy as np

def total(p):
    return float(np.array(p.astype(mx.float32)).astype(np.float64).sum())

sums = {}
for kind, name in (mx.bfloat16, "bfloat16"), (mx.float16, "float16"):
    for n in 300, 1000, 32000:
        sums[name, n] = total(mx.softmax(mx.zeros((1, n), kind), axis=-1))
    print(f"sum of softmax, {name:8} of 300, 1000, 32000 equal classes:",
          *(f"{sums[name, n]:.3g}" for n in (300, 1000, 32000)))
z = mx.zeros((1, 1000), mx.bfloat16)
right = [total(mx.softmax(z, axis=-1, precise=True)), total(mx.softmax(z.T, axis=0)),
         total(mx.exp(z - mx.logsumexp(z, axis=-1, keepdims=True)))]
print("1000, bfloat16: precise %.3g, over axis 0 %.3g, exp(x - logsumexp) %.3g" % tuple(right))
random = np.random.default_rng(0)
normal = total(mx.softmax(mx.array(random.normal(size=32000)).astype(mx.bfloat16), axis=-1))
print(f"32000 normal logits, bfloat16: {normal:.3g}")
x, y = mx.array(random.normal(size=(8192, 100)) * 10), mx.array(random.integers(0, 100, 8192))
means = [nn.losses.cross_entropy(x.astype(kind), y, reduction="mean").item()
         for kind in (mx.float32, mx.float16)]
print("mean loss of 8192 rows: float32 %.3g, float16 %.3g" % tuple(means))
if not (sums["bfloat16", 32000] > 100 and sums["float16", 32000] > 10 and normal > 2
        and all(abs(r - 1) < 0.01 for r in right) and means[1] == np.inf and means[0] < 30):
    sys.exit("CHANGED: sums of half types are other than on 2026-11-30.")
EOF
