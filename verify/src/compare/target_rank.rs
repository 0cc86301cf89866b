//! How many classes come before a row's target.

use super::row::Transform;

/// The ranks that may be told of a target.
pub(super) struct Ranks {
    pub(super) least: usize,
    pub(super) most: usize,
}

impl Ranks {
    /// Without a target, the number of classes.
    pub(super) fn new(row: &[f32], transform: Transform, target: Option<usize>) -> Self {
        let Some(target) = target else { return Self { least: row.len(), most: row.len() } };
        // A device may take subnormal numbers for zeros, which makes them ties.
        let flush = |x: f32| if x.is_subnormal() { 0.0 } else { x };
        let exact = rank(row.iter().map(|&x| transform.order(x)), target);
        let flushed = rank(row.iter().map(|&x| transform.order(flush(x))), target);
        Self { least: exact.min(flushed), most: exact.max(flushed) }
    }
}

/// As `torch.topk` orders classes: NaN, then the greater values; the lower of equals.
fn rank(values: impl Iterator<Item = f64> + Clone, target: usize) -> usize {
    let own = values.clone().nth(target).unwrap_or(f64::NAN);
    let comes_before = |&(class, x): &(usize, f64)| {
        let is_equal = x == own || (x.is_nan() && own.is_nan());
        let is_greater = x > own || (x.is_nan() && !own.is_nan());
        is_greater || (is_equal && class < target)
    };
    values.enumerate().filter(comes_before).count()
}
