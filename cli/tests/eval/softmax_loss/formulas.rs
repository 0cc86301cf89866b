//! The definitions, in double precision and without the library.

/// `softmax(x / T)`, straight from its definition.
pub fn softmax(x: &[f64], temperature: f64) -> Vec<f64> {
    let exps: Vec<_> = x.iter().map(|x| (x / temperature).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.into_iter().map(|exp| exp / sum).collect()
}

/// `-sum_c a_c t_c (1 - p_c)^gamma log p_c`.
pub fn focal(x: &[f64], target: &[f64], alpha: &[f64], gamma: f64, temperature: f64) -> f64 {
    let p = softmax(x, temperature);
    let terms = p.iter().zip(target).zip(alpha);
    terms.map(|((p, t), alpha)| -alpha * t * (1.0 - p).powf(gamma) * p.ln()).sum()
}

/// `T^2 sum_c q_c log(q_c / p_c)` of the student's `p` and the teacher's `q`.
pub fn kl_divergence(x: &[f64], teacher: &[f64], temperature: f64) -> f64 {
    let (p, q) = (softmax(x, temperature), softmax(teacher, temperature));
    temperature.powi(2) * p.iter().zip(q).map(|(p, q)| q * (q / p).ln()).sum::<f64>()
}

/// `T^2 sum_c (q_c log(q_c / m_c) + p_c log(p_c / m_c)) / 2`, with `m = (p + q) / 2`.
pub fn jensen_shannon(x: &[f64], teacher: &[f64], temperature: f64) -> f64 {
    let (p, q) = (softmax(x, temperature), softmax(teacher, temperature));
    let terms = p.iter().zip(q).map(|(p, q)| {
        let m = (p + q) / 2.0;
        (q * (q / m).ln() + p * (p / m).ln()) / 2.0
    });
    temperature.powi(2) * terms.sum::<f64>()
}

/// The derivative of a loss in each logit, by central differences.
pub fn gradient(x: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    (0..x.len())
        .map(|class| {
            let shifted = |by: f64| {
                let mut x = x.to_vec();
                x[class] += by;
                loss(&x)
            };
            (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP)
        })
        .collect()
}

/// Known values of the definitions themselves.
#[test]
fn definitions() {
    let ln_2 = std::f64::consts::LN_2;
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}");
    near(softmax(&[0.0, 3f64.ln()], 1.0)[1], 0.75);
    near(softmax(&[0.0, 2.0 * 3f64.ln()], 2.0)[1], 0.75);
    near(focal(&[0.0, 0.0], &[1.0, 0.0], &[2.0, 1.0], 2.0, 1.0), 2.0 * 0.25 * ln_2);
    // Of (3/4, 1/4) from (1/2, 1/2).
    let student = [3f64.ln(), 0.0];
    let expected = 0.5 * (0.5f64 / 0.75).ln() + 0.5 * (0.5f64 / 0.25).ln();
    near(kl_divergence(&student, &[1.0, 1.0], 1.0), expected);
    let (a, b) = (0.625f64, 0.375f64);
    let of_teacher = 0.5 * (0.5 / a).ln() + 0.5 * (0.5 / b).ln();
    let of_student = 0.75 * (0.75 / a).ln() + 0.25 * (0.25 / b).ln();
    near(jensen_shannon(&student, &[1.0, 1.0], 1.0), (of_teacher + of_student) / 2.0);
    near(jensen_shannon(&[60.0, 0.0], &[0.0, 60.0], 1.0), ln_2);
}
