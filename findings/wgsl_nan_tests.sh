#!/usr/bin/env bash
# In WGSL x != x is false for a NaN, while !(x == x) is true; and whether max(1, NaN) is 1 or NaN
# depends on the WGSL compiler and on the order of the two operands.
#
# Versions: naga of wgpu-native (PyPI wgpu 0.32.0) and Tint of Dawn (npm webgpu 0.6.2), both on one
#   driver, SwiftShader 5.0.0 (npm @sparticuz/chromium 153.0.0); Python 3.11, Node 20. On Mesa's
#   lavapipe x != x is false as well, and naga's max(1, NaN) is 1.
# Behaviour: both compilers write "!=" as SPIR-V's *ordered* comparison, which is false if an
#   operand is NaN, so the two tests that are one in IEEE, C and Rust differ. For max and min they
#   write different code, and with naga's the order of the operands decides.
# Why one would guess otherwise: x != x is THE test for NaN where no isnan exists (WGSL has none);
#   IEEE has != as the one comparison that is true for NaN; a driver decides rounding, but who
#   would expect the operands' order or the browser's brand to decide what a NaN becomes?
# For users of losses: on Vulkan a guard "if (x != x)" never fires, in browsers and native hosts. A
#   running maximum of a row with a NaN may forget it: max(m, x[i]) and max(x[i], m) differ. Test
#   bits: (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u.
#
# Seen on 2026-11-30:
#          x != x  !(x == x)  bits  max(x, 1)  max(1, x)  min(x, 1)  min(1, x)
#   naga        0          1     1          1        NaN          1        NaN
#   Tint        0          1     1          1          1          1          1
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cd "$dir"
npm install --silent --ignore-scripts webgpu@0.6.2 @sparticuz/chromium@153.0.0 >npm.log 2>&1 || { cat npm.log; exit 1; }
# That package of Chromium carries SwiftShader in an archive of its own.
node -e 'process.stdout.write(require("zlib").brotliDecompressSync(require("fs").readFileSync(
    "node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")))' | tar -x
export XDG_RUNTIME_DIR=$dir VK_DRIVER_FILES=$dir/vk_swiftshader_icd.json
python3 -m venv venv
venv/bin/pip install -q wgpu==0.32.0 numpy==2.4.6
export WGPU_BACKEND_TYPE=Vulkan LD_LIBRARY_PATH=$dir
cat >nan.wgsl <<'EOF'
@group(0) @binding(0) var<storage, read> in: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1) fn main() {
    let x = in[0]; let one = in[1];
    out[0] = f32(x != x);
    out[1] = f32(!(x == x));
    out[2] = f32((bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
    out[3] = max(x, one); out[4] = max(one, x); out[5] = min(x, one); out[6] = min(one, x);
}
EOF
naga=$(venv/bin/python - <<'EOF'
import numpy as np
from wgpu.utils.compute import compute_with_buffers
out = compute_with_buffers({0: np.float32([np.nan, 1])}, {1: (7, "f")}, open("nan.wgsl").read(), n=1)
print(*("NaN" if v != v else int(v) for v in out[1]))
EOF
)
cat >tint.mjs <<'EOF'
import { create, globals } from "webgpu";
import fs from "fs";
Object.assign(globalThis, globals);
const gpu = create([]), device = await (await gpu.requestAdapter()).requestDevice();
const module = device.createShaderModule({ code: fs.readFileSync("nan.wgsl", "utf8") });
const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
const buffer = (size, usage) => device.createBuffer({ size, usage });
const x = buffer(8, 0x88), out = buffer(28, 0x84), read = buffer(28, 0x9); // storage, copies, map
device.queue.writeBuffer(x, 0, new Float32Array([NaN, 1]));
const entries = [x, out].map((buffer, binding) => ({ binding, resource: { buffer } }));
const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
pass.setPipeline(pipeline); pass.setBindGroup(0, group); pass.dispatchWorkgroups(1); pass.end();
encoder.copyBufferToBuffer(out, 0, read, 0, 28);
device.queue.submit([encoder.finish()]);
await read.mapAsync(1);
console.log(...new Float32Array(read.getMappedRange()));
process.exit(0);
EOF
tint=$(node tint.mjs)
echo "       x != x  !(x == x)  bits  max(x, 1)  max(1, x)  min(x, 1)  min(1, x)"
printf 'naga %8s %10s %5s %10s %10s %10s %10s\n' $naga
printf 'Tint %8s %10s %5s %10s %10s %10s %10s\n' $tint
[ "$naga / $tint" = "0 1 1 1 NaN 1 NaN / 0 1 1 1 1 1 1" ] || {
    echo "CHANGED: NaN is told, or goes through max and min, in another way now."
    exit 1
}
