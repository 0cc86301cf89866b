//! What a row's loss and gradient are made of.

use super::super::gradient::ClassTolerance;
use super::super::row::Row;
use super::super::tolerance::{FLUSHED, Tolerance};

/// The largest `gamma` at which what an error of `1 - p` does to its power is within the tolerance.
const PLAIN_GAMMA: f64 = 2.5;

/// From this temperature on errors of a divergence are relative to the differences of logarithms, however
/// small these are.
const WARM: f32 = 16.0;

/// A row without its weight, the factor `T^2` of divergences, and what its gradient is multiplied by.
pub(super) struct RowTerms {
    /// The loss.
    pub(super) sum: f64,
    /// Of the loss: relative to the sum of its terms' absolute values.
    pub(super) value: Tolerance,
    /// What the gradient is a multiple of: the sum of the coefficients' absolute values.
    pub(super) factor: f64,
    /// Of the gradient, class by class.
    pub(super) classes: Vec<ClassTolerance>,
    /// How much of the sums of exponentials may be missing.
    pub(super) flushed: f64,
    /// What a divergence's value may be off by because the logarithms of both sums are rounded to
    /// single precision: that shifts every difference of logarithms by the same, and so the value by
    /// half of its square.
    pub(super) common_shift: f64,
}

/// 0 where either is.
fn product(one: f64, other: f64) -> f64 {
    if one == 0.0 || other == 0.0 { 0.0 } else { one * other }
}

/// A class's term of focal loss, but for its coefficient.
struct Focused {
    /// `-log p`.
    log: f64,
    /// `(1 - p)^gamma`.
    power: f64,
    /// How much of the power may be missing because exponentials are so small.
    lost: f64,
    /// `-du/d(log p)`: the power times `1 - gamma p log p / (1 - p)`.
    slope: f64,
    /// By how much the slope may be shifted, relatively.
    shift: f64,
}

impl Focused {
    fn new(row: &Row, class: usize, gamma: f64) -> Self {
        let (p, complement) = (row.probability(class), row.complement(class));
        let log = row.minus_log_probability(class);
        let power = complement.powf(gamma);
        let share = match (p == 0.0, complement == 0.0) {
            (true, _) => 0.0,
            (_, true) => 1.0,
            _ => p * log / complement,
        };
        let lost = match row.flushed > 0.0 {
            true => power - (complement - row.flushed).max(0.0).powf(gamma),
            false => 0.0,
        };
        // The power's, and those of p, of its logarithm, which is at least log 2 but where the class
        // leads, and of 1 - p in the other factor.
        let shift = (gamma + 2.0) * row.complement_shift(class) + 2.5 * row.shift(class);
        Self { log, power, lost, slope: power * (1.0 + gamma * share), shift }
    }

    fn tolerance(&self, row: &Row, class: usize, gamma: f64) -> Tolerance {
        let of_log = row.log_probability_tolerance(class);
        let of_power = gamma * self.power * row.complement_shift(class) + self.lost;
        let extra = product(self.power, of_log.extra) + product(self.log, of_power);
        Tolerance { scale: self.power * of_log.scale, extra }
    }
}

impl RowTerms {
    /// Focal loss with a coefficient for each class; `only`: the class that alone has a term.
    pub(super) fn of_focal(
        row: &Row,
        coefficients: &[f64],
        only: Option<usize>,
        gamma: f64,
    ) -> Self {
        let sharpness = (gamma / PLAIN_GAMMA).max(1.0);
        let (mut sum, mut value) = (0.0, Tolerance::EXACT);
        // Of `u_c`: absolute values, and by how much they may be shifted.
        let mut slopes = vec![(0.0, 0.0); coefficients.len()];
        let some = coefficients.iter().enumerate().filter(|it| *it.1 != 0.0);
        for (class, &coefficient) in some {
            let term = Focused::new(row, class, gamma);
            sum += coefficient * term.power * term.log;
            let Tolerance { scale, extra } = term.tolerance(row, class, gamma) * coefficient;
            value = value + Tolerance { scale: scale * sharpness, extra };
            let slope = coefficient.abs() * term.slope;
            let lost = coefficient.abs() * term.lost * (1.0 + gamma);
            slopes[class] = (slope, slope * term.shift + lost);
        }
        let (slope, shift) =
            slopes.iter().fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
        let of_class = |class: usize| {
            let (own, own_shift) = slopes[class];
            let (p, complement) = (row.probability(class), row.complement(class));
            let is_only = only == Some(class);
            // With one term the target's value is that times p - 1, which does not cancel.
            let terms = if is_only { slope * complement } else { slope * p + own };
            ClassTolerance {
                terms: terms * sharpness,
                exponent: if is_only { 0.0 } else { row.distance(class) },
                shift: shift * p + own_shift + slope * p * row.shift(class),
            }
        };
        Self {
            sum,
            value,
            factor: coefficients.iter().map(|coefficient| coefficient.abs()).sum(),
            classes: (0..coefficients.len()).map(of_class).collect(),
            flushed: row.flushed,
            common_shift: 0.0,
        }
    }

    /// A divergence of a student from a teacher; `of`: that of Kullback-Leibler, or of Jensen-Shannon.
    pub(super) fn of_divergence(
        [student, teacher]: [&Row; 2],
        temperature: f32,
        of: fn(&Pair) -> Divergence,
    ) -> Self {
        let pairs: Vec<_> = (0..student.logits.len())
            .map(|class| Pair::new(student, teacher, class))
            .map(|pair| (of(&pair), pair))
            .collect();
        let sum = pairs.iter().map(|(divergence, _)| divergence.value).sum();
        let extra = pairs.iter().map(|(divergence, pair)| {
            divergence.value * student.relative_rounding() + divergence.shift + pair.flushed()
        });
        let largest = student.rest.max(teacher.rest).ln_1p();
        let is_warm = temperature >= WARM;
        let shift = if is_warm { 0.0 } else { f64::from(f32::EPSILON) * (1.0 + largest) };
        // What the gradient's errors are relative to, beside the probabilities.
        let reach = match is_warm {
            true => pairs.iter().map(|(_, pair)| pair.reach()).fold(0.0, f64::max).min(1.0),
            false => 1.0,
        };
        let slope: f64 = pairs.iter().map(|(divergence, _)| divergence.slope).sum();
        let of_class = |(divergence, pair): &(Divergence, Pair)| ClassTolerance {
            // A difference of logarithms is off by what these are.
            terms: (pair.p + pair.q * divergence.teacher) * reach
                + divergence.slope
                + slope * pair.p,
            exponent: pair.distances[0].max(pair.distances[1]),
            // An exponential that counts as 0 takes its multiple by a logarithm with it.
            shift: pair.shifts[0]
                + pair.shifts[1]
                + if pair.p < FLUSHED { divergence.slope } else { 0.0 },
        };
        Self {
            sum,
            value: Tolerance { scale: sum, extra: extra.sum() },
            factor: 1.0,
            classes: pairs.iter().map(of_class).collect(),
            flushed: student.flushed + teacher.flushed,
            common_shift: 0.5 * shift * shift,
        }
    }
}

/// A class of a student `p` and a teacher `q`.
pub(super) struct Pair {
    p: f64,
    q: f64,
    /// `log q - log p`, NaN where both are 0.
    d: f64,
    distances: [f64; 2],
    /// By how much rounded distances shift `p` and `q`.
    shifts: [f64; 2],
}

/// A class's part of a divergence.
pub(super) struct Divergence {
    /// Never negative.
    value: f64,
    /// Its derivative's absolute value in `log p`, where the gradient is not known without.
    slope: f64,
    /// By how much rounded distances shift the value, beside their difference.
    shift: f64,
    /// What the teacher's probability is multiplied by in the gradient.
    teacher: f64,
}

impl Pair {
    fn new(student: &Row, teacher: &Row, class: usize) -> Self {
        let (p, q) = (student.probability(class), teacher.probability(class));
        let shift = |row: &Row, p: f64| product(p, row.rounding(class));
        Self {
            p,
            q,
            d: student.minus_log_probability(class) - teacher.minus_log_probability(class),
            distances: [student.distance(class), teacher.distance(class)],
            shifts: [shift(student, p), shift(teacher, q)],
        }
    }

    /// The difference of the logarithms, and those of the logits that it is of, which are rounded.
    fn reach(&self) -> f64 {
        let distances: f64 = self.distances.iter().sum();
        if self.p + self.q == 0.0 { 0.0 } else { self.d.abs() + distances.abs() }
    }

    /// What may be missing because an exponential is so small.
    fn flushed(&self) -> f64 {
        let teacher = if self.q < FLUSHED { product(self.q, 1.0 + self.d.abs()) } else { 0.0 };
        if self.p < FLUSHED { self.p + teacher } else { teacher }
    }

    /// `q (d - 1 + exp(-d))`.
    pub(super) fn kl_divergence(&self) -> Divergence {
        let Self { p, q, d, shifts, .. } = *self;
        let (value, shift) = match d {
            f64::NEG_INFINITY => (p, shifts[0]),
            d if d.is_nan() => (0.0, 0.0),
            d if d.abs() < 1.0 => {
                let excess = d + (-d).exp_m1();
                (q * excess, excess * shifts[1])
            }
            d => (product(q, d - 1.0) + p, shifts[0] + product((d - 1.0).abs(), shifts[1])),
        };
        Divergence { value, slope: 0.0, shift, teacher: 1.0 }
    }

    /// `(q log(q / m) + p log(p / m)) / 2`, and `p log(p / m) / 2`.
    pub(super) fn jensen_shannon(&self) -> Divergence {
        let Self { p, q, d, shifts, .. } = *self;
        if d.is_nan() {
            return Divergence { value: 0.0, slope: 0.0, shift: 0.0, teacher: 0.0 };
        }
        let log_share = |d: f64| match d > 100.0 {
            true => std::f64::consts::LN_2 - d,
            false => -((d.exp_m1() / 2.0).ln_1p()),
        };
        let (of_student, of_teacher) = (product(p, log_share(d)), product(q, log_share(-d)));
        let value = match d.abs() < 1e-3 {
            true => (p + q) / 2.0 * d * d / 8.0, // where the two cancel
            false => (of_student + of_teacher) / 2.0,
        };
        // A multiple of the mean.
        let shift = product(value, (shifts[0] + shifts[1]) / (p + q).max(f64::MIN_POSITIVE));
        Divergence { value, slope: of_student.abs() / 2.0, shift, teacher: 0.0 }
    }
}
