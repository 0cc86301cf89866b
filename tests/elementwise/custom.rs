//! Losses of the caller's.

use wgpu_loss::{
    CustomLoss, Elementwise, ElementwiseLoss, ElementwiseUpstream, Engine, Error, Logits,
    LossFunction, cpu,
};

use crate::device;

/// log cosh(x - t), and its derivative tanh(x - t), times the first parameter.
const LOG_COSH: CustomLoss = CustomLoss {
    name: "log-cosh",
    wgsl: "
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let error = x - t;
    let value = abs(error) + softplus(-2.0 * abs(error)) - 0.6931472;
    let p = sigmoids(2.0 * error);
    return Loss(parameters.loss.x * value, parameters.loss.x * (p.x - p.y), 0.0);
}
",
    parameters: [2.0, 0.0, 0.0, 0.0],
    function: |x, t, parameters| {
        let error = x - t;
        [parameters[0] * error.cosh().ln(), parameters[0] * error.tanh()]
    },
};

#[test]
fn a_loss_of_the_callers_is_the_same_everywhere() {
    let x = [0.5f32, -1.0, 3.0, 2.0, f32::INFINITY, -7.0];
    let t = [0.0f32, 1.0, 3.5, -2.0, 0.0, 1.5];
    let operands = Elementwise::new(
        Logits::new(&x, 2, 3).expect("rows"),
        Logits::new(&t, 2, 3).expect("rows"),
    );
    let options = ElementwiseLoss::unreduced(LossFunction::Custom(LOG_COSH));
    let upstream = ElementwiseUpstream::Scalar(3.0);
    let gpu = device::new_gpu();
    let engines: [&dyn Engine; 3] = [&gpu, &cpu::Fast, &cpu::Oracle];
    for engine in engines {
        let out =
            engine.elementwise_loss_with_gradient(&operands, upstream, &options).expect("losses");
        let gradient = out.gradient.expect("a gradient").into_f32();
        for at in 0..6 {
            if at == 4 {
                assert!(out.values[at].is_nan() && gradient[at].is_nan(), "{}", engine.name());
                continue;
            }
            let error = f64::from(x[at]) - f64::from(t[at]);
            let (value, slope) = (2.0 * error.cosh().ln(), 6.0 * error.tanh());
            assert!((f64::from(out.values[at]) - value).abs() < 1e-6, "{} {at}", engine.name());
            assert!((f64::from(gradient[at]) - slope).abs() < 2e-6, "{} {at}", engine.name());
        }
    }
}

#[test]
fn modules_that_are_none_are_refused() {
    let gpu = device::new_gpu();
    let x = Logits::new(&[1.0f32], 1, 1).expect("a row");
    let evaluate = |wgsl: &'static str| {
        let custom = CustomLoss { wgsl, ..LOG_COSH };
        let options = ElementwiseLoss::new(LossFunction::Custom(custom));
        gpu.elementwise_loss(&Elementwise::new(x, x), &options).expect_err("no module")
    };
    let nothing = evaluate("fn loss(x: f32) -> f32 { return x; }");
    assert!(
        nothing.to_string().contains("log-cosh: loss module: expected a function"),
        "{nothing}"
    );
    let binding = evaluate("@group(0) @binding(20) var<storage> a: array<f32>; fn loss_of() {}");
    assert!(binding.to_string().contains("no bindings and no entry points"), "{binding}");
    // What the module means is the device's to judge: its message names the place.
    let wrong = evaluate("fn loss_of(x: f32, t: f32, third: f32) -> Loss { return x + unknown; }");
    assert!(matches!(wrong, Error::Device { .. }), "{wrong}");
    assert!(wrong.to_string().contains("unknown"), "{wrong}");
}
