//! The formulas of a textbook, in double precision, for what is finite in a row. They know nothing
//! of corner cases.

use wgpu_loss::Input;

use super::row::{Row, Target};

/// What the formulas give. Of the gradient, main part and z-loss apart, at each of the three classes
/// and at every other one.
#[derive(Clone, Copy, Debug)]
pub struct Textbook {
    pub loss: f64,
    pub log_sum_exp: f64,
    pub entropy: f64,
    pub target_log_probability: f64,
    pub gradient: [(f64, f64); 4],
}

/// A class, or `count` alike.
#[derive(Clone, Copy)]
struct Class {
    logit: f64,
    slope: f64,
    coefficient: f64,
    count: f64,
}

/// A row of so many classes.
pub fn textbook(row: &Row, classes: usize) -> Textbook {
    if row.options.input == Input::LogProbabilities {
        return negative_log_likelihood(row);
    }
    let every = of_classes(row, classes);
    let finite = || every.iter().filter(|class| class.logit.is_finite() && class.count > 0.0);
    let maximum = finite().map(|class| class.logit).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = finite().map(|class| class.count * (class.logit - maximum).exp()).sum();
    let lse = maximum + sum.ln();
    let probability = |class: &Class| match class.logit.is_finite() {
        true => (class.logit - lse).exp(),
        false => 0.0,
    };
    let (weight, z) = (f64::from(row.row_weight), f64::from(row.options.z_loss));
    let total: f64 = every.iter().map(|class| class.count * class.coefficient).sum();
    let terms = finite().map(|class| class.count * class.coefficient * (lse - class.logit));
    let entropies = finite().map(|class| class.count * probability(class) * (lse - class.logit));
    let target = match row.target {
        Target::Class(class) => every[class].logit,
        _ => f64::NAN,
    };
    Textbook {
        loss: weight * terms.sum::<f64>(),
        log_sum_exp: lse,
        entropy: entropies.sum(),
        target_log_probability: target - lse,
        gradient: every.map(|class| {
            let (p, factor) = (probability(&class), class.slope * weight);
            (factor * (total * p - class.coefficient), factor * 2.0 * z * lse * p)
        }),
    }
}

/// The three classes, and all others as one.
fn of_classes(row: &Row, classes: usize) -> [Class; 4] {
    let (scale, cap) = (f64::from(row.options.logit_scale), row.options.softcap.map(f64::from));
    let smoothing = f64::from(row.options.label_smoothing);
    std::array::from_fn(|class| {
        let is_other = class == 3;
        let stored = f64::from(if is_other { row.others } else { row.logits[class] });
        let weight = if is_other { 1.0 } else { row.class_weight(class) };
        let share = match row.target {
            Target::Probabilities(q) if !is_other => f64::from(q[class]),
            Target::Class(target) if target == class => 1.0,
            _ => 0.0,
        };
        let scaled = scale * stored;
        let tanh = cap.map_or(0.0, |cap| (scaled / cap).tanh());
        Class {
            logit: cap.map_or(scaled, |cap| cap * tanh),
            slope: scale * (1.0 - tanh * tanh),
            coefficient: match row.is_ignored() {
                true => 0.0,
                false => weight * ((1.0 - smoothing) * share + smoothing / classes as f64),
            },
            count: if is_other { classes.saturating_sub(3) as f64 } else { 1.0 },
        }
    })
}

fn negative_log_likelihood(row: &Row) -> Textbook {
    let mut gradient = [(0.0, 0.0); 4];
    let (mut loss, mut target_log_probability) = (0.0, f64::NAN);
    if let Target::Class(class) = row.target {
        let weight = f64::from(row.row_weight) * row.class_weight(class);
        target_log_probability = row.logits[class].into();
        loss = -weight * target_log_probability;
        gradient[class].0 = -weight;
    }
    let nan = f64::NAN;
    Textbook { loss, target_log_probability, log_sum_exp: nan, entropy: nan, gradient }
}
