//! Rows of up to [`SHORT`] classes, many at a time: class by class, each lane of a vector a row.
//!
//! Within a row everything is added up as for a row alone, so the bits are the same.

use pulp::Simd;

use super::row_kernel::SHORT;
use super::simd::{MOST_LANES, exp};
use super::stream::prefetch;

/// The most rows that are computed together: a multiple of every vector's lanes.
pub(super) const ROWS: usize = 64;

/// One class of each row.
pub(super) type Column = [f32; ROWS];

/// Elements that are moved together.
const SQUARE: usize = 4;

/// Turns rows of so many classes into columns. What columns hold beyond the last row stays.
#[inline(always)]
pub(super) fn to_columns(rows: &[f32], classes: usize, columns: &mut [Column]) {
    let four_rows = rows.chunks_exact(SQUARE * classes);
    let (done, last) = (rows.len() - four_rows.remainder().len(), four_rows.remainder());
    let mut class = 0;
    while classes >= SQUARE && class < classes {
        let first = class.min(classes - SQUARE); // the last may overlap
        if let [a, b, c, d] = &mut columns[first..first + SQUARE] {
            let columns = a.as_chunks_mut().0.iter_mut().zip(b.as_chunks_mut().0);
            let others = c.as_chunks_mut().0.iter_mut().zip(d.as_chunks_mut().0);
            for ((rows, (a, b)), (c, d)) in four_rows.clone().zip(columns).zip(others) {
                [*a, *b, *c, *d] = transpose(square(rows, first, classes));
            }
        }
        class += SQUARE;
    }
    if classes < SQUARE {
        for (class, column) in columns.iter_mut().enumerate() {
            for (value, row) in column.iter_mut().zip(rows.chunks_exact(classes)) {
                *value = row[class];
            }
        }
    }
    for (row, values) in last.chunks_exact(classes).enumerate() {
        for (column, &value) in columns.iter_mut().zip(values) {
            column[done / classes + row] = value;
        }
    }
}

/// The other way round.
#[inline(always)]
pub(super) fn to_rows(columns: &[Column], classes: usize, rows: &mut [f32]) {
    let done = rows.len() / (SQUARE * classes) * (SQUARE * classes);
    let (four_rows, last) = rows.split_at_mut(done);
    let mut class = 0;
    while classes >= SQUARE && class < classes {
        let first = class.min(classes - SQUARE);
        if let [a, b, c, d] = &columns[first..first + SQUARE] {
            let columns = a.as_chunks().0.iter().zip(b.as_chunks().0);
            let others = c.as_chunks().0.iter().zip(d.as_chunks().0);
            let four_rows = four_rows.chunks_exact_mut(SQUARE * classes);
            for ((rows, (a, b)), (c, d)) in four_rows.zip(columns).zip(others) {
                for (row, values) in transpose([*a, *b, *c, *d]).into_iter().enumerate() {
                    rows[row * classes + first..][..SQUARE].copy_from_slice(&values);
                }
            }
        }
        class += SQUARE;
    }
    if classes < SQUARE {
        for (class, column) in columns.iter().enumerate() {
            for (row, &value) in four_rows.chunks_exact_mut(classes).zip(column) {
                row[class] = value;
            }
        }
    }
    for (row, values) in last.chunks_exact_mut(classes).enumerate() {
        for (column, value) in columns.iter().zip(values) {
            *value = column[done / classes + row];
        }
    }
}

/// Of four rows, the columns from `first` on.
#[inline(always)]
fn square(rows: &[f32], first: usize, classes: usize) -> [[f32; SQUARE]; SQUARE] {
    let mut square = [[0.0; SQUARE]; SQUARE];
    for (row, values) in square.iter_mut().enumerate() {
        values.copy_from_slice(&rows[row * classes + first..][..SQUARE]);
    }
    square
}

/// In registers: LLVM would move element by element.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline(always)]
fn transpose(square: [[f32; SQUARE]; SQUARE]) -> [[f32; SQUARE]; SQUARE] {
    use std::arch::x86_64::{
        __m128, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    let [a, b, c, d]: [__m128; SQUARE] = bytemuck::cast(square);
    // SAFETY: SSE is part of x86_64.
    unsafe {
        let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
        bytemuck::cast([
            _mm_movelh_ps(ab_low, cd_low),
            _mm_movehl_ps(cd_low, ab_low),
            _mm_movelh_ps(ab_high, cd_high),
            _mm_movehl_ps(cd_high, ab_high),
        ])
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn transpose(square: [[f32; SQUARE]; SQUARE]) -> [[f32; SQUARE]; SQUARE] {
    let mut columns = square;
    for (row, values) in square.iter().enumerate() {
        for (column, &value) in columns.iter_mut().zip(values) {
            column[row] = value;
        }
    }
    columns
}

/// The maxima of so many rows, and the sums of the exponentials below them without that of the
/// maximum itself: NaN where a row holds NaN or an infinite maximum. With `STORE` it leaves the
/// exponentials in the columns. Meanwhile it asks for what lies `behind` bytes after the rows.
#[inline(always)]
pub(super) fn states<S: Simd, const STORE: bool>(
    simd: S,
    rows: (&[f32], usize),
    columns: &mut [Column],
    maxima: &mut Column,
    rests: &mut Column,
) {
    let (rows, behind) = rows;
    let nothing = simd.splat_f32s(0.0);
    let classes = columns.len();
    let count = rows.len() / classes;
    let groups = count.div_ceil(S::F32_LANES);
    // Zeros beyond the last class: a sum's order does not depend on their number.
    let mut below = [nothing; SHORT];
    let (maxima, _) = S::as_mut_simd_f32s(maxima);
    let (rests, _) = S::as_mut_simd_f32s(rests);
    let mut ahead = rows.chunks(S::F32_LANES);
    for (group, (to_maximum, to_rest)) in maxima.iter_mut().zip(rests).enumerate().take(groups) {
        let mut maximum = simd.splat_f32s(f32::NEG_INFINITY);
        for column in &*columns {
            let (vectors, _) = S::as_simd_f32s(column);
            maximum = simd.max_f32s(vectors[group], maximum); // what it has where x is NaN
        }
        let mut leaders = nothing;
        for (column, below) in columns.iter_mut().zip(&mut below) {
            if let Some(rows) = ahead.next() {
                prefetch(rows, behind);
            }
            let (vectors, _) = S::as_mut_simd_f32s(column);
            let x = vectors[group];
            let exp = exp(simd, simd.sub_f32s(x, maximum));
            let leads = simd.equal_f32s(x, maximum);
            *below = simd.select_f32s(leads, nothing, exp);
            leaders = simd.add_f32s(leaders, simd.select_f32s(leads, exp, nothing));
            if STORE {
                vectors[group] = exp;
            }
        }
        let ties = simd.sub_f32s(leaders, simd.splat_f32s(1.0));
        *to_maximum = maximum;
        *to_rest = simd.add_f32s(halves_onto_halves(simd, &below), ties);
    }
}

/// A sum of as many vectors as a short row has room for.
#[inline(always)]
fn halves_onto_halves<S: Simd>(simd: S, values: &[S::f32s; SHORT]) -> S::f32s {
    let mut sums = *values;
    onto_half::<S, 8>(simd, &mut sums);
    onto_half::<S, 4>(simd, &mut sums);
    onto_half::<S, 2>(simd, &mut sums);
    onto_half::<S, 1>(simd, &mut sums);
    sums[0]
}

/// So many sums, onto as many before them: all in registers.
#[inline(always)]
fn onto_half<S: Simd, const HALF: usize>(simd: S, sums: &mut [S::f32s; SHORT]) {
    for index in 0..HALF {
        sums[index] = simd.add_f32s(sums[index], sums[index + HALF]);
    }
}

/// Multiplies each row's values by its factor.
#[inline(always)]
pub(super) fn scale<S: Simd>(simd: S, columns: &mut [Column], factors: &Column) {
    let (factors, _) = S::as_simd_f32s(factors);
    for column in columns {
        let (values, _) = S::as_mut_simd_f32s(column);
        for (value, &factor) in values.iter_mut().zip(factors) {
            *value = simd.mul_f32s(*value, factor);
        }
    }
}

const _: () = assert!(ROWS.is_multiple_of(MOST_LANES) && SHORT == 16);

#[cfg(test)]
mod tests {
    use pulp::{Scalar128b, WithSimd};

    use super::super::row_kernel;
    use super::super::simd::dispatch;
    use super::*;

    struct States<'a> {
        rows: &'a [f32],
        classes: usize,
        exps: &'a mut [f32],
    }

    impl WithSimd for States<'_> {
        type Output = [Column; 2];

        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let Self { rows, classes, exps } = self;
            let mut columns = vec![[f32::NAN; ROWS]; classes];
            let (mut maxima, mut rests) = ([0.0; ROWS], [0.0; ROWS]);
            to_columns(rows, classes, &mut columns);
            states::<S, true>(simd, (rows, 0), &mut columns, &mut maxima, &mut rests);
            scale(simd, &mut columns, &[1.0; ROWS]);
            to_rows(&columns, classes, exps);
            [maxima, rests]
        }
    }

    fn maximum_of(row: &[f32]) -> f32 {
        row.iter().copied().fold(f32::NEG_INFINITY, f32::max)
    }

    /// Some with ties, on vectors of every width.
    #[test]
    fn rows_have_their_states() {
        for classes in 1..=SHORT {
            for count in [1, 2, 3, 4, 7, 15, 16, 17, ROWS - 1, ROWS] {
                let value = |i: usize| match i / classes % 3 {
                    1 if (i % classes).is_multiple_of(3) => 2.5,
                    _ => ((i * 7919 % 997) as f32) * 5e-3 - 2.5,
                };
                let rows: Vec<f32> = (0..count * classes).map(value).collect();
                let mut all_exps = [vec![f32::NAN; rows.len()], vec![f32::NAN; rows.len()]];
                let [exps, of_portable] = &mut all_exps;
                let portable = States { rows: &rows, classes, exps: of_portable };
                let portable = portable.with_simd(Scalar128b);
                let found = dispatch(States { rows: &rows, classes, exps });
                for [maxima, rests] in [found, portable] {
                    for (lane, row) in rows.chunks(classes).enumerate() {
                        let maximum = f64::from(maximum_of(row));
                        let exps = row.iter().map(|&x| (f64::from(x) - maximum).exp());
                        let (rest, expected) = (f64::from(rests[lane]), exps.sum::<f64>() - 1.0);
                        assert_eq!(maxima[lane], maximum_of(row));
                        assert!((rest - expected).abs() <= 1e-6 * expected, "{rest} {expected}");
                    }
                }
                for (lane, row) in rows.chunks(classes).enumerate() {
                    let mut exps = vec![f32::NAN; classes];
                    let alone = row_kernel::with_exps(row, 1.0, &mut exps);
                    assert_eq!(found[1][lane].to_bits(), (alone.rest as f32).to_bits());
                    assert_eq!(all_exps[0][lane * classes..][..classes], exps);
                    for (&x, &exp) in row.iter().zip(&all_exps[1][lane * classes..]) {
                        let exact = (f64::from(x) - f64::from(maximum_of(row))).exp();
                        assert!((f64::from(exp) - exact).abs() <= 1.2e-7);
                    }
                }
            }
        }
    }

    /// Minus infinity alone, beside NaN, and plus infinity, in one group with a row of numbers.
    #[test]
    fn special_rows_do_not_change_their_neighbours() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let others = [[-inf, -inf], [-inf, nan], [inf, 0.0], [nan, 1.0]];
        for (of_first, of_last) in others.iter().flat_map(|a| others.iter().map(move |b| (a, b))) {
            let rows = [of_first[0], of_first[1], 1.0, 1.0, of_last[0], of_last[1]];
            let mut exps = [0.0; 6];
            let [maxima, rests] = dispatch(States { rows: &rows, classes: 2, exps: &mut exps });
            assert_eq!((maxima[1], rests[1]), (1.0, 1.0));
            assert_eq!(exps[2..4], [1.0, 1.0]);
            // Whoever reads them looks at the row.
            assert!(rests[0].is_nan() && (rests[2].is_nan() || of_last[0].is_nan()));
        }
    }
}
