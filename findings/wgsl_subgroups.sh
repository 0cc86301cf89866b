#!/usr/bin/env bash
# No WGSL text that uses subgroups is accepted by both compilers: Tint demands "enable subgroups;",
# naga refuses that very line.
#
# Versions: naga of wgpu-native (PyPI wgpu 0.32.0), Tint of Dawn (npm webgpu 0.6.2), both on
#   SwiftShader 5.0.0 (npm @sparticuz/chromium 153.0.0); Python 3.11, Node 20.
# Behaviour: with the feature asked for on either device, the text with the line compiles in Tint
#   and not in naga ("not yet supported"), the text without it in naga and not in Tint. A shuffle in
#   a loop whose bound is a private variable is refused by Tint even if that variable is uniform.
# Why one would guess otherwise: WGSL is one language with one specification; the feature is listed
#   by both adapters, and the very same functions work in both.
# For users of losses: a reduction written with subgroupAdd and tested natively does not compile in
#   any browser, nor one taken from a web project in wgpu; generators (Slang's WGSL has the line)
#   give text for browsers only. The first line must be added per host, and loops of shuffles need
#   constants as bounds.
#
# Seen on 2026-11-30:
#   with the line     naga: the `subgroups` enable-extension is not yet supported
#   without it        naga: accepted
#   private bound     naga: accepted
#   with the line     Tint: accepted
#   without it        Tint: cannot call built-in function 'subgroupAdd' without extension 'subgroups'
#   private bound     Tint: 'subgroupShuffleXor' must only be called from subgroup uniform control flow
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
import json, sys
head = "@group(0) @binding(0) var<storage, read_write> x: array<f32>; var<private> size: u32;"
main = "@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { %s }"
add = head + main % "x[i] = subgroupAdd(x[i]);"
shuffle = head + main % """size = 4u; var v = x[i];
    for (var s = 1u; s < size; s *= 2u) { v += subgroupShuffleXor(v, s); } x[i] = v;"""
line = "enable subgroups;\n"
private = line + shuffle if sys.argv[1] == "Tint" else shuffle
json.dump({"with the line": line + add, "without it": add, "private bound": private},
          open("texts.json", "w"))
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
venv/bin/python texts.py naga
venv/bin/python naga.py >naga.txt
venv/bin/python texts.py Tint
node tint.mjs >tint.txt
for compiler in naga tint; do
    while IFS='|' read -r name answer; do
        printf '%-17s %s: %s\n' "$name" "${compiler/tint/Tint}" "$answer"
    done <"$compiler.txt"
done
answers=$(cut -d'|' -f2 naga.txt tint.txt | sed 's/^accepted$/yes/; t; s/.*/no/' | tr '\n' ' ')
[ "$answers" = "no yes yes yes no no " ] || {
    echo "CHANGED: one text for both compilers may be possible now."
    exit 1
}
