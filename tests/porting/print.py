#!/usr/bin/env python3
"""Prints what other libraries make of `inputs.json`, and keeps it in `printed.json`.

    pip install -r requirements.txt    # or, of the libraries that shall be asked alone, their lines
    python print.py [LIBRARY ...]      # all that are installed, or these

The numbers are each library's own: a figure as it returns it, and no arithmetic of ours but the mean of
what comes unreduced by default. `main.rs` asks this crate for the same figures.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

# Of Keras and tinygrad: the backends that need nothing else.
os.environ.update(KERAS_BACKEND="jax", DEV="PYTHON")

HERE = Path(__file__).parent
INPUTS = json.loads((HERE / "inputs.json").read_text(encoding="utf-8"))
PRINTED = HERE / "printed.json"

X, P, TEACHER, POSITIVES = (
    np.array(INPUTS[name], np.float32)
    for name in ("logits", "probabilities", "teacher", "positives")
)
Y, PADDED = (np.array(INPUTS[name], np.int64) for name in ("labels", "padded"))
CLASS_WEIGHTS, ROW_WEIGHTS, SIGNS = (
    np.array(INPUTS[name], np.float32) for name in ("class_weights", "row_weights", "signs")
)
SOFTMAX = np.exp(X.astype(np.float64)) / np.exp(X.astype(np.float64)).sum(1, keepdims=True)
LIBRARIES: dict[str, tuple[str, str, Callable[[], dict[str, object]]]] = {}


def library(name: str, package: str, module: str) -> Callable:
    """Registers a function that gives a library's figures by name."""

    def register(function: Callable[[], dict[str, object]]) -> Callable:
        LIBRARIES[name] = (package, module, function)
        return function

    return register


@library("PyTorch", "torch", "torch")
def pytorch() -> dict[str, object]:
    """`torch.nn.functional`."""
    import torch
    import torch.nn.functional as F

    x, y, padded = (torch.tensor(each) for each in (X, Y, PADDED))
    p, teacher, positives = (torch.tensor(each) for each in (P, TEACHER, POSITIVES))
    weight, rows = torch.tensor(CLASS_WEIGHTS), torch.tensor(ROW_WEIGHTS)
    log_p, log_q = F.log_softmax(x, 1), F.log_softmax(teacher, 1)
    identity = torch.eye(5)
    return {
        "cross_entropy": F.cross_entropy(x, y),
        "cross_entropy sum": F.cross_entropy(x, y, reduction="sum"),
        "cross_entropy none": F.cross_entropy(x, padded, reduction="none"),
        "cross_entropy ignore_index": F.cross_entropy(x, padded),
        "cross_entropy all ignored": F.cross_entropy(x, torch.full((4,), -100)),
        "cross_entropy weight": F.cross_entropy(x, padded, weight=weight),
        "cross_entropy weight, label_smoothing": F.cross_entropy(
            x, padded, weight=weight, label_smoothing=0.1
        ),
        "cross_entropy probabilities, weight": F.cross_entropy(x, p, weight=weight),
        "nll_loss": F.nll_loss(log_p, padded, weight=weight),
        "linear_cross_entropy": F.linear_cross_entropy(x, identity, padded),
        "kl_div batchmean": F.kl_div(log_p, log_q, log_target=True, reduction="batchmean"),
        "kl_div mean": F.kl_div(log_p, log_q, log_target=True, reduction="mean"),
        "binary_cross_entropy_with_logits pos_weight": F.binary_cross_entropy_with_logits(
            x, positives, pos_weight=weight
        ),
        "mse_loss weight": F.mse_loss(x, positives, weight=rows[:, None].expand(4, 5)),
    }


@library("scikit-learn", "scikit-learn", "sklearn")
def scikit_learn() -> dict[str, object]:
    """`sklearn.metrics`."""
    from sklearn.metrics import log_loss

    labels = [0, 1, 2, 3, 4]
    return {
        "log_loss": log_loss(Y, SOFTMAX, labels=labels),
        "log_loss normalize=False": log_loss(Y, SOFTMAX, labels=labels, normalize=False),
        "log_loss sample_weight": log_loss(Y, SOFTMAX, labels=labels, sample_weight=ROW_WEIGHTS),
    }


@library("Keras", "keras", "keras")
def keras() -> dict[str, object]:
    """`keras.losses`, on JAX."""
    from keras import losses

    one_hot = np.eye(5, dtype=np.float32)[Y]
    Sparse, Soft = losses.SparseCategoricalCrossentropy, losses.CategoricalCrossentropy
    smoothed = Soft(from_logits=True, label_smoothing=0.1)
    ignored = Sparse(from_logits=True, ignore_class=0)
    weighted = "mean_with_sample_weight"
    return {
        "SparseCategoricalCrossentropy": Sparse(from_logits=True)(Y, X),
        "SparseCategoricalCrossentropy sample_weight": Sparse(from_logits=True)(Y, X, ROW_WEIGHTS),
        "SparseCategoricalCrossentropy mean_with_sample_weight": Sparse(
            from_logits=True, reduction=weighted
        )(Y, X, ROW_WEIGHTS),
        "SparseCategoricalCrossentropy ignore_class": ignored(Y, X),
        "SparseCategoricalCrossentropy ignore_class, sample_weight": ignored(Y, X, ROW_WEIGHTS),
        "SparseCategoricalCrossentropy all ignored": ignored(np.zeros(4, np.int64), X),
        "CategoricalCrossentropy label_smoothing": smoothed(one_hot, X),
        "CategoricalCrossentropy probabilities": Soft(from_logits=True)(P, X),
        "BinaryCrossentropy label_smoothing": losses.BinaryCrossentropy(
            from_logits=True, label_smoothing=0.1
        )(POSITIVES, X),
        "CategoricalFocalCrossentropy": losses.CategoricalFocalCrossentropy(from_logits=True)(
            one_hot, X
        ),
    }


@library("optax", "optax", "optax")
def optax_() -> dict[str, object]:
    """`optax.losses`, whose mean is the caller's."""
    import optax

    integer = optax.softmax_cross_entropy_with_integer_labels
    return {
        "softmax_cross_entropy_with_integer_labels": integer(X, Y).mean(),
        "softmax_cross_entropy_with_integer_labels where": integer(
            X, Y, where=np.repeat((PADDED != -100)[:, None], 5, 1)
        ).mean(),
        "softmax_cross_entropy": optax.softmax_cross_entropy(X, P).mean(),
        "sigmoid_binary_cross_entropy": optax.sigmoid_binary_cross_entropy(X, POSITIVES).mean(),
        "sigmoid_focal_loss": optax.sigmoid_focal_loss(X, POSITIVES, alpha=0.25, gamma=2.0).mean(),
    }


@library("JAX", "jax", "jax")
def jax_() -> dict[str, object]:
    """`jax.nn`."""
    import jax

    value, sign = jax.nn.logsumexp(X, axis=1, b=SIGNS, return_sign=True)
    return {
        "logsumexp": jax.nn.logsumexp(X, axis=1),
        # The logarithms of all rows, then all signs.
        "logsumexp b, return_sign": np.concatenate([value, sign]),
        "softmax": jax.nn.softmax(X, axis=1)[0],
    }


@library("SciPy", "scipy", "scipy")
def scipy_() -> dict[str, object]:
    """`scipy.special`."""
    from scipy.special import logsumexp, softmax

    value, sign = logsumexp(X, axis=1, b=SIGNS, return_sign=True)
    return {
        "logsumexp": logsumexp(X, axis=1),
        # The logarithms of all rows, then all signs.
        "logsumexp b, return_sign": np.concatenate([value, sign]),
        "softmax": softmax(X, axis=1)[0],
    }


@library("NumPy", "numpy", "numpy")
def numpy_() -> dict[str, object]:
    """`numpy.logaddexp`."""
    return {"logaddexp.reduce": np.logaddexp.reduce(X, axis=1)}


@library("tinygrad", "tinygrad", "tinygrad")
def tinygrad_() -> dict[str, object]:
    """`Tensor`'s methods, on the backend that is written in Python."""
    from tinygrad import Tensor

    def loss(labels: np.ndarray, **options: object) -> object:
        return Tensor(X).sparse_categorical_crossentropy(Tensor(labels), **options).item()

    minus_one = np.where(PADDED == -100, -1, PADDED)
    return {
        "sparse_categorical_crossentropy": loss(Y),
        "sparse_categorical_crossentropy -1": loss(minus_one),
        "sparse_categorical_crossentropy all -1": loss(np.full(4, -1)),
        "sparse_categorical_crossentropy ignore_index=-100": loss(PADDED, ignore_index=-100),
        "sparse_categorical_crossentropy ignore_index=-100, label_smoothing": loss(
            PADDED, ignore_index=-100, label_smoothing=0.1
        ),
        "cross_entropy label_smoothing": Tensor(X)
        .cross_entropy(Tensor(Y), label_smoothing=0.1)
        .item(),
    }


@library("MLX", "mlx", "mlx.core")
def mlx() -> dict[str, object]:
    """`mlx.nn.losses`."""
    import mlx.core as mx
    from mlx.nn import losses

    x, y = mx.array(X), mx.array(Y)
    weights = mx.array(ROW_WEIGHTS)
    return {
        "cross_entropy": losses.cross_entropy(x, y, reduction="mean"),
        "cross_entropy none": losses.cross_entropy(x, y),
        "cross_entropy weights": losses.cross_entropy(x, y, weights=weights, reduction="mean"),
        "cross_entropy label_smoothing": losses.cross_entropy(
            x, y, label_smoothing=0.1, reduction="mean"
        ),
        "cross_entropy probabilities": losses.cross_entropy(x, mx.array(P), reduction="mean"),
    }


@library("Paddle", "paddlepaddle", "paddle")
def paddle_() -> dict[str, object]:
    """`paddle.nn.functional`."""
    import paddle
    import paddle.nn.functional as F

    x, y, padded, p, weight = (
        paddle.to_tensor(each) for each in (X, Y, PADDED, P, CLASS_WEIGHTS)
    )
    return {
        "cross_entropy": F.cross_entropy(x, y),
        "cross_entropy padded": F.cross_entropy(x, padded),
        "cross_entropy all ignored": F.cross_entropy(x, paddle.full([4], -100, "int64")),
        "cross_entropy ignore_index=0": F.cross_entropy(x, y, ignore_index=0),
        "cross_entropy weight, padded": F.cross_entropy(x, padded, weight=weight),
        "cross_entropy soft_label": F.cross_entropy(x, p, soft_label=True),
        "cross_entropy label_smoothing": F.cross_entropy(x, y, label_smoothing=0.1),
        "cross_entropy soft_label, weight": F.cross_entropy(x, p, weight=weight, soft_label=True),
        "cross_entropy label_smoothing, weight": F.cross_entropy(
            x, y, weight=weight, label_smoothing=0.1
        ),
    }


@library("transformers", "transformers", "transformers")
def transformers_() -> dict[str, object]:
    """The losses that its trainer and its causal models take."""
    import torch
    from transformers.loss.loss_utils import ForCausalLMLoss
    from transformers.trainer_pt_utils import LabelSmoother

    x, padded = torch.tensor(X)[None], torch.tensor(PADDED)[None]
    # Already shifted, as the losses here take them.
    shifted = {"labels": None, "shift_labels": padded, "vocab_size": 5}
    return {
        "ForCausalLMLoss": ForCausalLMLoss(x, **shifted),
        "ForCausalLMLoss num_items_in_batch": ForCausalLMLoss(
            x, **shifted, num_items_in_batch=torch.tensor(4)
        ),
        "LabelSmoother": LabelSmoother(0.1)({"logits": x}, padded),
    }


@library("XGBoost", "xgboost", "xgboost")
def xgboost_() -> dict[str, object]:
    """`mlogloss` of margins that are the logits."""
    import xgboost

    def metric(weights: np.ndarray | None) -> float:
        data = xgboost.DMatrix(np.zeros((4, 1)), label=Y, weight=weights, base_margin=X.ravel())
        parameters = {"objective": "multi:softprob", "num_class": 5, "eval_metric": "mlogloss"}
        booster = xgboost.train({**parameters, "eta": 0.0}, data, num_boost_round=1)
        return float(booster.eval(data).rsplit(":", 1)[1])

    return {"mlogloss": metric(None), "mlogloss weights": metric(ROW_WEIGHTS)}


@library("LightGBM", "lightgbm", "lightgbm")
def lightgbm_() -> dict[str, object]:
    """`multi_logloss` of initial scores that are the logits."""
    import lightgbm

    def metric(weights: np.ndarray | None) -> float:
        features = np.zeros((4, 1))
        data = lightgbm.Dataset(features, Y, weight=weights, init_score=X.ravel("F"))
        parameters = {"objective": "multiclass", "num_class": 5, "verbose": -1}
        booster = lightgbm.Booster({**parameters, "min_data_in_leaf": 1}, data)
        return booster.eval_train()[0][2]

    return {"multi_logloss": metric(None), "multi_logloss weights": metric(ROW_WEIGHTS)}


@library("CatBoost", "catboost", "catboost")
def catboost_() -> dict[str, object]:
    """`MultiClass` of raw scores that are the logits."""
    from catboost.utils import eval_metric

    scores = X.astype(np.float64)
    return {
        "MultiClass": eval_metric(Y, scores, "MultiClass")[0],
        "MultiClass weight": eval_metric(Y, scores, "MultiClass", weight=ROW_WEIGHTS)[0],
    }


@library("TensorFlow", "tensorflow-cpu", "tensorflow")
def tensorflow_() -> dict[str, object]:
    """`tf.nn`, whose mean is the caller's."""
    import tensorflow as tf

    return {
        "sparse_softmax_cross_entropy_with_logits": tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(Y, X)
        ),
        "softmax_cross_entropy_with_logits": tf.reduce_mean(
            tf.nn.softmax_cross_entropy_with_logits(P, X)
        ),
        "weighted_cross_entropy_with_logits": tf.reduce_mean(
            tf.nn.weighted_cross_entropy_with_logits(POSITIVES, X, 2.0)
        ),
        "reduce_logsumexp": tf.reduce_logsumexp(X, axis=1),
    }


@library("torchvision", "torchvision", "torchvision")
def torchvision_() -> dict[str, object]:
    """`torchvision.ops`."""
    import torch
    from torchvision.ops import sigmoid_focal_loss

    x, positives = torch.tensor(X), torch.tensor(POSITIVES)
    return {
        "sigmoid_focal_loss": sigmoid_focal_loss(x, positives, reduction="mean"),
        "sigmoid_focal_loss alpha=-1": sigmoid_focal_loss(
            x, positives, alpha=-1, reduction="sum"
        ),
    }


@library("kornia", "kornia", "kornia")
def kornia_() -> dict[str, object]:
    """`kornia.losses`."""
    import torch
    from kornia.losses import focal_loss

    x, y = torch.tensor(X), torch.tensor(Y)
    return {
        "focal_loss": focal_loss(x, y, alpha=0.25, gamma=2.0, reduction="mean"),
        "focal_loss sum": focal_loss(x, y, alpha=0.25, gamma=2.0, reduction="sum"),
        "focal_loss ignore_index": focal_loss(
            x, torch.tensor(PADDED), alpha=0.25, gamma=2.0, reduction="mean"
        ),
    }


@library("MONAI", "monai", "monai")
def monai_() -> dict[str, object]:
    """`monai.losses`."""
    import torch
    from monai.losses import FocalLoss

    x, y = torch.tensor(X)[:, :, None], torch.tensor(Y)[:, None, None]
    softmax = {"to_onehot_y": True, "use_softmax": True}
    return {
        "FocalLoss": FocalLoss(**softmax)(x, y),
        "FocalLoss alpha": FocalLoss(**softmax, alpha=0.25)(x, y),
        "FocalLoss sigmoid": FocalLoss(alpha=0.25)(x, torch.tensor(POSITIVES)[:, :, None]),
    }


@library("timm", "timm", "timm")
def timm_() -> dict[str, object]:
    """`timm.loss`."""
    import torch
    from timm.loss import BinaryCrossEntropy, LabelSmoothingCrossEntropy, SoftTargetCrossEntropy

    x, y = torch.tensor(X), torch.tensor(Y)
    return {
        "LabelSmoothingCrossEntropy": LabelSmoothingCrossEntropy(0.1)(x, y),
        "SoftTargetCrossEntropy": SoftTargetCrossEntropy()(x, torch.tensor(P)),
        "BinaryCrossEntropy smoothing": BinaryCrossEntropy(smoothing=0.1)(x, y),
    }


@library("segmentation-models-pytorch", "segmentation-models-pytorch", "segmentation_models_pytorch")
def segmentation_models() -> dict[str, object]:
    """`segmentation_models_pytorch.losses`."""
    import torch
    from segmentation_models_pytorch.losses import SoftCrossEntropyLoss

    x, padded = torch.tensor(X), torch.tensor(PADDED)
    return {
        "SoftCrossEntropyLoss": SoftCrossEntropyLoss(smooth_factor=0.1)(x, padded),
        "SoftCrossEntropyLoss smooth_factor=0": SoftCrossEntropyLoss(smooth_factor=0.0)(x, padded),
    }


@library("torchmetrics", "torchmetrics", "torchmetrics")
def torchmetrics_() -> dict[str, object]:
    """`torchmetrics.functional`."""
    import torch
    from torchmetrics.functional import kl_divergence
    from torchmetrics.functional.text import perplexity

    x, padded = torch.tensor(X)[None], torch.tensor(PADDED)[None]
    q, p = (torch.softmax(torch.tensor(each), 1) for each in (TEACHER, X))
    return {
        "Perplexity": perplexity(x, padded, ignore_index=-100),
        "KLDivergence": kl_divergence(q, p),
    }


@library("ONNX", "onnx", "onnx")
def onnx_() -> dict[str, object]:
    """The reference implementation of `SoftmaxCrossEntropyLoss`."""
    from onnx.reference import ReferenceEvaluator

    return _of_onnx(lambda model, feeds: ReferenceEvaluator(model).run(None, feeds)[0])


@library("ONNX Runtime", "onnxruntime", "onnxruntime")
def onnxruntime_() -> dict[str, object]:
    """The CPU's `SoftmaxCrossEntropyLoss`."""
    from onnxruntime import InferenceSession

    def run(model: object, feeds: dict[str, np.ndarray]) -> np.ndarray:
        session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, feeds)[0]

    return _of_onnx(run)


def _of_onnx(run: Callable) -> dict[str, object]:
    from onnx import TensorProto, helper

    def loss(labels: np.ndarray, weights: np.ndarray | None, **attributes: object) -> object:
        feeds = {"x": X, "y": labels, **({} if weights is None else {"w": weights})}
        node = helper.make_node("SoftmaxCrossEntropyLoss", list(feeds), ["loss"], **attributes)
        types = {"x": TensorProto.FLOAT, "y": TensorProto.INT64, "w": TensorProto.FLOAT}
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            [node],
            "loss",
            [value(name, types[name], feed.shape) for name, feed in feeds.items()],
            [value("loss", TensorProto.FLOAT, None)],
        )
        opsets = [helper.make_opsetid("", 17)]
        return run(helper.make_model(graph, opset_imports=opsets, ir_version=8), feeds)

    return {
        "SoftmaxCrossEntropyLoss": loss(Y, None),
        "SoftmaxCrossEntropyLoss weights, ignore_index": loss(
            PADDED, CLASS_WEIGHTS, ignore_index=-100
        ),
        "SoftmaxCrossEntropyLoss sum": loss(Y, None, reduction="sum"),
    }


@library("SpeechBrain", "speechbrain", "speechbrain")
def speechbrain_() -> dict[str, object]:
    """`speechbrain.nnet.losses`."""
    import torch
    from speechbrain.nnet.losses import nll_loss

    log_p, y = torch.log_softmax(torch.tensor(X), 1)[None], torch.tensor(Y)[None]
    # Three of four frames.
    length = torch.tensor([0.75])
    return {
        "nll_loss length": nll_loss(log_p, y, length=length),
        "nll_loss label_smoothing, length": nll_loss(log_p, y, length=length, label_smoothing=0.1),
    }


@library("fastai", "fastai", "fastai")
def fastai_() -> dict[str, object]:
    """`fastai.losses`."""
    import torch
    from fastai.losses import CrossEntropyLossFlat, LabelSmoothingCrossEntropy

    x, y = torch.tensor(X), torch.tensor(Y)
    weight = torch.tensor(CLASS_WEIGHTS)
    return {
        "CrossEntropyLossFlat weight": CrossEntropyLossFlat(weight=weight)(x, y),
        "LabelSmoothingCrossEntropy": LabelSmoothingCrossEntropy(0.1)(x, y),
    }


@library("ggml", "ggml-python", "ggml")
def ggml_() -> dict[str, object]:
    """`ggml_cross_entropy_loss` on the CPU."""
    import ctypes

    import ggml

    context = ggml.ggml_init(ggml.ggml_init_params(mem_size=1 << 24, mem_buffer=None))

    def tensor(values: np.ndarray) -> object:
        made = ggml.ggml_new_tensor_2d(context, ggml.GGML_TYPE_F32, *reversed(values.shape))
        ctypes.memmove(ggml.ggml_get_data(made), values.ctypes.data, values.nbytes)
        return made

    loss = ggml.ggml_cross_entropy_loss(context, tensor(X), tensor(P))
    graph = ggml.ggml_new_graph(context)
    ggml.ggml_build_forward_expand(graph, loss)
    ggml.ggml_graph_compute_with_ctx(context, graph, 1)
    values = ctypes.cast(ggml.ggml_get_data(loss), ctypes.POINTER(ctypes.c_float))
    return {"cross_entropy_loss": values[0]}


def number(value: object) -> object:
    """As JSON has it; NaN as a string."""
    array = np.asarray(value.detach() if hasattr(value, "detach") else value, np.float64)
    if array.size > 1:
        return [float(each) for each in array.ravel()]
    single = float(array.ravel()[0])
    return "NaN" if np.isnan(single) else single


def main() -> int:
    """Asks the libraries."""
    wanted = sys.argv[1:] or list(LIBRARIES)
    printed = json.loads(PRINTED.read_text(encoding="utf-8")) if PRINTED.exists() else {}
    failed = 0
    for name in wanted:
        package, module, function = LIBRARIES[name]
        try:
            importlib.import_module(module)
        except ImportError as error:
            if sys.argv[1:]:
                print(f"{name}: {error}", file=sys.stderr)
                failed += 1
            continue
        rows = {row: number(value) for row, value in function().items()}
        printed[name] = {"version": version(package), "rows": rows}
        for row, value in rows.items():
            print(f"{name} {printed[name]['version']}\t{row}\t{value}")
    ordered = {name: printed[name] for name in LIBRARIES if name in printed}
    PRINTED.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
