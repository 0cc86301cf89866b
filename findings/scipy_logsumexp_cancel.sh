#!/usr/bin/env bash
# SciPy's logsumexp with weights b is NaN, sign included, where terms cancel exactly and lie beyond
# the range of exp: the one case that the function is there to handle.
#
# Versions: SciPy 1.17.1 (also 1.18.1), JAX 0.10.2 for comparison; NumPy 2.4.6, Python 3.11.
# Behaviour: logsumexp([m, m], b=[1, -1]) is -inf with sign 0 while m is small, and NaN with sign
#   NaN from m = 710 on; in float32 the value is NaN from 89 on. A third, small term, as in
#   e^1000 - e^1000 + e^0, gives NaN likewise. JAX's function has -inf and sign 0 at every m.
# Why one would guess otherwise: the maximum is taken out so that no exp overflows, and
#   return_sign is documented for sums that may vanish. But a result that is not finite is computed
#   once more by log(sum(b exp(a))), which overflows to inf - inf.
# For users of losses: differences of likelihoods (log(e^a - e^b), contrastive and censored terms)
#   are NaN when both are equal and large, in place of the -inf that one masks. Subtract the maximum
#   before the call.
#
# Seen on 2026-11-30:
#            SciPy float64       SciPy float32       JAX float32
#   m = 1    -inf, sign 0.0      -inf, sign 0.0      -inf, sign 0.0
#   m = 100  -inf, sign 0.0      nan, sign nan       -inf, sign 0.0
#   m = 700  -inf, sign 0.0      nan, sign nan       -inf, sign 0.0
#   m = 710  nan, sign nan       nan, sign nan       -inf, sign 0.0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q numpy==2.4.6 scipy==1.17.1
"$dir/venv/bin/pip" install -q jax==0.10.2
"$dir/venv/bin/python" - <<'EOF'
import sys
import jax, numpy as np
from scipy.special import logsumexp

def show(result):
    return "%s, sign %s" % tuple(float(v) for v in result)

print(f"{'':9}{'SciPy float64':20}{'SciPy float32':20}JAX float32")
seen = []
for m in 1, 100, 700, 710:
    a, b = np.array([m, m], np.float32), np.array([1, -1], np.float32)
    row = [logsumexp(a.astype(float), b=b.astype(float), return_sign=True),
           logsumexp(a, b=b, return_sign=True), jax.nn.logsumexp(a, b=b, return_sign=True)]
    print(f"m = {m:<5}" + "".join(f"{show(r):20}" for r in row).rstrip())
    seen.append("".join("N" if np.isnan(r[0]) else "-" for r in row))
if seen != ["---", "-N-", "-N-", "NN-"]:
    sys.exit("CHANGED: exact cancellation has other results now.")
EOF
