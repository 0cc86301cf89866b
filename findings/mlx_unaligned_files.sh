#!/usr/bin/env bash
# MLX writes safetensors files whose float32 tensors begin at odd addresses, and .npy files whose data
# begin at byte 78: no pointer into the mapped file can be used.
#
# Versions: mlx 0.32.4 (Linux, CPU), safetensors 0.8.0, NumPy 2.4.6, Python 3.11.
# Behaviour: the safetensors library pads the header to 8 bytes and puts wide types first, so that
#   every tensor is aligned. MLX does not pad, so that where the data begin depends on the length of
#   the tensors' names; the order of its tensors is that of a hash map. MLX's .npy of a 2 x 3 array
#   has its data at byte 78, where NumPy's format asks for a multiple of 64.
# Why one would guess otherwise: zero-copy by memory map is what the format is chosen for, and files
#   of the reference writer never show it. They are valid by the text of the format.
# For users of losses: logits mapped as &[f32] or uploaded from the map must be checked for alignment
#   and copied if need be; a test with files of the reference writer alone passes. Rust's bytemuck
#   refuses such slices, ndarray-npy's view too; code in C may go on and be wrong or slow.
#
# Seen on 2026-11-30 ("byte" is where the logits, f32 [4], begin in the file):
#   safetensors   byte 128, 0 mod 4
#   mlx           names logits, xlogits, xxlogits, xxxlogits: 0 1 2 3 mod 4
#   mlx .npy      data at byte 78 (NumPy: 128)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q "mlx[cpu]==0.32.4" numpy==2.4.6 safetensors==0.8.0
"$dir/venv/bin/python" - "$dir/file" <<'EOF'
import json, sys
import mlx.core as mx, numpy as np, safetensors.numpy

path = sys.argv[1]
def begin(name, file=path):
    data = open(file, "rb").read()
    size = int.from_bytes(data[:8], "little")
    return 8 + size + json.loads(data[8:8 + size])[name]["data_offsets"][0]

label, logits = np.array([1, 2, 3], np.uint8), np.array([1, 2, 3, 4], np.float32)
safetensors.numpy.save_file({"label": label, "logits": logits}, path)
reference = begin("logits")
print(f"safetensors   byte {reference}, {reference % 4} mod 4")
names, found = ["x" * i + "logits" for i in range(4)], []
for name in names:
    mx.save_safetensors(path + ".safetensors", {name: mx.array(logits)})
    found.append(begin(name, path + ".safetensors") % 4)
print("mlx           names " + ", ".join(names) + ":", *found, "mod 4")
mx.save(path + ".npy", mx.ones((2, 3)))
npy = 10 + int.from_bytes(open(path + ".npy", "rb").read()[8:10], "little")
np.save(path + "2.npy", np.ones((2, 3), np.float32))
other = 10 + int.from_bytes(open(path + "2.npy", "rb").read()[8:10], "little")
print(f"mlx .npy      data at byte {npy} (NumPy: {other})")
if reference % 4 or sorted(found) != [0, 1, 2, 3] or npy % 16 == 0:
    sys.exit("CHANGED: MLX aligns its data in another way now.")
EOF
