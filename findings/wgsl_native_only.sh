#!/usr/bin/env bash
# Ordinary WGSL of reductions that wgpu compiles and runs is refused by Tint, thus by Chromium:
# FLT_MAX as C writes it, minus infinity by bitcast, a barrier after the usual bounds check.
#
# Versions: naga of wgpu-native (PyPI wgpu 0.32.0), Tint of Dawn (npm webgpu 0.6.2), both on
#   SwiftShader 5.0.0 (npm @sparticuz/chromium 153.0.0); Python 3.11, Node 20.
# Behaviour: naga accepts all five texts. Tint refuses four: -3.40282347e+38f, the FLT_MAX of C's
#   float.h, as it lies above the largest float32 before rounding (3.4028234663852886e+38 is fine);
#   a bitcast to infinity in a let, as it is a constant expression even there; barriers after
#   "if (i >= n) { return; }" or in a loop bounded by a private variable, as non-uniform.
# Why one would guess otherwise: both are validating compilers of one specification and "it passes
#   wgpu's validation" sounds like portable; 3.40282347e+38 *rounds* to the largest float32, which
#   is all that C, Rust or GLSL ask; and wgpu is Firefox's own implementation.
# For users of losses: these are how a maximum is begun and how a row's states are merged. Tests on
#   wgpu alone, however many, tell nothing about the page. Begin a maximum with 3.4028234e38 (or its
#   hexadecimal form); let invocations outside go through the barriers with neutral values.
#
# Seen on 2026-11-30:
#   FLT_MAX, 9 digits    naga: accepted   Tint: value cannot be represented as 'f32'
#   FLT_MAX, 17 digits   naga: accepted   Tint: accepted
#   bitcast to -inf      naga: accepted   Tint: value -inf cannot be represented as 'f32'
#   barrier, early out   naga: accepted   Tint: 'workgroupBarrier' must only be called from uniform control flow
#   barrier in a loop    naga: accepted   Tint: 'workgroupBarrier' must only be called from uniform control flow
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cd "$dir"
npm install --silent --ignore-scripts webgpu@0.6.2 @sparticuz/chromium@153.0.0 >npm.log 2>&1 || {
    cat npm.log
    exit 1
}
# That package of Chromium carries SwiftShader in an archive of its own.
node -e 'process.stdout.write(require("zlib").brotliDecompressSync(require("fs").readFileSync(
    "node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")))' | tar -x
python3 -m venv venv
venv/bin/pip install -q wgpu==0.32.0 numpy==2.4.6
export XDG_RUNTIME_DIR=$dir VK_DRIVER_FILES=$dir/vk_swiftshader_icd.json LD_LIBRARY_PATH=$dir
export WGPU_BACKEND_TYPE=Vulkan
cat >texts.py <<'EOF'
import json
head = """@group(0) @binding(0) var<storage, read_write> x: array<f32>;
var<private> size: u32; var<workgroup> w: array<f32, 64>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { %s }"""
tree = """size = 64u; w[i] = x[i];
    for (var s = size / 2u; s > 0u; s /= 2u) {
        workgroupBarrier(); if (i < s) { w[i] += w[i + s]; }
    }
    x[i] = w[0];"""
json.dump({
    "FLT_MAX, 9 digits": head % "x[i] = max(x[i], -3.40282347e+38f);",
    "FLT_MAX, 17 digits": head % "x[i] = max(x[i], -3.4028234663852886e+38f);",
    "bitcast to -inf": head % "let low = bitcast<f32>(0xff800000u); x[i] = max(x[i], low);",
    "barrier, early out": head % """if (i >= arrayLength(&x)) { return; }
        w[i] = x[i]; workgroupBarrier(); x[i] = w[0];""",
    "barrier in a loop": head % tree,
}, open("texts.json", "w"))
EOF
cat >naga.py <<'EOF'
import json, wgpu
device = wgpu.gpu.request_adapter_sync().request_device_sync(required_features=["subgroup"])
for name, code in json.load(open("texts.json")).items():
    try:
        module = device.create_shader_module(code=code)
        device.create_compute_pipeline(layout="auto", compute={"module": module})
        print(name, "accepted", sep="|")
    except wgpu.GPUError as error:
        print(name, str(error).split("parsing error: ")[-1].splitlines()[0], sep="|")
EOF
cat >tint.mjs <<'EOF'
import { create, globals } from "webgpu";
import fs from "fs";
Object.assign(globalThis, globals);
const gpu = create([]), adapter = await gpu.requestAdapter();
const device = await adapter.requestDevice({ requiredFeatures: ["subgroups"] });
for (const [name, code] of Object.entries(JSON.parse(fs.readFileSync("texts.json")))) {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter((m) => m.type == "error").map((m) => m.message);
  console.log([name, (await device.popErrorScope()) ? errors[0] : "accepted"].join("|"));
}
process.exit(0);
EOF
venv/bin/python texts.py
venv/bin/python naga.py >naga.txt
node tint.mjs >tint.txt
while IFS='|' read -r name naga _ tint; do
    printf '%-20s naga: %-10s Tint: %s\n' "$name" "$naga" "$tint"
done < <(paste -d'|' naga.txt tint.txt)
answers=$(cut -d'|' -f2 naga.txt tint.txt | sed 's/^accepted$/yes/; t; s/.*/no/' | tr '\n' ' ')
[ "$answers" = "yes yes yes yes yes no yes no no no " ] || {
    echo "CHANGED: the two compilers agree on more, or on less, than on 2026-11-30."
    exit 1
}
