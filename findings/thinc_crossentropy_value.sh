#!/usr/bin/env bash
# The number that Thinc's CategoricalCrossentropy gives as the loss is not a cross-entropy: it is the
# sum of squares of the gradient, never above 2 and smaller the larger the batch.
#
# Versions: thinc 9.1.1 (the library below spaCy), NumPy 2.4.6, Python 3.11.
# Behaviour: the gradient is right, (p - onehot) / N. The loss is sum(gradient ** 2): 0.98 for a true
#   class of probability 0.2 (cross-entropy: 1.609), 2.0 for probability 0 (infinity). The same row
#   twice gives half as much, four times a quarter, as the gradient holds 1/N and is squared, but
#   summed over rows. Labels of -1 count as the last class.
# Why one would guess otherwise: the name, and a gradient that is the cross-entropy's. Nobody sees it
#   in training, which uses the gradient alone.
# For users of losses: losses logged by it are no nats, give no perplexity, and those of different
#   batch sizes cannot be compared. A port that checks its loss against it will never agree, while
#   the gradients do.
#
# Seen on 2026-11-30:
#   rows  p of the class   thinc loss   cross-entropy   sum(gradient ** 2)
#      1           0.2       0.980000        1.609438             0.980000
#      2           0.2       0.490000        1.609438             0.490000
#      4           0.2       0.245000        1.609438             0.245000
#      1             0       2.000000             inf             2.000000
#   label -1 has the gradient of the last class: [0.2, 0.3, -0.5]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q thinc==9.1.1 numpy==2.4.6
"$dir/venv/bin/python" - <<'EOF'
import sys
import numpy as np
from thinc.api import CategoricalCrossentropy

np.seterr(divide="ignore")
print("rows  p of the class   thinc loss   cross-entropy   sum(gradient ** 2)")
losses = []
for rows, p in (1, [0.2, 0.3, 0.5]), (2, [0.2, 0.3, 0.5]), (4, [0.2, 0.3, 0.5]), (1, [0, 0, 1]):
    p = np.array([p] * rows, np.float32)
    gradient, loss = CategoricalCrossentropy()(p, [0] * rows)
    right = -np.log(p[:, 0]).mean()
    print(f"{rows:4}{p[0, 0]:14.2g}{loss:15.6f}{right:16.6f}{(gradient ** 2).sum():21.6f}")
    losses.append(round(float(loss), 4))
gradient, _ = CategoricalCrossentropy()(np.array([[0.2, 0.3, 0.5]], np.float32), [-1])
last = [round(float(g), 4) for g in gradient[0]]
print("label -1 has the gradient of the last class:", last)
if losses != [0.98, 0.49, 0.245, 2.0] or last != [0.2, 0.3, -0.5]:
    sys.exit("CHANGED: the loss is another number now.")
EOF
