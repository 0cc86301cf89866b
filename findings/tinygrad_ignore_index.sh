#!/usr/bin/env bash
# tinygrad's default ignore_index of -1 does not ignore: such rows count in the mean, and with label
# smoothing they have a loss and a gradient. Any other value of ignore_index does ignore.
#
# Versions: tinygrad 0.14.0 (its Python backend, which needs no compiler), NumPy 2.4.6, Python 3.11.
# Behaviour: sparse_categorical_crossentropy masks rows only if ignore_index != -1, as -1 stands for
#   "none". A label of -1 has no one-hot term, so that without smoothing such a row adds 0 to the sum
#   and 1 to the count: [kept, ignored] gives half the loss. With smoothing 0.1 its smoothing part
#   counts in full. With -100 for both label and ignore_index the numbers are PyTorch's.
# Why one would guess otherwise: the signature says ignore_index=-1 and the documentation refers to
#   PyTorch's function, whose ignored rows leave numerator and denominator alike; and one cannot tell
#   from the loss without smoothing, as the rows do add nothing.
# For users of losses: the loss is diluted by the share of padding, so that batches with more of it
#   look better and learn more slowly; smoothed, padding is trained towards the uniform
#   distribution. Pad by another value than -1, and give it.
#
# Seen on 2026-11-30 (two rows of logits 1, 2, 3; the first of class 0, the second ignored):
#   label and ignore_index   smoothing   mean loss   gradient of the ignored row
#                     -1         0.0    1.203803    [ 0.0000  0.0000  0.0000]
#                     -1         0.1    1.224183    [-0.0122 -0.0044  0.0166]
#                   -100         0.0    2.407606    [ 0.0000  0.0000  0.0000]
#                   -100         0.1    2.307606    [ 0.0000  0.0000  0.0000]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q tinygrad==0.14.0 numpy==2.4.6
DEV=PYTHON "$dir/venv/bin/python" - <<'EOF'
import sys
from tinygrad import Tensor

print("label and ignore_index   smoothing   mean loss   gradient of the ignored row")
seen, moved = [], []
for label in -1, -100:
    for smoothing in 0.0, 0.1:
        x = Tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
        loss = x.sparse_categorical_crossentropy(
            Tensor([0, label]), ignore_index=label, label_smoothing=smoothing)
        gradient = loss.gradient(x)[0].numpy()[1]
        print(f"{label:20} {smoothing:11} {loss.item():11.6f}    [" +
              " ".join(f"{abs(g) if g == 0 else g:7.4f}" for g in gradient) + "]")
        seen.append(round(loss.item(), 4))
        moved.append(bool(abs(gradient).max() > 0))
if seen != [1.2038, 1.2242, 2.4076, 2.3076] or moved != [False, True, False, False]:
    sys.exit("CHANGED: ignored rows count in another way now.")
EOF
