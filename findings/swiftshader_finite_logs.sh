#!/usr/bin/env bash
# On SwiftShader log(0), log(-inf), log(-1) and log(NaN) are finite numbers, exp(NaN) is infinity,
# tanh(inf) is NaN, and the quotient of two subnormals is NaN.
#
# Versions: SwiftShader 5.0.0 as Chromium 153 carries it (npm @sparticuz/chromium 153.0.0), which
#   is what browsers without a GPU run WebGPU on; PyPI wgpu 0.32.0, Python 3.11, Node 20.
# Behaviour: see the table. Division, sqrt and addition are IEEE's, so infinities and NaN do exist;
#   it is exp, log and tanh that have no special cases. Subnormals are taken for 0: hence 0 / 0.
# Why one would guess otherwise: WGSL does let a compiler assume that there is no NaN and no
#   infinity, but the other common driver on the CPU, lavapipe, has -inf for log(0), and one would
#   think of wrong last bits, not of 88.7 for log(-inf).
# For users of losses: what should be seen is hidden. A probability of 0 costs 88.03, a plausible
#   loss, not infinity; a NaN logit leaves log(x) as 89.13, and tests for NaN or infinity in CI's
#   browser pass. Special values must be told by their bits before exp and log.
#
# Seen on 2026-11-30:
#   SwiftShader Device (Subzero)
#   log(0)         -88.0297   IEEE -inf        exp(NaN)            inf   IEEE nan
#   log(-inf)       88.7228   IEEE nan         tanh(inf)           nan   IEEE 1
#   log(-1)               0   IEEE nan         tanh(100)           nan   IEEE 1
#   log(NaN)        89.1283   IEEE nan         1e-40 / 5e-40       nan   IEEE 0.2
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cd "$dir"
npm install --silent --ignore-scripts @sparticuz/chromium@153.0.0 >npm.log 2>&1 || { cat npm.log; exit 1; }
# That package of Chromium carries SwiftShader in an archive of its own.
node -e 'process.stdout.write(require("zlib").brotliDecompressSync(require("fs").readFileSync(
    "node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")))' | tar -x
export XDG_RUNTIME_DIR=$dir VK_DRIVER_FILES=$dir/vk_swiftshader_icd.json
python3 -m venv venv
venv/bin/pip install -q wgpu==0.32.0 numpy==2.4.6
export WGPU_BACKEND_TYPE=Vulkan
LD_LIBRARY_PATH=$dir venv/bin/python - <<'EOF'
import sys
import numpy as np, wgpu
from wgpu.utils.compute import compute_with_buffers

print(wgpu.gpu.request_adapter_sync().info["device"])
CASES = [  # name, expression, argument, value by IEEE
    ("log(0)", "log(x[0])", 0, "-inf"), ("exp(NaN)", "exp(x[1])", np.nan, "nan"),
    ("log(-inf)", "log(x[2])", -np.inf, "nan"), ("tanh(inf)", "tanh(x[3])", np.inf, "1"),
    ("log(-1)", "log(x[4])", -1, "nan"), ("tanh(100)", "tanh(x[5])", 100, "1"),
    ("log(NaN)", "log(x[6])", np.nan, "nan"), ("1e-40 / 5e-40", "x[7] / x[8]", 1e-40, "0.2"),
]
body = "".join(f"out[{i}] = {case[1]}; " for i, case in enumerate(CASES))
shader = """@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1) fn main() { %s}""" % body
x = np.float32([case[2] for case in CASES] + [5e-40])
seen = [f"{v:g}" for v in compute_with_buffers({0: x}, {1: (len(CASES), "f")}, shader, n=1)[1]]
cells = [f"{c[0]:14}{v:>9}   IEEE {c[3]:12}" for c, v in zip(CASES, seen)]
for left, right in zip(cells[::2], cells[1::2]):
    print(left, right.rstrip())
if seen != ["-88.0297", "inf", "88.7228", "nan", "0", "nan", "89.1283", "nan"]:
    sys.exit("CHANGED: SwiftShader's special values are others than on 2026-11-30.")
EOF
