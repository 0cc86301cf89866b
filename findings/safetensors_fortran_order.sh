#!/usr/bin/env bash
# safetensors 0.8.0 saves NumPy arrays that are not C-contiguous (transposed, Fortran-ordered,
# sliced) wrong, without a word; 0.7.0 saved them right.
#
# Versions: safetensors 0.8.0 against 0.7.0, NumPy 2.4.6, Python 3.11 (also seen: NumPy 2.5.5).
# Behaviour: save and save_file write the bytes from the first element of the array on, in the order
#   of memory, under the shape in C order. A transposed matrix comes back with its numbers at other
#   places; a slice x[:, :2] with numbers that are not in it at all.
# Why one would guess otherwise: it was right up to 0.7.0; np.save takes every layout; the same
#   library's torch half refuses such tensors with an error. And the file is valid in every way.
# For users of losses: logits that a layer gives as (C, N) are transposed to (N, C) for the loss.
#   Written for an evaluation elsewhere, they give a finite, plausible, wrong loss. Save
#   np.ascontiguousarray(x).
#
# Seen on 2026-11-30:
#   safetensors 0.7.0: transposed right, Fortran order right, columns 0 and 1 right
#   safetensors 0.8.0: transposed WRONG, Fortran order WRONG, columns 0 and 1 WRONG
#   [[0, 3], [1, 4], [2, 5]] came back as [[0, 1], [2, 3], [4, 5]]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q numpy==2.4.6 safetensors==0.7.0
cat >"$dir/check.py" <<'EOF'
import sys
import numpy as np, safetensors
from safetensors.numpy import load, save

x = np.arange(6, dtype=np.float32).reshape(2, 3)
layouts = {"transposed": x.T, "Fortran order": np.asfortranarray(x), "columns 0 and 1": x[:, :2]}
back = {name: load(save({"x": a}))["x"] for name, a in layouts.items()}
right = [np.array_equal(back[name], layouts[name]) for name in layouts]
print(f"safetensors {safetensors.__version__}:",
      ", ".join(f"{name} {'right' if r else 'WRONG'}" for name, r in zip(layouts, right)))
if sys.argv[1] == "right":
    sys.exit(0 if all(right) else "CHANGED: version 0.7.0 is wrong, too.")
text = lambda a: str(a.astype(int).tolist())
print(text(x.T), "came back as", text(back["transposed"]))
if any(right):
    sys.exit("CHANGED: version 0.8.0 saves such arrays right.")
EOF
"$dir/venv/bin/python" "$dir/check.py" right
"$dir/venv/bin/pip" install -q safetensors==0.8.0
"$dir/venv/bin/python" "$dir/check.py" wrong
