#!/usr/bin/env bash
# Arrays of 8-bit floats are saved without complaint, and then refused or stripped of their type by
# the very library that wrote them: np.save and safetensors.numpy.
#
# Versions: NumPy 2.4.6 (also 2.5.5), ml_dtypes 0.6.0 (the types of JAX, TensorFlow, ONNX),
#   safetensors 0.8.0, Python 3.11.
# Behaviour: np.save of float8_e5m2 writes the type as "<f1", which np.load refuses ("not a valid
#   dtype descriptor"); all its kin, float8_e4m3fn or int4, are "<V1", and load as void bytes. With
#   safetensors.numpy both save, and load_file raises AttributeError: it looks for the type in
#   NumPy. bfloat16, of the same package, is void to np.load and right in safetensors.
# Why one would guess otherwise: a writer that knows a type is expected to read it; and e5m2 and
#   e4m3fn, twins in all else, fail in different ways (e5m2 is registered as a kind of float, as it
#   is IEEE-like; the others as void).
# For users of losses: float8 logits or their gradients that were put on disk at the end of a run
#   are found unreadable later. The bytes are whole: skip the header, and view them as the type; or
#   save x.view(np.uint8).
#
# Seen on 2026-11-30:
#   type            .npy says  np.load                                     safetensors.numpy
#   float8_e5m2     <f1        ValueError: descr is not a valid dtype de.. AttributeError
#   float8_e4m3fn   <V1        |V1                                         AttributeError
#   float8_e8m0fnu  <V1        |V1                                         AttributeError
#   bfloat16        <V2        |V2                                         bfloat16
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q numpy==2.4.6 ml_dtypes==0.6.0 safetensors==0.8.0
"$dir/venv/bin/python" - "$dir/x.safetensors" <<'EOF'
import ast, io, sys
import ml_dtypes, numpy as np
from safetensors.numpy import load_file, save_file

def attempt(read):
    try:
        return str(read().dtype)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

print(f"{'type':15} {'.npy says':10} {'np.load':43} safetensors.numpy")
path, seen = sys.argv[1], []
for name in "float8_e5m2", "float8_e4m3fn", "float8_e8m0fnu", "bfloat16":
    x = np.array([0.5, 1, 2]).astype(getattr(ml_dtypes, name))
    file = io.BytesIO()
    np.save(file, x)
    header = ast.literal_eval(file.getvalue()[10:].split(b"\n")[0].decode())["descr"]
    file.seek(0)
    save_file({"x": x}, path)
    numpy_says, tensors_say = attempt(lambda: np.load(file)), attempt(lambda: load_file(path)["x"])
    short = numpy_says if len(numpy_says) < 44 else numpy_says[:41] + ".."
    print(f"{name:15} {header:10} {short:43} {tensors_say.split(':')[0]}")
    seen.append((header, numpy_says.split(":")[0], tensors_say.split(":")[0]))
if seen != [("<f1", "ValueError", "AttributeError"), ("<V1", "|V1", "AttributeError"),
            ("<V1", "|V1", "AttributeError"), ("<V2", "|V2", "bfloat16")]:
    sys.exit("CHANGED: these types are written, or read, in another way now.")
EOF
