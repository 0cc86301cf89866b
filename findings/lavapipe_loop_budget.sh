#!/usr/bin/env bash
# On lavapipe a kernel's loops end after 65,535 iterations, without a word, and all loops of an
# invocation draw on that one number.
#
# Versions: Mesa 22.3.6 (Debian 12, LLVM 15.0.6), the software Vulkan driver of servers and CI;
#   PyPI wgpu 0.32.0 (wgpu-native), Python 3.11. The same through other hosts of that driver.
# Behaviour: a loop of 70,000 or 1,000,000 iterations ends after 65,535. A second loop of 50,000
#   after a first of 50,000 makes 15,534. The log-sum-exp of 128,256 zeros in two loops has its
#   maximum from the first one, which spends the budget, and one single term from the second: a
#   loss of 0.0 where ln 128256 = 11.76 is right.
# Why one would guess otherwise: Vulkan knows no such limit and the driver passes its conformance
#   tests; elsewhere a loop that takes too long ends in a lost device, never in a wrong number.
#   Nothing about it is told by limits, validation layers or errors.
# For users of losses: one invocation must not walk over a long row. Vocabularies of today
#   (128,256; 151,936; 262,144) are wrong in any kernel with a lane per row, only where CI runs.
#
# Seen on 2026-11-30:
#   Mesa 22.3.6 (LLVM 15.0.6)
#   65535 ones: 65535     65536 ones: 65535     70000 ones: 65535     1000000 ones: 65535
#   two loops of 50000: 50000 and 15534
#   loss of 128256 equal classes: 0.0, from 1 term (right: 11.7618, from 128256)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The driver and the libraries it needs, unpacked in the temporary folder: nothing is installed.
cd "$dir"
apt-get download mesa-vulkan-drivers=22.3.6-1+deb12u2 libllvm15=1:15.0.6-4+b1 \
    libvulkan1=1.3.239.0-1 libdrm2 libdrm-amdgpu1 libxcb1 libxcb-dri3-0 libxcb-present0 \
    libxcb-randr0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libx11-xcb1 libxshmfence1 \
    libwayland-client0 libelf1 libxau6 libxdmcp6 libbsd0 libmd0 libedit2 libz3-4 libxml2 \
    libicu72 >apt.log 2>&1 || {
    cat apt.log
    echo "This needs Debian 12 (amd64) and its lists of packages: run 'apt-get update' once."
    exit 1
}
for deb in *.deb; do dpkg -x "$deb" driver; done
lib=$dir/driver/usr/lib/x86_64-linux-gnu
printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.1.230"}}' \
    "$lib/libvulkan_lvp.so" >lavapipe.json
python3 -m venv venv
venv/bin/pip install -q wgpu==0.32.0 numpy==2.4.6
export XDG_RUNTIME_DIR=$dir WGPU_BACKEND_TYPE=Vulkan VK_DRIVER_FILES=$dir/lavapipe.json
LD_LIBRARY_PATH=$lib venv/bin/python - <<'EOF'
import sys
import numpy as np, wgpu
from wgpu.utils.compute import compute_with_buffers

print(wgpu.gpu.request_adapter_sync().info["description"])
HEAD = """@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1) fn main() { %s }"""
def run(body, x):
    return list(compute_with_buffers({0: np.float32(x)}, {1: (2, "f")}, HEAD % body, n=1)[1])

ONE = "var s = 0.0; for (var i = 0u; i < u32(x[0]); i++) { s += x[1]; } out[0] = s;"
TWO = ONE + "var t = 0.0; for (var i = 0u; i < u32(x[0]); i++) { t += x[1]; } out[1] = t;"
LOSS = """var m = x[0]; for (var i = 0u; i < arrayLength(&x); i++) { m = max(m, x[i]); }
    var s = 0.0; for (var i = 0u; i < arrayLength(&x); i++) { s += exp(x[i] - m); }
    out[0] = m + log(s) - x[0]; out[1] = s;"""
counts = [run(ONE, [n, 1])[0] for n in (65535, 65536, 70000, 1000000)]
print("65535 ones: %g     65536 ones: %g     70000 ones: %g     1000000 ones: %g" % tuple(counts))
pair, loss = run(TWO, [50000, 1]), run(LOSS, np.zeros(128256))
print("two loops of 50000: %g and %g" % tuple(pair))
print("loss of 128256 equal classes: %s, from %g term (right: 11.7618, from 128256)" % tuple(loss))
if counts != [65535] * 4 or pair != [50000, 15534] or loss != [0, 1]:
    sys.exit("CHANGED: this driver no longer ends loops after 65,535 iterations.")
EOF
