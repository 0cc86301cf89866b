//! The call here that gives each figure.

use wgpu_loss::{
    Axis, CrossEntropy, Elementwise, ElementwiseLoss, ElementwiseReduction, Engine, Input,
    LogSumExp, Logits, LossFunction, Reduce, Reduction, Result, Softmax, SoftmaxAgainst,
    SoftmaxFunction, SoftmaxLoss, Statistic, Targets, Weights,
};

use super::inputs::{CLASSES, ROWS, inputs};

/// A library, its figure, and what gives it here.
pub type Figure = (&'static str, &'static str, fn(&dyn Engine) -> Result<Vec<f32>>);

const SMOOTHED: f32 = 0.1;

/// Of a matrix of the batch.
fn matrix(values: &[f32]) -> Result<Logits<'_>> {
    Logits::new(values, ROWS, CLASSES)
}

fn labels() -> Targets<'static> {
    Targets::classes(&inputs().labels)
}

fn padded() -> Targets<'static> {
    Targets::classes(&inputs().padded)
}

fn probabilities() -> Result<Targets<'static>> {
    matrix(&inputs().probabilities).map(Targets::probabilities)
}

trait Weighted {
    fn of_classes(self) -> Self;
    fn of_rows(self) -> Self;
}

impl Weighted for Targets<'static> {
    fn of_classes(self) -> Self {
        self.with_class_weights(&inputs().class_weights)
    }

    fn of_rows(self) -> Self {
        self.with_row_weights(&inputs().row_weights)
    }
}

fn reduced(reduction: Reduction) -> CrossEntropy {
    CrossEntropy { reduction, ..Default::default() }
}

fn ignoring(index: i32, reduction: Reduction) -> CrossEntropy {
    CrossEntropy { ignore_index: Some(index), ..reduced(reduction) }
}

fn smoothed(reduction: Reduction) -> CrossEntropy {
    CrossEntropy { label_smoothing: SMOOTHED, ..reduced(reduction) }
}

/// Of log-probabilities that a softmax made.
fn log_probabilities(engine: &dyn Engine) -> Result<Vec<f32>> {
    let log = Softmax { log: true, ..Default::default() };
    Ok(engine.softmax(matrix(&inputs().logits)?, &log)?.into_f32())
}

fn loss(engine: &dyn Engine, targets: Targets<'_>, options: &CrossEntropy) -> Result<Vec<f32>> {
    Ok(vec![engine.cross_entropy(matrix(&inputs().logits)?, targets, options)?.loss])
}

fn mean(engine: &dyn Engine, targets: Targets<'_>) -> Result<Vec<f32>> {
    loss(engine, targets, &reduced(Reduction::Mean))
}

fn batch_mean(engine: &dyn Engine, targets: Targets<'_>) -> Result<Vec<f32>> {
    loss(engine, targets, &reduced(Reduction::BatchMean))
}

fn sum(engine: &dyn Engine, targets: Targets<'_>) -> Result<Vec<f32>> {
    loss(engine, targets, &reduced(Reduction::Sum))
}

fn each_row(engine: &dyn Engine, targets: Targets<'_>) -> Result<Vec<f32>> {
    let out =
        engine.cross_entropy(matrix(&inputs().logits)?, targets, &reduced(Reduction::None))?;
    Ok(out.loss_rows.unwrap_or_default())
}

/// The loss with another label on the ignored row.
fn with_ignored(engine: &dyn Engine, ignored: i64, options: &CrossEntropy) -> Result<Vec<f32>> {
    let classes: Vec<i64> =
        inputs().padded.iter().map(|&class| if class == -100 { ignored } else { class }).collect();
    loss(engine, Targets::classes(&classes), options)
}

fn all_ignored(engine: &dyn Engine, index: i32, reduction: Reduction) -> Result<Vec<f32>> {
    let classes = [index; ROWS];
    loss(engine, Targets::classes(&classes), &ignoring(index, reduction))
}

fn elements(
    engine: &dyn Engine,
    operands: &Elementwise<'_>,
    loss: &ElementwiseLoss,
) -> Result<Vec<f32>> {
    Ok(engine.elementwise_loss(operands, loss)?.values)
}

/// Of logits and positives.
fn binary(engine: &dyn Engine, loss: &ElementwiseLoss) -> Result<Vec<f32>> {
    elements(engine, &of_positives()?, loss)
}

fn of_positives() -> Result<Elementwise<'static>> {
    Ok(Elementwise::new(matrix(&inputs().logits)?, matrix(&inputs().positives)?))
}

const BINARY: ElementwiseLoss = ElementwiseLoss::new(LossFunction::BinaryCrossEntropyWithLogits);

const SIGMOID_FOCAL: ElementwiseLoss =
    ElementwiseLoss::new(LossFunction::SigmoidFocal { alpha: Some(0.25), gamma: 2.0 });

/// `gamma` 2, and a weight for each class.
fn focal(
    engine: &dyn Engine,
    targets: Targets<'_>,
    class_weights: [f32; CLASSES],
    reduction: Reduction,
) -> Result<Vec<f32>> {
    let options =
        SoftmaxLoss { reduction, ..SoftmaxLoss::new(SoftmaxFunction::Focal { gamma: 2.0 }) };
    let targets = targets.with_class_weights(&class_weights);
    let logits = matrix(&inputs().logits)?;
    Ok(vec![engine.softmax_loss(logits, SoftmaxAgainst::Targets(targets), &options)?.loss])
}

/// Class 0, the background, has the weight that `alpha` leaves.
const BACKGROUND: [f32; CLASSES] = [0.75, 0.25, 0.25, 0.25, 0.25];

fn divergence(engine: &dyn Engine, reduction: Reduction) -> Result<Vec<f32>> {
    let options = SoftmaxLoss { reduction, ..SoftmaxLoss::new(SoftmaxFunction::KlDivergence) };
    let against = SoftmaxAgainst::teacher(matrix(&inputs().teacher)?);
    Ok(vec![engine.softmax_loss(matrix(&inputs().logits)?, against, &options)?.loss])
}

fn log_sum_exp(engine: &dyn Engine) -> Result<Vec<f32>> {
    let logits = matrix(&inputs().logits)?;
    Ok(engine.log_sum_exp(logits, &LogSumExp::default())?.log_sum_exp)
}

/// The logarithms, then the signs.
fn signed_log_sum_exp(engine: &dyn Engine) -> Result<Vec<f32>> {
    let options = Reduce::new(Statistic::LogSumExp, Axis::EachRow);
    let weights = Weights::PerColumn(&inputs().signs);
    let out = engine.reduce(matrix(&inputs().logits)?, weights, &options)?;
    Ok([out.values, out.sign.unwrap_or_default()].concat())
}

fn softmax_of_the_first(engine: &dyn Engine) -> Result<Vec<f32>> {
    let all = engine.softmax(matrix(&inputs().logits)?, &Softmax::default())?.into_f32();
    Ok(all[..CLASSES].to_vec())
}

/// Of probabilities, each row weighted by `sum_c t_c w_c`, which the mean is divided by.
fn weighted_by_targets(engine: &dyn Engine, targets: &[f32]) -> Result<Vec<f32>> {
    let weight = |row: &[f32]| row.iter().zip(&inputs().class_weights).map(|(t, w)| t * w).sum();
    let weights: Vec<f32> = targets.chunks(CLASSES).map(weight).collect();
    mean(engine, Targets::probabilities(matrix(targets)?).with_row_weights(&weights))
}

/// Every figure of `printed.json`.
pub const FIGURES: &[Figure] = &[
    ("PyTorch", "cross_entropy", |engine| mean(engine, labels())),
    ("PyTorch", "cross_entropy sum", |engine| sum(engine, labels())),
    ("PyTorch", "cross_entropy none", |engine| each_row(engine, padded())),
    ("PyTorch", "cross_entropy ignore_index", |engine| mean(engine, padded())),
    ("PyTorch", "cross_entropy all ignored", |engine| all_ignored(engine, -100, Reduction::Mean)),
    ("PyTorch", "cross_entropy weight", |engine| mean(engine, padded().of_classes())),
    ("PyTorch", "cross_entropy weight, label_smoothing", |engine| {
        loss(engine, padded().of_classes(), &smoothed(Reduction::Mean))
    }),
    ("PyTorch", "cross_entropy probabilities, weight", |engine| {
        mean(engine, probabilities()?.of_classes())
    }),
    ("PyTorch", "nll_loss", |engine| {
        let options = CrossEntropy { input: Input::LogProbabilities, ..reduced(Reduction::Mean) };
        let log_p = log_probabilities(engine)?;
        Ok(vec![engine.cross_entropy(matrix(&log_p)?, padded().of_classes(), &options)?.loss])
    }),
    ("PyTorch", "linear_cross_entropy", |engine| mean(engine, padded())),
    ("PyTorch", "kl_div batchmean", |engine| divergence(engine, Reduction::BatchMean)),
    ("PyTorch", "kl_div mean", |engine| divergence(engine, Reduction::ElementMean)),
    ("PyTorch", "binary_cross_entropy_with_logits pos_weight", |engine| {
        let weights = Weights::PerColumn(&inputs().class_weights);
        elements(engine, &of_positives()?.with_positive_weights(weights), &BINARY)
    }),
    ("PyTorch", "mse_loss weight", |engine| {
        let weighted = of_positives()?.with_weights(Weights::PerRow(&inputs().row_weights));
        let reduction = ElementwiseReduction::WeightedMean;
        let loss =
            ElementwiseLoss { reduction, ..ElementwiseLoss::new(LossFunction::SquaredError) };
        elements(engine, &weighted, &loss)
    }),
    ("scikit-learn", "log_loss", |engine| mean(engine, labels())),
    ("scikit-learn", "log_loss normalize=False", |engine| sum(engine, labels())),
    ("scikit-learn", "log_loss sample_weight", |engine| mean(engine, labels().of_rows())),
    ("Keras", "SparseCategoricalCrossentropy", |engine| mean(engine, labels())),
    ("Keras", "SparseCategoricalCrossentropy sample_weight", |engine| {
        batch_mean(engine, labels().of_rows())
    }),
    ("Keras", "SparseCategoricalCrossentropy mean_with_sample_weight", |engine| {
        mean(engine, labels().of_rows())
    }),
    ("Keras", "SparseCategoricalCrossentropy ignore_class", |engine| {
        loss(engine, labels(), &ignoring(0, Reduction::Mean))
    }),
    ("Keras", "SparseCategoricalCrossentropy ignore_class, sample_weight", |engine| {
        let options = ignoring(0, Reduction::Sum);
        let logits = matrix(&inputs().logits)?;
        let out = engine.cross_entropy(logits, labels().of_rows(), &options)?;
        Ok(vec![out.loss / out.counted as f32])
    }),
    ("Keras", "SparseCategoricalCrossentropy all ignored", |engine| {
        all_ignored(engine, 0, Reduction::BatchMean)
    }),
    ("Keras", "CategoricalCrossentropy label_smoothing", |engine| {
        loss(engine, labels(), &smoothed(Reduction::Mean))
    }),
    ("Keras", "CategoricalCrossentropy probabilities", |engine| mean(engine, probabilities()?)),
    ("Keras", "BinaryCrossentropy label_smoothing", |engine| {
        binary(engine, &ElementwiseLoss { label_smoothing: SMOOTHED, ..BINARY })
    }),
    ("Keras", "CategoricalFocalCrossentropy", |engine| {
        focal(engine, labels(), [0.25; CLASSES], Reduction::Mean)
    }),
    ("optax", "softmax_cross_entropy_with_integer_labels", |engine| mean(engine, labels())),
    ("optax", "softmax_cross_entropy_with_integer_labels where", |engine| {
        batch_mean(engine, padded())
    }),
    ("optax", "softmax_cross_entropy", |engine| mean(engine, probabilities()?)),
    ("optax", "sigmoid_binary_cross_entropy", |engine| binary(engine, &BINARY)),
    ("optax", "sigmoid_focal_loss", |engine| binary(engine, &SIGMOID_FOCAL)),
    ("JAX", "logsumexp", log_sum_exp),
    ("JAX", "logsumexp b, return_sign", signed_log_sum_exp),
    ("JAX", "softmax", softmax_of_the_first),
    ("SciPy", "logsumexp", log_sum_exp),
    ("SciPy", "logsumexp b, return_sign", signed_log_sum_exp),
    ("SciPy", "softmax", softmax_of_the_first),
    ("NumPy", "logaddexp.reduce", log_sum_exp),
    ("tinygrad", "sparse_categorical_crossentropy", |engine| mean(engine, labels())),
    ("tinygrad", "sparse_categorical_crossentropy -1", |engine| {
        with_ignored(engine, -1, &ignoring(-1, Reduction::BatchMean))
    }),
    ("tinygrad", "sparse_categorical_crossentropy all -1", |engine| {
        all_ignored(engine, -1, Reduction::BatchMean)
    }),
    ("tinygrad", "sparse_categorical_crossentropy ignore_index=-100", |engine| {
        mean(engine, padded())
    }),
    ("tinygrad", "sparse_categorical_crossentropy ignore_index=-100, label_smoothing", |engine| {
        loss(engine, padded(), &smoothed(Reduction::Mean))
    }),
    ("tinygrad", "cross_entropy label_smoothing", |engine| {
        loss(engine, labels(), &smoothed(Reduction::Mean))
    }),
    ("MLX", "cross_entropy", |engine| mean(engine, labels())),
    ("MLX", "cross_entropy none", |engine| each_row(engine, labels())),
    ("MLX", "cross_entropy weights", |engine| batch_mean(engine, labels().of_rows())),
    ("MLX", "cross_entropy label_smoothing", |engine| {
        loss(engine, labels(), &smoothed(Reduction::Mean))
    }),
    ("MLX", "cross_entropy probabilities", |engine| mean(engine, probabilities()?)),
    ("Paddle", "cross_entropy", |engine| mean(engine, labels())),
    ("Paddle", "cross_entropy padded", |engine| batch_mean(engine, padded())),
    ("Paddle", "cross_entropy all ignored", |engine| {
        all_ignored(engine, -100, Reduction::BatchMean)
    }),
    ("Paddle", "cross_entropy ignore_index=0", |engine| {
        loss(engine, labels(), &ignoring(0, Reduction::Mean))
    }),
    ("Paddle", "cross_entropy weight, padded", |engine| mean(engine, padded().of_classes())),
    ("Paddle", "cross_entropy soft_label", |engine| mean(engine, probabilities()?)),
    ("Paddle", "cross_entropy label_smoothing", |engine| {
        loss(engine, labels(), &smoothed(Reduction::Mean))
    }),
    ("Paddle", "cross_entropy soft_label, weight", |engine| {
        weighted_by_targets(engine, &inputs().probabilities)
    }),
    ("Paddle", "cross_entropy label_smoothing, weight", |engine| {
        let mut targets = [SMOOTHED / CLASSES as f32; ROWS * CLASSES];
        for (row, &label) in inputs().labels.iter().enumerate() {
            targets[row * CLASSES + label as usize] += 1.0 - SMOOTHED;
        }
        weighted_by_targets(engine, &targets)
    }),
    ("transformers", "ForCausalLMLoss", |engine| mean(engine, padded())),
    // The number of items is the batch's here; it may be any.
    ("transformers", "ForCausalLMLoss num_items_in_batch", |engine| {
        Ok(sum(engine, padded())?.into_iter().map(|sum| sum / 4.0).collect())
    }),
    ("transformers", "LabelSmoother", |engine| loss(engine, padded(), &smoothed(Reduction::Mean))),
    ("XGBoost", "mlogloss", |engine| mean(engine, labels())),
    ("XGBoost", "mlogloss weights", |engine| mean(engine, labels().of_rows())),
    ("LightGBM", "multi_logloss", |engine| mean(engine, labels())),
    ("LightGBM", "multi_logloss weights", |engine| mean(engine, labels().of_rows())),
    ("CatBoost", "MultiClass", |engine| mean(engine, labels())),
    ("CatBoost", "MultiClass weight", |engine| mean(engine, labels().of_rows())),
    ("TensorFlow", "sparse_softmax_cross_entropy_with_logits", |engine| mean(engine, labels())),
    ("TensorFlow", "softmax_cross_entropy_with_logits", |engine| mean(engine, probabilities()?)),
    ("TensorFlow", "weighted_cross_entropy_with_logits", |engine| {
        let weights = Weights::PerColumn(&[2.0; CLASSES]);
        elements(engine, &of_positives()?.with_positive_weights(weights), &BINARY)
    }),
    ("TensorFlow", "reduce_logsumexp", log_sum_exp),
    ("torchvision", "sigmoid_focal_loss", |engine| binary(engine, &SIGMOID_FOCAL)),
    ("torchvision", "sigmoid_focal_loss alpha=-1", |engine| {
        let function = LossFunction::SigmoidFocal { alpha: None, gamma: 2.0 };
        let reduction = ElementwiseReduction::Sum;
        binary(engine, &ElementwiseLoss { reduction, ..ElementwiseLoss::new(function) })
    }),
    ("kornia", "focal_loss", |engine| focal(engine, labels(), BACKGROUND, Reduction::ElementMean)),
    ("kornia", "focal_loss sum", |engine| focal(engine, labels(), BACKGROUND, Reduction::Sum)),
    ("kornia", "focal_loss ignore_index", |engine| {
        focal(engine, padded(), BACKGROUND, Reduction::ElementMean)
    }),
    ("MONAI", "FocalLoss", |engine| {
        focal(engine, labels(), [1.0; CLASSES], Reduction::ElementMean)
    }),
    ("MONAI", "FocalLoss alpha", |engine| {
        focal(engine, labels(), BACKGROUND, Reduction::ElementMean)
    }),
    ("MONAI", "FocalLoss sigmoid", |engine| binary(engine, &SIGMOID_FOCAL)),
    ("timm", "LabelSmoothingCrossEntropy", |engine| {
        loss(engine, labels(), &smoothed(Reduction::Mean))
    }),
    ("timm", "SoftTargetCrossEntropy", |engine| mean(engine, probabilities()?)),
    // eps / C and 1 - eps + eps / C, which are given as targets.
    ("timm", "BinaryCrossEntropy smoothing", |engine| {
        let mut targets = [0.02; ROWS * CLASSES];
        for (row, &label) in inputs().labels.iter().enumerate() {
            targets[row * CLASSES + label as usize] = 0.92;
        }
        let operands = Elementwise::new(matrix(&inputs().logits)?, matrix(&targets)?);
        elements(engine, &operands, &BINARY)
    }),
    ("segmentation-models-pytorch", "SoftCrossEntropyLoss", |engine| {
        loss(engine, padded(), &smoothed(Reduction::BatchMean))
    }),
    ("segmentation-models-pytorch", "SoftCrossEntropyLoss smooth_factor=0", |engine| {
        batch_mean(engine, padded())
    }),
    ("torchmetrics", "Perplexity", |engine| {
        Ok(mean(engine, padded())?.into_iter().map(f32::exp).collect())
    }),
    ("torchmetrics", "KLDivergence", |engine| divergence(engine, Reduction::Mean)),
    ("ONNX", "SoftmaxCrossEntropyLoss", |engine| mean(engine, labels())),
    ("ONNX", "SoftmaxCrossEntropyLoss weights, ignore_index", |engine| {
        mean(engine, padded().of_classes())
    }),
    ("ONNX", "SoftmaxCrossEntropyLoss sum", |engine| sum(engine, labels())),
    ("ONNX Runtime", "SoftmaxCrossEntropyLoss", |engine| mean(engine, labels())),
    ("ONNX Runtime", "SoftmaxCrossEntropyLoss weights, ignore_index", |engine| {
        mean(engine, padded().of_classes())
    }),
    ("ONNX Runtime", "SoftmaxCrossEntropyLoss sum", |engine| sum(engine, labels())),
    // Frames beyond the length are rows that are ignored: here the last.
    ("SpeechBrain", "nll_loss length", |engine| {
        let [first, second, third, _] = inputs().labels[..] else { unreachable!("four rows") };
        mean(engine, Targets::classes(&[first, second, third, -100]))
    }),
    ("SpeechBrain", "nll_loss label_smoothing, length", |engine| {
        let [first, second, third, _] = inputs().labels[..] else { unreachable!("four rows") };
        let targets = [first, second, third, -100];
        loss(engine, Targets::classes(&targets), &smoothed(Reduction::Mean))
    }),
    ("fastai", "CrossEntropyLossFlat weight", |engine| mean(engine, labels().of_classes())),
    ("fastai", "LabelSmoothingCrossEntropy", |engine| {
        loss(engine, labels(), &smoothed(Reduction::Mean))
    }),
    ("ggml", "cross_entropy_loss", |engine| mean(engine, probabilities()?)),
];
