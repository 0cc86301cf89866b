#!/usr/bin/env bash
# A padding label in Optax: -1 silently trains the last class, -100 gives a NaN loss with a *finite*
# gradient that pushes all classes down; and the one-hot form of the same loss gives 0 for both.
#
# Versions: optax 0.2.8, jax 0.10.2 (also 0.12.0.1), CPU, Python 3.11; jit and eager alike.
# Behaviour: softmax_cross_entropy_with_integer_labels gathers the logit of the label. Labels of -1
#   to -C wrap as in Python. Any other outside 0..C-1 reads NaN, but the gradient of that read is
#   dropped, so that of the row is softmax alone: finite, no NaN, descent as if all classes were
#   wrong. softmax_cross_entropy on jax.nn.one_hot of the labels has loss 0, gradient 0 at both.
# Why one would guess otherwise: -1 and -100 are the usual paddings; an error, or 0, or NaN all the way
#   would each be a guess. A NaN loss with gradients that look sound is not: checks of the
#   gradients (optax.apply_if_finite, clipping by norm) see nothing.
# For users of losses: a batch padded by -1 learns to predict the last class. One padded by -100 has
#   a NaN in its log while the weights move on. Mask: jnp.where(labels < 0, 0, loss), with the
#   labels made valid first.
#
# Seen on 2026-11-30 (logits 1, 2, 3):
#   label    integer labels, gradient               one-hot labels, gradient
#       2    0.407606  [ 0.0900  0.2447 -0.3348]    0.407606  [ 0.0900  0.2447 -0.3348]
#      -1    0.407606  [ 0.0900  0.2447 -0.3348]    0.000000  [ 0.0000  0.0000  0.0000]
#    -100         nan  [ 0.0900  0.2447  0.6652]    0.000000  [ 0.0000  0.0000  0.0000]
#       3         nan  [ 0.0900  0.2447  0.6652]    0.000000  [ 0.0000  0.0000  0.0000]
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q optax==0.2.8 jax==0.10.2 numpy==2.4.6
"$dir/venv/bin/python" - <<'EOF'
import sys
import jax, jax.numpy as jnp, numpy as np, optax

logits = jnp.array([[1.0, 2.0, 3.0]])
def by_class(x, y):
    return optax.softmax_cross_entropy_with_integer_labels(x, y).sum()
def by_one_hot(x, y):
    return optax.softmax_cross_entropy(x, jax.nn.one_hot(y, 3)).sum()

print("label    integer labels, gradient               one-hot labels, gradient")
seen = {}
for label in 2, -1, -100, 3:
    cells = []
    for loss in by_class, by_one_hot:
        value, gradient = jax.jit(jax.value_and_grad(loss))(logits, jnp.array([label]))
        cells.append(f"{abs(value):8.6f}  [" + " ".join(f"{abs(g) if g == 0 else g:7.4f}" for g in gradient[0]) + "]")
        seen[label, loss] = float(value), np.asarray(gradient[0])
    print(f"{label:5} {cells[0]:>40}    {cells[1]}")
last, padded, beyond = seen[-1, by_class], seen[-100, by_class], seen[3, by_class]
if not (abs(last[0] - 0.4076) < 1e-3 and np.isnan(padded[0]) and np.isnan(beyond[0])
        and np.allclose(padded[1], [0.0900, 0.2447, 0.6652], atol=1e-4)
        and seen[-100, by_one_hot][0] == 0):
    sys.exit("CHANGED: labels outside the classes are treated in another way now.")
EOF
