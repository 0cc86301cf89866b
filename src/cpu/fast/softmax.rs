//! One row of logits: its maximum and the sum of its exponentials, in `LANES` lanes that LLVM turns
//! into vector instructions. Each lane adds up the elements of its own index modulo `LANES`, so the
//! order of every addition is fixed by the row's length alone.

use super::exp::exp;

/// Elements handled together: four vectors of 128 bits, one of 512.
pub(super) const LANES: usize = 16;

/// Elements added up in single precision before the sum moves on to double precision: 16 additions
/// a lane, so that the rounding error does not grow with the number of classes.
pub(super) const BLOCK: usize = 16 * LANES;

/// What everything about a row's softmax is computed from.
#[derive(Clone, Copy)]
pub(super) struct Softmax {
    /// The largest logit; NaN where the row holds one; `-inf` without classes.
    pub(super) maximum: f32,
    /// Where it stands: the lowest index on ties, the first NaN's where there is one.
    pub(super) argmax: usize,
    /// `r = sum_{j != argmax} exp(x_j - maximum)`; NaN where the softmax is undefined.
    pub(super) rest: f32,
}

impl Softmax {
    /// Two reads of the row.
    pub(super) fn of(row: &[f32]) -> Self {
        Self::read::<false>(row, &mut [])
    }

    /// The same; leaves `exp(x_j - maximum)` in `exps`, or anything where the softmax is undefined.
    pub(super) fn with_exps(row: &[f32], exps: &mut [f32]) -> Self {
        Self::read::<true>(row, exps)
    }

    fn read<const STORE: bool>(row: &[f32], exps: &mut [f32]) -> Self {
        let (maximum, argmax) = maximum(row);
        if maximum.is_infinite() {
            return Self::undefined(row);
        }
        let sum = sum_exps::<STORE>(row, maximum, argmax, exps);
        if sum.is_nan() {
            return Self::undefined(row); // the maximum passes a NaN over, the sum does not
        }
        if STORE {
            exps[argmax] = 1.0;
        }
        let rest =
            if is_distant(sum, row.len()) { sum_distant_exps(row, maximum, argmax) } else { sum };
        Self { maximum, argmax, rest: rest as f32 }
    }

    /// A row of `-inf`, one with `+inf`, one with NaN, one without elements.
    #[cold]
    fn undefined(row: &[f32]) -> Self {
        let argmax = argmax(row);
        let maximum = row.get(argmax).copied().unwrap_or(f32::NEG_INFINITY);
        Self { maximum, argmax, rest: f32::NAN }
    }

    /// `log sum_c exp(x_c)`; where the softmax is undefined, the maximum has it.
    pub(super) fn log_sum_exp(&self) -> f32 {
        if self.rest.is_nan() { self.maximum } else { self.maximum + self.rest.ln_1p() }
    }

    /// `-log p(x)`.
    pub(super) fn negative_log_probability(&self, x: f32) -> f32 {
        (self.maximum - x) + self.rest.ln_1p()
    }

    /// Turns the exponentials into `factor * softmax(x)`; NaN where that is undefined.
    pub(super) fn scale_exps(&self, exps: &mut [f32], factor: f32) {
        let scale = factor / (1.0 + self.rest);
        if scale.is_nan() {
            exps.fill(f32::NAN); // the exponentials are anything
        } else {
            exps.iter_mut().for_each(|e| *e *= scale);
        }
    }

    /// Whether there is none: a row of `-inf`, one with `+inf`, one with NaN.
    pub(super) fn is_undefined(&self) -> bool {
        self.rest.is_nan()
    }

    /// `-sum_c p_c log p_c`, with `0 log 0 = 0`; NaN where the softmax is undefined.
    pub(super) fn entropy(&self, row: &[f32]) -> f32 {
        let rest = f64::from(self.rest);
        (rest.ln_1p() + self.spread(row) / (1.0 + rest)) as f32
    }

    /// `sum_c exp(x_c - maximum) (maximum - x_c)`, with `0 * inf = 0`; NaN where the softmax is
    /// undefined.
    pub(super) fn spread(&self, row: &[f32]) -> f64 {
        if self.is_undefined() {
            f64::NAN
        } else if is_distant(self.rest.into(), row.len()) {
            sum_distant_spread(row, self.maximum)
        } else {
            row.chunks(BLOCK).map(|block| f64::from(block_spread(block, self.maximum))).sum()
        }
    }
}

/// Less than e^-30 a class: mostly exponents below -30, where rounding x - maximum to single
/// precision alone costs up to 3.8e-6 of each exponential.
fn is_distant(rest: f64, classes: usize) -> bool {
    rest < 9.4e-14 * classes as f64
}

/// As `torch.argmax`: the first NaN, else the lowest index of the largest; 0 without classes.
pub(super) fn argmax(row: &[f32]) -> usize {
    row.iter().position(|x| x.is_nan()).unwrap_or_else(|| maximum(row).1)
}

/// `if` and not `f32::max`: one instruction, which passes over a NaN in `x`.
#[inline(always)]
fn larger(x: f32, best: f32) -> f32 {
    if x > best { x } else { best }
}

/// The last `tail.len() < LANES` elements of a row, filled up with what adds nothing.
#[inline(always)]
fn padded(tail: &[f32]) -> [f32; LANES] {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    lanes[..tail.len()].copy_from_slice(tail);
    lanes
}

/// The largest element that is not NaN, and its lowest index; `-inf` and 0 where there is none.
fn maximum(row: &[f32]) -> (f32, usize) {
    let mut best = f32::NEG_INFINITY;
    let mut best_block = 0;
    for (index, block) in row.chunks(BLOCK).enumerate() {
        let found = block_maximum(block);
        if found > best {
            (best, best_block) = (found, index);
        }
    }
    // Only the block that holds the maximum is searched for it.
    let start = best_block * BLOCK;
    let offset = row[start..].iter().position(|&x| x == best);
    (best, start + offset.unwrap_or(0))
}

#[inline(always)]
fn block_maximum(block: &[f32]) -> f32 {
    let (chunks, tail) = block.as_chunks::<LANES>();
    let mut lanes = padded(tail);
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = larger(chunk[lane], lanes[lane]);
        }
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, |best, x| larger(x, best))
}

/// `sum_{j != excluded} exp(x_j - maximum)`; NaN where the row holds one.
fn sum_exps<const STORE: bool>(
    row: &[f32],
    maximum: f32,
    excluded: usize,
    exps: &mut [f32],
) -> f64 {
    let mut sum = 0.0;
    let mut exps = exps.chunks_mut(BLOCK);
    for (index, block) in row.chunks(BLOCK).enumerate() {
        let exps = if STORE { exps.next().unwrap_or_default() } else { &mut [] };
        // Beyond the block's end where the excluded element is in another one.
        let excluded = excluded.wrapping_sub(index * BLOCK);
        sum += f64::from(block_sum_exps::<STORE>(block, maximum, excluded, exps));
    }
    sum
}

#[inline(always)]
fn block_sum_exps<const STORE: bool>(
    block: &[f32],
    maximum: f32,
    excluded: usize,
    exps: &mut [f32],
) -> f32 {
    let (chunks, tail) = block.as_chunks::<LANES>();
    let (exp_chunks, exp_tail) = exps.as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for (index, chunk) in chunks.iter().enumerate() {
        let chunk_exps = exp_lanes(chunk, maximum);
        if STORE {
            exp_chunks[index] = chunk_exps;
        }
        add(&mut sums, &chunk_exps, excluded.wrapping_sub(index * LANES));
    }
    if !tail.is_empty() {
        let tail_exps = exp_lanes(&padded(tail), maximum);
        if STORE {
            exp_tail.copy_from_slice(&tail_exps[..tail.len()]);
        }
        add(&mut sums, &tail_exps, excluded.wrapping_sub(chunks.len() * LANES));
    }
    pairwise(&mut sums)
}

#[inline(always)]
fn pairwise(sums: &mut [f32; LANES]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}

/// `sum_j exp(x_j - maximum) (maximum - x_j)` of at most `BLOCK` elements.
#[inline(always)]
fn block_spread(block: &[f32], maximum: f32) -> f32 {
    let (chunks, tail) = block.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    let mut add = |x: &[f32; LANES]| {
        for lane in 0..LANES {
            let exp = exp(x[lane] - maximum);
            let term = exp * (maximum - x[lane]);
            sums[lane] += if exp == 0.0 { 0.0 } else { term };
        }
    };
    chunks.iter().for_each(&mut add);
    add(&padded(tail));
    pairwise(&mut sums)
}

/// Adds each lane but the excluded one, which is no lane's index in most calls.
#[inline(always)]
fn add(sums: &mut [f32; LANES], exps: &[f32; LANES], excluded: usize) {
    if excluded < LANES {
        for lane in 0..LANES {
            sums[lane] += if lane == excluded { 0.0 } else { exps[lane] };
        }
    } else {
        for lane in 0..LANES {
            sums[lane] += exps[lane];
        }
    }
}

#[inline(always)]
fn exp_lanes(x: &[f32; LANES], maximum: f32) -> [f32; LANES] {
    let mut exps = [0.0; LANES];
    for lane in 0..LANES {
        exps[lane] = exp(x[lane] - maximum);
    }
    exps
}

/// [`sum_exps`] where the maximum leads so far that only double precision gets the others right.
#[cold]
fn sum_distant_exps(row: &[f32], maximum: f32, excluded: usize) -> f64 {
    let distance = |&x: &f32| f64::from(x) - f64::from(maximum);
    let exps = |part: &[f32]| part.iter().map(distance).map(f64::exp).sum::<f64>();
    exps(&row[..excluded]) + exps(&row[excluded + 1..])
}

/// [`Softmax::spread`] where only double precision gets it right.
#[cold]
fn sum_distant_spread(row: &[f32], maximum: f32) -> f64 {
    let distances = row.iter().map(|&x| f64::from(maximum) - f64::from(x));
    distances.filter(|distance| distance.is_finite()).map(|d| (-d).exp() * d).sum()
}

/// `exp(x_j - maximum)` of a row, for a maximum that is at least the row's own.
pub(super) fn exps_below(row: &[f32], maximum: f32, exps: &mut [f32]) {
    for (exp_of, &x) in exps.iter_mut().zip(row) {
        *exp_of = exp(x - maximum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maximum_is_the_lowest_index_of_the_largest() {
        let row: Vec<f32> = (0..1000).map(|i| if i % 300 == 299 { 7.0 } else { -1.0 }).collect();
        assert_eq!(maximum(&row), (7.0, 299));
        assert_eq!(maximum(&[f32::NAN, 1.0, f32::NAN, 1.0]), (1.0, 1));
        assert_eq!(maximum(&[]), (f32::NEG_INFINITY, 0));
    }
}
