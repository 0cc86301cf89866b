#!/usr/bin/env bash
# Paddle's mean cross-entropy divides by ALL rows when ignore_index is negative, as its default of
# -100 is, and by the kept rows when it is 0 or more, or when class weights of 1 are given.
#
# Versions: paddlepaddle 3.3.1 (CPU), Python 3.11.
# Behaviour: three rows, one ignored, losses 2.4076 and 1.2801 for the others: 1.2292 (their sum / 3)
#   with ignore_index -100 or -1, 1.8439 (their sum / 2) with ignore_index 2, the same labels else.
#   weight=[1, 1, 1] makes it 1.8439 in all cases. nll_loss of log_softmax of the same rows has
#   1.8439, too. And with label_smoothing an ignored row of -100 raises ValueError (from one_hot).
# Why one would guess otherwise: the interface is PyTorch's, names and defaults alike, where ignored
#   rows leave the mean; that the value which marks a row decides what the others weigh, or that
#   weights of 1 change a loss, nobody looks for.
# For users of losses: loss and gradient shrink with the share of padding; a model ported from
#   PyTorch trains at a lower rate where rows are padded. Compare with reduction="sum" over the
#   number of kept rows.
#
# Seen on 2026-11-30:
#   ignore_index   mean     weight=[1,1,1]   nll_loss   sum / 2
#           -100   1.2292   1.8439           1.8439     1.8439
#             -1   1.2292   1.8439           1.8439     1.8439
#              2   1.8439   1.8439           1.8439     1.8439
#   label_smoothing=0.1, ignore_index=-100: ValueError
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q paddlepaddle==3.3.1 numpy==2.4.6
"$dir/venv/bin/python" - 2>"$dir/warnings" <<'EOF' || { cat "$dir/warnings"; exit 1; }
import sys
import paddle
import paddle.nn.functional as F

x = paddle.to_tensor([[1.0, 2.0, 3.0], [0.5, 0.1, 0.2], [0.0, 0.0, 1.0]])
print("ignore_index   mean     weight=[1,1,1]   nll_loss   sum / 2")
seen = []
for ignored in -100, -1, 2:
    y = paddle.to_tensor([0, 1, ignored])
    mean = F.cross_entropy(x, y, ignore_index=ignored).item()
    weighted = F.cross_entropy(x, y, ignore_index=ignored, weight=paddle.ones([3])).item()
    nll = F.nll_loss(F.log_softmax(x), y, ignore_index=ignored).item()
    kept = F.cross_entropy(x, y, ignore_index=ignored, reduction="sum").item() / 2
    print(f"{ignored:12}   {mean:.4f}   {weighted:.4f}           {nll:.4f}     {kept:.4f}")
    seen += [round(v / kept, 3) for v in (mean, weighted, nll)]
try:
    F.cross_entropy(x, paddle.to_tensor([0, 1, -100]), label_smoothing=0.1)
    smoothed = "no error"
except ValueError:
    smoothed = "ValueError"
print(f"label_smoothing=0.1, ignore_index=-100: {smoothed}")
if seen != [0.667, 1, 1, 0.667, 1, 1, 1, 1, 1] or smoothed != "ValueError":
    sys.exit("CHANGED: ignored rows count in another way now.")
EOF
