//! Focal loss and divergences as those compute them who don't know what cancels.

use wgpu_loss::{
    Logits, OwnedValues, SoftmaxAgainst, SoftmaxFunction, SoftmaxLoss, SoftmaxLossOutput,
    TargetValues, Targets,
};

/// Without the second factor of the slope, `1 - gamma p log p / (1 - p)`, where a class alone has one.
pub fn forget_power(
    logits: Logits<'_>,
    against: SoftmaxAgainst<'_>,
    options: &SoftmaxLoss,
    out: &mut SoftmaxLossOutput,
) {
    let SoftmaxFunction::Focal { gamma } = options.function else { return };
    let Some(gradient) = &mut out.gradient else { return };
    let shape = logits.shape().contiguous();
    let mut values = gradient.clone().into_f32();
    for row in 0..shape.rows {
        let Some(class) = class_of(against, row) else { continue };
        let scaled: Vec<f32> = logits.row(row).iter().map(|x| x / options.temperature).collect();
        let log_p = log_softmax(&scaled)[class];
        let p = log_p.exp();
        for class in 0..shape.classes {
            values[shape.start_of(row) + class * shape.inner] /=
                1.0 - gamma * p * log_p / (1.0 - p);
        }
    }
    *gradient = OwnedValues::from_f32(values, gradient.element());
}

/// The class that a row is compared with.
fn class_of(against: SoftmaxAgainst<'_>, row: usize) -> Option<usize> {
    match against {
        SoftmaxAgainst::Targets(Targets { values: TargetValues::Classes(indices), .. }) => {
            usize::try_from(indices.get(row)?).ok()
        }
        _ => None,
    }
}

fn log_softmax(x: &[f32]) -> Vec<f32> {
    let maximum = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let log_total = x.iter().map(|x| (x - maximum).exp()).sum::<f32>().ln();
    x.iter().map(|x| x - maximum - log_total).collect()
}

/// `sum q (log q - log p)`.
pub fn naive_divergence(
    x: &[f32],
    against: SoftmaxAgainst<'_>,
    row: usize,
    function: SoftmaxFunction,
) -> Option<f32> {
    let SoftmaxAgainst::Teacher { logits, .. } = against else { return None };
    let (student, teacher) = (log_softmax(x), log_softmax(&logits.row(row)));
    let terms = student.into_iter().zip(teacher).map(|(p, q)| q.exp() * (q - p));
    (function == SoftmaxFunction::KlDivergence).then(|| terms.sum())
}

/// `-(1 - p)^gamma log p`.
pub fn naive_focal(
    x: &[f32],
    against: SoftmaxAgainst<'_>,
    row: usize,
    function: SoftmaxFunction,
) -> Option<f32> {
    let class = class_of(against, row)?;
    let (log_p, SoftmaxFunction::Focal { gamma }) = (*log_softmax(x).get(class)?, function) else {
        return None;
    };
    Some(-(1.0 - log_p.exp()).powf(gamma) * log_p)
}
