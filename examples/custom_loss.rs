//! A loss of one's own: log-cosh, checked on every adapter that is there, then evaluated.
//!
//! `log(cosh(x - t))` written so overflows beyond 89, and built-in `tanh` is NaN beyond 88 on some
//! drivers; written with the functions of the interface it is right everywhere.

use wgpu_loss::{
    CustomLoss, Elementwise, ElementwiseLoss, ElementwiseUpstream, Engine, Gpu, Logits,
    LossFunction, Result, cpu,
};

const LOG_COSH: CustomLoss = CustomLoss {
    name: "log-cosh",
    wgsl: "
// A helper may have any name: kernels have a `square` and a `load`, too, and never see these.
fn square(x: f32) -> f32 {
    return x * x;
}

fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let error = abs(x - t);
    var value = error + log1p_of(exp_of(-2.0 * error)) - 0.6931472;
    // What cancels there would be all of it.
    if error < 0.05 { value = 0.5 * square(error) - square(square(error)) / 12.0; }
    return Loss(parameters.loss.x * value, parameters.loss.x * tanh_of(x - t), 0.0);
}

// Without this function the loss of an infinite operand is NaN; it goes for the CPU engines, too.
fn special_loss_of(x: f32, t: f32, third: f32) -> Loss {
    return loss_of(x, t, third);
}
",
    parameters: [2.0, 0.0, 0.0, 0.0],
    function: |x, t, [scale, ..]| {
        let error = (x - t).abs();
        let value = match error < 1e-4 {
            true => 0.5 * error * error,
            false => error + (-2.0 * error).exp().ln_1p() - 2.0_f64.ln(),
        };
        [scale * value, scale * (x - t).tanh()]
    },
};

/// The losses of four predictions, as every engine has them.
pub fn evaluate(gpu: &Gpu) -> Result<Vec<Vec<f32>>> {
    let predictions = Logits::new(&[0.5, 100.0, -3.0, f32::INFINITY], 4, 1)?;
    let observed = Logits::new(&[0.25, 0.0, -3.0, 1.0], 4, 1)?;
    let operands = Elementwise::new(predictions, observed);
    let loss = ElementwiseLoss::unreduced(LossFunction::Custom(LOG_COSH));
    let upstream = ElementwiseUpstream::Scalar(1.0);
    let engines: [&dyn Engine; 3] = [gpu, &cpu::Fast, &cpu::Oracle];
    let evaluate = |engine: &&dyn Engine| {
        let out = engine.elementwise_loss_with_gradient(&operands, upstream, &loss)?;
        println!("{}: {:?}, gradient {:?}", engine.name(), out.values, out.gradient);
        Ok(out.values)
    };
    engines.iter().map(evaluate).collect()
}

/// WGSL, function and derivatives against each other, on inputs of every kind.
pub fn check(gpu: &Gpu) -> Result<()> {
    println!("{}", LOG_COSH.check(gpu, &[])?);
    Ok(())
}

fn main() -> Result<()> {
    let gpu = Gpu::new()?;
    check(&gpu)?;
    evaluate(&gpu)?;
    Ok(())
}
