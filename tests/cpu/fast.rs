//! What `cpu::Fast` promises about digits and bits.

use crate::assert_close;
use wgpu_loss::{
    CrossEntropy, Engine, LogSumExp, Logits, OwnedValues, Reduction, Targets, Upstream, cpu,
};

/// Leads of every size, off any grid: where `x - m` rounded to single precision would cost up to
/// 3.8e-6 of the loss.
#[test]
fn distant_runners_up_keep_the_loss_exact() {
    for classes in [2, 3, 17, 300] {
        for lead in 1..870 {
            let lead = lead as f32 * 0.1;
            let mut row: Vec<f32> = (0..classes).map(|i| (i as f32 * 0.731).sin() * 0.1).collect();
            row[1] = lead;
            let logits = Logits::new(&row, 1, classes).unwrap();
            let options = CrossEntropy::default();
            let targets = Targets::classes(&[1]);
            let upstream = Upstream::default();
            let exact =
                cpu::Oracle.cross_entropy_f64(logits, targets, Some(upstream), &options).unwrap();
            let found =
                cpu::Fast.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap();
            assert_close(found.loss, exact.loss);
            let gradient = found.gradient.unwrap().into_f32();
            assert_close(gradient[1], exact.gradient.unwrap()[1]);
        }
    }
}

/// Deterministic, without order: enough for tests about bits.
fn noise(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 1e6 - 8.0).collect()
}

fn bits(values: Option<Vec<f32>>) -> Option<Vec<u32>> {
    values.map(|values| values.into_iter().map(f32::to_bits).collect())
}

fn gradient_bits(gradient: Option<OwnedValues>) -> Option<Vec<u32>> {
    bits(gradient.map(OwnedValues::into_f32))
}

/// Far above the number of rows one thread takes.
#[test]
fn a_row_gives_the_same_bits_alone_and_in_a_batch() {
    let (rows, classes) = (300, 301);
    let values = noise(rows * classes);
    let targets: Vec<i32> = (0..rows).map(|row| (row * 7 % classes) as i32).collect();
    let of_all = Targets::classes(&targets);
    let options = crate::options(Reduction::None);
    let upstream = Upstream::Scalar(0.37);
    let logits = Logits::new(&values, rows, classes).unwrap();
    let batch = cpu::Fast.cross_entropy_with_gradient(logits, of_all, upstream, &options).unwrap();
    let (losses, lse) = (batch.loss_rows.unwrap(), batch.log_sum_exp.unwrap());
    let gradient = batch.gradient.unwrap().into_f32();
    for row in 0..rows {
        let of_row = logits.row(row);
        let alone = Logits::new(&of_row, 1, classes).unwrap();
        let target = Targets::classes(&targets[row..=row]);
        let out = cpu::Fast.cross_entropy_with_gradient(alone, target, upstream, &options).unwrap();
        assert_eq!(bits(out.loss_rows), bits(Some(vec![losses[row]])));
        assert_eq!(bits(out.log_sum_exp), bits(Some(vec![lse[row]])));
        let expected = gradient[row * classes..][..classes].to_vec();
        assert_eq!(gradient_bits(out.gradient), bits(Some(expected)));
        // Without a gradient nothing else changes.
        let out = cpu::Fast.log_sum_exp(alone, &LogSumExp::default()).unwrap();
        assert_eq!(bits(Some(out.log_sum_exp)), bits(Some(vec![lse[row]])));
    }
}

/// Rows that are computed many at a time: anywhere in the batch, beside rows of every kind, as each of
/// them alone, and as by the code that serves every option.
#[test]
fn many_short_rows_have_the_bits_of_each_alone() {
    let count = 150;
    let canonical = |values: &[f32]| -> Vec<u32> {
        values.iter().map(|x| if x.is_nan() { f32::NAN } else { *x }.to_bits()).collect()
    };
    for classes in (1..=40).chain([64, 100, 127, 128, 129, 300]) {
        let mut values = noise(count * classes);
        let of_rows = [
            (3, f32::NAN),
            (17, f32::INFINITY),
            (31, f32::NEG_INFINITY),
            (63, 40.0),
            (64, 3.5),
            (149, -1e30),
        ];
        for (row, value) in of_rows {
            values[row * classes + row % classes] = value;
        }
        values[31 * classes..32 * classes].fill(f32::NEG_INFINITY);
        values[70 * classes..71 * classes].fill(0.25);
        values[90 * classes..][..classes.div_ceil(2)].fill(9.5); // ties
        let mut targets: Vec<i32> = (0..count).map(|row| (row * 7 % classes) as i32).collect();
        for ignored in [5, 17, 88] {
            targets[ignored] = -100;
        }
        let factors: Vec<f32> = (0..count).map(|row| row as f32 * 0.13 - 4.0).collect();
        let logits = Logits::new(&values, count, classes).unwrap();
        let plain = CrossEntropy { reduction: Reduction::None, ..CrossEntropy::default() };
        let evaluate =
            |logits: Logits<'_>, rows: std::ops::Range<usize>, options: &CrossEntropy| {
                let targets = Targets::classes(&targets[rows.clone()]);
                let upstream = Upstream::PerRow(&factors[rows]);
                let out = cpu::Fast.cross_entropy_with_gradient(logits, targets, upstream, options);
                let out = out.unwrap();
                let forward = cpu::Fast.cross_entropy(logits, targets, options).unwrap();
                let losses = canonical(&out.loss_rows.unwrap());
                assert_eq!(canonical(&forward.loss_rows.unwrap()), losses);
                (losses, canonical(&out.gradient.unwrap().into_f32()))
            };
        let all = evaluate(logits, 0..count, &plain);
        let with_options = evaluate(logits, 0..count, &crate::options(Reduction::None));
        let unsigned_zeros = |(losses, gradient): &(Vec<u32>, Vec<u32>)| {
            let bits = losses.iter().chain(gradient).copied();
            bits.map(|bits| if bits << 1 == 0 { 0 } else { bits }).collect::<Vec<u32>>()
        };
        assert!(unsigned_zeros(&all) == unsigned_zeros(&with_options), "{classes} classes");
        let lse = cpu::Fast.log_sum_exp(logits, &LogSumExp::default()).unwrap().log_sum_exp;
        for row in 0..count {
            let of_row = logits.row(row);
            let alone = Logits::new(&of_row, 1, classes).unwrap();
            let (losses, gradient) = evaluate(alone, row..row + 1, &plain);
            assert_eq!(losses, all.0[row..=row], "row {row} of {classes} classes");
            assert_eq!(gradient, all.1[row * classes..][..classes], "{row} of {classes} classes");
            let of_row = cpu::Fast.log_sum_exp(alone, &LogSumExp::default()).unwrap();
            assert_eq!(canonical(&of_row.log_sum_exp), canonical(&lse[row..=row]));
        }
    }
}

#[cfg(feature = "rayon")]
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (rows, classes) = (20_000, 10);
    let values = noise(rows * classes);
    let targets: Vec<i32> = (0..rows).map(|row| (row * 7 % classes) as i32).collect();
    let row_by_row = Logits::new(&values, rows, classes).unwrap();
    let side_by_side = Logits::with_class_axis(&values, 1, classes, rows).unwrap();
    for logits in [row_by_row, side_by_side] {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let options = CrossEntropy::default();
            let (targets, upstream) = (Targets::classes(&targets), Upstream::default());
            let out = pool.install(|| {
                cpu::Fast.cross_entropy_with_gradient(logits, targets, upstream, &options).unwrap()
            });
            (out.loss.to_bits(), gradient_bits(out.gradient))
        };
        let expected = run(1);
        for threads in [1, 2, 3, 7] {
            assert_eq!(run(threads), expected);
        }
    }
}

/// A million equal rows: adding them in single precision would be off by far more.
#[test]
fn the_error_does_not_grow_with_the_rows() {
    let rows = 1_000_000;
    let values = [0.3, 0.0].repeat(rows);
    let logits = Logits::new(&values, rows, 2).unwrap();
    let targets = vec![0; rows];
    for reduction in [Reduction::Sum, Reduction::Mean] {
        let options = CrossEntropy { reduction, ..CrossEntropy::default() };
        let targets = Targets::classes(&targets);
        let loss = cpu::Fast.cross_entropy(logits, targets, &options).unwrap().loss;
        let one = (-f64::from(0.3f32)).exp().ln_1p();
        let expected = if reduction == Reduction::Sum { one * rows as f64 } else { one };
        assert!((f64::from(loss) / expected - 1.0).abs() < 2e-7, "{loss}, expected {expected}");
    }
}

#[test]
fn says_how_many_threads_it_has() {
    assert!(cpu::Fast.name().starts_with("cpu::Fast, "), "{}", cpu::Fast.name());
    assert_eq!(cpu::Oracle.name(), "cpu::Oracle");
}
