#!/usr/bin/env python3
"""Makes the digits sample: real logits, their targets and the loss scikit-learn computes from them.

A multinomial logistic regression is fitted on the even rows of scikit-learn's digits (1797 images
of 8 x 8 pixels, 10 classes) and evaluated on the odd rows. Written next to this script:

    digits.safetensors   logits float32 [N, 10], targets int64 [N]
    digits_logits.npy    the same logits
    digits_targets.npy   the same targets
    digits.json          the expected mean loss and accuracy, and where they come from

What `log_loss` in digits.json is, exactly:

1. logits  = the model's `decision_function` on the odd rows, rounded from float64 to float32;
2. the float32 logits, widened back to float64 (exact), go through a float64 softmax;
3. `sklearn.metrics.log_loss` of those probabilities: the mean over rows of -ln p[target].

So it's the mean cross-entropy of the stored logits, with the float32 rounding of step 1 inside and
no other. scikit-learn's clip of probabilities to [eps, 1 - eps] of float64 changes nothing that
shows here: the script stops if a float64 log-sum-exp disagrees.

Needs numpy, scikit-learn and safetensors. Run it with `python3 samples/make_digits.py`.
Another version of scikit-learn or of its solver's libraries may change the last digits.
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from safetensors.numpy import save_file
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

FOLDER = Path(__file__).resolve().parent


def softmax(logits):
    """Softmax over the last axis, in the precision of `logits`."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def mean_cross_entropy(logits, targets):
    """The mean of log-sum-exp minus the target's logit, in the precision of `logits`."""
    largest = logits.max(axis=-1)
    log_sum_exp = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=-1))
    return np.mean(log_sum_exp - logits[np.arange(len(targets)), targets])


def main():
    """Fits the model and writes the four files."""
    digits = load_digits()
    pixels = digits.data / 16.0  # Pixels are counts from 0 to 16.
    # Alternate rows: a split that needs no random generator.
    train, held_out = slice(0, None, 2), slice(1, None, 2)

    # C is large on purpose: confident and wrong rows make more of a loss than timid ones.
    model = LogisticRegression(C=100.0, solver="lbfgs", max_iter=10_000, tol=1e-8)
    model.fit(pixels[train], digits.target[train])

    logits = np.ascontiguousarray(model.decision_function(pixels[held_out]), dtype=np.float32)
    targets = np.ascontiguousarray(digits.target[held_out], dtype=np.int64)
    classes = logits.shape[1]

    probabilities = softmax(logits.astype(np.float64))
    # A fixed list of labels keeps the columns' meaning whatever classes the rows hold.
    loss = float(log_loss(targets, probabilities, labels=np.arange(classes)))
    check = mean_cross_entropy(logits.astype(np.float64), targets)
    if not np.isclose(loss, check, rtol=1e-12, atol=0.0):
        raise SystemExit(f"log_loss {loss!r} and log-sum-exp {check!r} disagree")
    # argmax on the stored logits, so that the accuracy can be recounted from the files.
    accuracy = float(accuracy_score(targets, logits.argmax(axis=-1)))

    save_file({"logits": logits, "targets": targets}, FOLDER / "digits.safetensors")
    np.save(FOLDER / "digits_logits.npy", logits)
    np.save(FOLDER / "digits_targets.npy", targets)
    expected = {
        "source": "scikit-learn digits: logistic regression fitted on the even rows, "
        "evaluated on the odd rows (samples/make_digits.py)",
        "rows": len(targets),
        "classes": classes,
        "log_loss": loss,
        "accuracy": accuracy,
        "scikit_learn_version": sklearn.__version__,
    }
    (FOLDER / "digits.json").write_text(json.dumps(expected, indent=2) + "\n", encoding="utf-8")
    print(f"{len(targets)} rows, {classes} classes: log loss {loss!r}, accuracy {accuracy!r}")


if __name__ == "__main__":
    main()
