#!/usr/bin/env bash
# ONNX defines ReduceLogSumExp without taking out the maximum, and ONNX Runtime follows that for
# float16 alone; the reference evaluator has log(softmax) for every log-softmax and loss: infinite.
#
# Versions: onnxruntime 1.32.0 (CPU), onnx 1.23.2, NumPy 2.4.6, Python 3.11. OpenVINO 2026.4.1 is
#   right in all of these.
# Behaviour: onnxruntime has kernels of ReduceLogSumExp for float32 and float64, which take out the
#   maximum; for float16 it inlines the definition, Log(ReduceSum(Exp(x))) in double: inf and -inf
#   for two logits of 1000 and -1000, which float16 holds well. The reference evaluator computes
#   log-softmax as log(softmax): -inf for a class 104 below the maximum in float32, 18 in float16,
#   and an infinite SoftmaxCrossEntropyLoss, where onnxruntime has 120 and 20.
# Why one would guess otherwise: one model, one runtime, and only the element type changed, within
#   the range of both; and the reference is what backends are held against.
# For users of losses: converting a model to float16 turns a log-partition or a loss into inf with
#   logits beyond +-709. A backend tested against the reference is "wrong" where it is right.
#
# Seen on 2026-11-30:
#                                              onnxruntime             reference
#                                              float32   float16       float32   float16
#   ReduceLogSumExp           [1000, 1000]     1000.69   inf           1000.69   1000.5
#   ReduceLogSumExp           [-1000, -1000]   -999.307  -inf          -999.307  -999.5
#   SoftmaxCrossEntropyLoss   [120, 0]         120       120           inf       inf
#   SoftmaxCrossEntropyLoss   [20, 0]          20        20            20        inf
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
"$dir/venv/bin/python" - <<'EOF'
import sys
import numpy as np, onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

np.seterr(all="ignore")
onnxruntime.set_default_logger_severity(4)

def run(op, x, half, reference):
    kind = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("x", kind, [1, 2])]
    feeds = {"x": np.array([x], np.float16 if half else np.float32)}
    if op == "SoftmaxCrossEntropyLoss":
        inputs.append(helper.make_tensor_value_info("y", TensorProto.INT64, [1]))
        feeds["y"] = np.array([1])
    node = helper.make_node(op, list(feeds), ["out"])
    graph = helper.make_graph([node], "g", inputs, [helper.make_tensor_value_info("out", kind, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if reference:
        return f"{float(np.squeeze(ReferenceEvaluator(model).run(None, feeds)[0])):g}"
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return f"{float(np.squeeze(session.run(None, feeds)[0])):g}"

print(f"{'':43}{'onnxruntime':24}reference\n{'':43}" + "float32   float16       " * 2)
seen = []
for op, x in [("ReduceLogSumExp", [1000, 1000]), ("ReduceLogSumExp", [-1000, -1000]),
              ("SoftmaxCrossEntropyLoss", [120, 0]), ("SoftmaxCrossEntropyLoss", [20, 0])]:
    row = [run(op, x, half, reference) for reference in (False, True) for half in (False, True)]
    print(f"{op:26}{str(x):17}{row[0]:10}{row[1]:14}{row[2]:10}{row[3]}")
    seen.append(" ".join(row))
if seen != ["1000.69 inf 1000.69 1000.5", "-999.307 -inf -999.307 -999.5",
            "120 120 inf inf", "20 20 20 inf"]:
    sys.exit("CHANGED: the naive definitions show in other places now.")
EOF
