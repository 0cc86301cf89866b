#!/usr/bin/env bash
# lavapipe simplifies (a + b) - a to b: compensated sums and two-sums lose their compensation, and
# inf - inf is 0.
#
# Versions: Mesa 22.3.6 (Debian 12, LLVM 15.0.6); PyPI wgpu 0.32.0, Python 3.11. All hosts of the
#   driver alike: it is no work of the WGSL compiler. SwiftShader keeps all four right.
# Behaviour: with a = 1e8, b = 1 from a buffer, (a + b) - a is 1, not the rounding's 0. Kahan's sum
#   of 1e8 and a thousand ones is 1e8, as if it were the plain sum; the error term of a two-sum is
#   0; inf - inf is 0 where IEEE has NaN.
# Why one would guess otherwise: C compilers do so only under -ffast-math, and GLSL has "precise"
#   against it. WGSL has no such word; its leave to reassociate is seldom used, least of all by a
#   driver on the CPU that otherwise gives IEEE's bits (division, fma, subnormals).
# For users of losses: a long mean that is compensated by Kahan's or Neumaier's method is no better
#   there than the plain sum. What helps is the order of summing (pairs, blocks) or integer bits.
#   And x - x == 0 is no test of finiteness.
#
# Seen on 2026-11-30:
#   Mesa 22.3.6 (LLVM 15.0.6)
#   (1e8 + 1) - 1e8                  1.0   (float32: 0.0)
#   Kahan, 1e8 + 1000 x 1    100000000.0   (float32: 100001000.0)
#   two-sum error, .1 + .2           0.0   (float32: -7.45e-09)
#   inf - inf                        0.0   (float32: nan)
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
SHADER = """@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1) fn main() {
    let big = x[0]; let one = x[1];
    out[0] = (big + one) - big;
    var sum = big; var lost = 0.0;
    for (var i = 0; i < 1000; i++) {
        let y = one - lost; let t = sum + y;
        lost = (t - sum) - y; sum = t;
    }
    out[1] = sum;
    let s = x[2] + x[3]; let b = s - x[2];
    out[2] = (x[2] - (s - b)) + (x[3] - b);
    out[3] = x[4] - x[4];
}"""
x = np.float32([1e8, 1, 0.1, 0.2, np.inf])
seen = list(compute_with_buffers({0: x}, {1: (4, "f")}, SHADER, n=1)[1])
names = "(1e8 + 1) - 1e8", "Kahan, 1e8 + 1000 x 1", "two-sum error, .1 + .2", "inf - inf"
for name, value, right in zip(names, seen, ("0.0", "100001000.0", "-7.45e-09", "nan")):
    print(f"{name:24}{value:12}   (float32: {right})")
if seen != [1, 1e8, 0, 0]:
    sys.exit("CHANGED: this driver no longer cancels terms as if sums were exact.")
EOF
