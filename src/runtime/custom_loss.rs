//! A loss of the caller's held against itself: WGSL, function, and differences of the function's values.

use std::fmt;

use super::readback::Waiting;
use crate::error::{Error, Result};
use crate::logits::Logits;
use crate::ops::elementwise::{
    CustomLoss, Elementwise, ElementwiseLoss, ElementwiseUpstream, LossFunction,
};
use crate::runtime::Gpu;

/// Of a result, how far WGSL may be from the function.
const RELATIVE: f64 = 1e-4;

/// And beside that, of what is near 1: what single precision may cancel.
const ABSOLUTE: f64 = 1e-6;

/// How far a derivative may be from differences of values.
const OF_SLOPES: f64 = 1e-3;

/// What [`CustomLoss::check`] found: everything agrees, and how well.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CustomLossReport {
    /// Pairs of input and target.
    pub inputs: usize,
    /// Those of which one is infinite or NaN.
    pub special: usize,
    /// Those where the function has a kink: its derivative lies between the slopes of both sides.
    pub kinks: usize,
    /// Those where differences of values say nothing of the derivative.
    pub without_slope: usize,
    /// The value of WGSL that is furthest from the function's.
    pub value: Option<FurthestResult>,
    /// The derivative, likewise.
    pub derivative: Option<FurthestResult>,
}

/// A result of a WGSL module beside the function's.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FurthestResult {
    /// The input.
    pub x: f32,
    /// The target.
    pub t: f32,
    /// What WGSL gave.
    pub wgsl: f32,
    /// What the function gave.
    pub function: f64,
}

impl FurthestResult {
    /// The distance between both, as a part of the function's; 0 where both are the same.
    pub fn relative_error(&self) -> f64 {
        let distance = (f64::from(self.wgsl) - self.function).abs();
        if distance == 0.0 { 0.0 } else { distance / self.function.abs() }
    }
}

impl fmt::Display for CustomLossReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, special, kinks, without_slope, value, derivative } = self;
        write!(
            f,
            "{inputs} inputs agree ({special} not finite, {kinks} on kinks, {without_slope} without a slope)"
        )?;
        for (what, furthest) in [("value", value), ("derivative", derivative)] {
            if let Some(furthest) = furthest {
                let FurthestResult { x, t, wgsl, function } = furthest;
                let error = furthest.relative_error();
                write!(
                    f,
                    "; {what} furthest at x = {x:?}, t = {t:?}: WGSL {wgsl:e}, function {function:e}, \
                     relative error {error:.1e}"
                )?;
            }
        }
        Ok(())
    }
}

impl CustomLoss {
    /// Holds the WGSL module against the function on these pairs of input and target, and the
    /// derivative against differences of the function's values; of no pairs: on
    /// [`sample_inputs`](Self::sample_inputs).
    ///
    /// WGSL may be a 10 000th of the result from the function, or a millionth of what cancels. A
    /// derivative in a kink may be anything between the slopes of both sides. Of operands that are
    /// not finite both have to give what the engines promise: NaN, or what a module with
    /// `special_loss_of` makes of them.
    ///
    /// ```no_run
    /// # fn main() -> wgpu_loss::Result<()> {
    /// # let gpu = wgpu_loss::Gpu::new()?;
    /// use wgpu_loss::CustomLoss;
    /// const SQUARE: CustomLoss = CustomLoss {
    ///     name: "square",
    ///     wgsl: "
    ///         fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    ///             return Loss((x - t) * (x - t), x - t, 0.0);
    ///         }",
    ///     parameters: [0.0; 4],
    ///     function: |x, t, _| [(x - t) * (x - t), 2.0 * (x - t)],
    /// };
    /// let error = SQUARE.check(&gpu, &[[3.0, 1.0]]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "square: derivative at x = 3.0, t = 1.0: WGSL gives 2.0, the function 4.0, differences of the \
    ///      function's values 4.000"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Disagreement`] names the first input where they differ; otherwise as
    /// [`ElementwiseLoss::plan`] and the one-call forms.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn check(&self, gpu: &Gpu, inputs: &[[f32; 2]]) -> Result<CustomLossReport> {
        pollster::block_on(self.check_waiting(gpu, inputs, Waiting::Blocking))
    }

    /// [`check`](Self::check) as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn check_async(&self, gpu: &Gpu, inputs: &[[f32; 2]]) -> Result<CustomLossReport> {
        self.check_waiting(gpu, inputs, Waiting::Yielding).await
    }

    /// Pairs of input and target of every kind: near and far from each other, around 0 and 1,
    /// subnormal, near the ends of the range, infinite and NaN.
    pub fn sample_inputs() -> Vec<[f32; 2]> {
        let magnitudes = [
            0.0,
            1e-40,
            1e-30,
            1e-7,
            1e-3,
            0.03,
            0.5,
            0.999_999_9,
            1.0,
            1.5,
            3.0,
            12.0,
            40.0,
            87.5,
            100.0,
            3e4,
            1e10,
            3e38,
        ];
        let both = |x: f32| [x, -x];
        let specials = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let inputs = magnitudes.into_iter().flat_map(both).chain(specials);
        let targets = [0.0, 1.0, 0.25, -2.0, 1e-40, 3e38].into_iter().chain(specials);
        let targets: Vec<f32> = targets.collect();
        inputs.flat_map(|x| targets.iter().map(move |&t| [x, t])).collect()
    }

    async fn check_waiting(
        &self,
        gpu: &Gpu,
        inputs: &[[f32; 2]],
        waiting: Waiting,
    ) -> Result<CustomLossReport> {
        let samples = if inputs.is_empty() { Self::sample_inputs() } else { Vec::new() };
        let inputs = if inputs.is_empty() { &samples } else { inputs };
        let [x, t] = [0, 1].map(|of| inputs.iter().map(|pair| pair[of]).collect::<Vec<f32>>());
        let operands =
            Elementwise::new(Logits::new(&x, 1, inputs.len())?, Logits::new(&t, 1, inputs.len())?);
        let options = ElementwiseLoss::unreduced(LossFunction::Custom(*self));
        let upstream = Some(ElementwiseUpstream::Scalar(1.0));
        let out = gpu.run_elementwise(&operands, upstream, &options, waiting).await?;
        let derivatives = out.gradient.map_or_else(Vec::new, crate::element::OwnedValues::into_f32);
        let wgsl = out.values.into_iter().zip(derivatives).map(|(value, slope)| [value, slope]);
        self.compare(inputs, wgsl)
    }

    /// Compares what WGSL gave with the function.
    fn compare(
        &self,
        inputs: &[[f32; 2]],
        wgsl: impl Iterator<Item = [f32; 2]>,
    ) -> Result<CustomLossReport> {
        let functions: Vec<[f64; 2]> =
            inputs.iter().map(|&[x, t]| self.evaluate(x.into(), t.into())).collect();
        // What is near 1 where the losses are; losses that are all tiny are not all right.
        let unit = |of: usize| {
            let finite =
                functions.iter().map(|both| both[of].abs()).filter(|size| size.is_finite());
            finite.fold(0.0, f64::max).min(1.0)
        };
        let units = [unit(0), unit(1)];
        let mut report = CustomLossReport { inputs: inputs.len(), ..Default::default() };
        for ((&[x, t], &function), wgsl) in inputs.iter().zip(&functions).zip(wgsl) {
            let is_finite = x.is_finite() && t.is_finite();
            report.special += usize::from(!is_finite);
            let slopes = match is_finite {
                true => Slopes::of(|x| self.evaluate(x, t.into()), x.into(), function, units[1]),
                false => Slopes::Unknown,
            };
            let differs = |what: &'static str, of: usize| Error::Disagreement {
                operation: self.name,
                what,
                x,
                t,
                wgsl: wgsl[of],
                function: function[of],
                slope: slopes.middle().filter(|_| of == 1),
            };
            let reach = f64::from(x.abs()) + f64::from(t.abs());
            let cancels = |of: usize, slope: f64| {
                let moved = reach * slope.abs();
                ABSOLUTE * (units[of] + if moved.is_finite() { moved } else { 0.0 })
            };
            if !agrees(wgsl[0], function[0], cancels(0, function[1])) {
                return Err(differs("value", 0));
            }
            if matches!(slopes, Slopes::Other { .. }) {
                return Err(differs("derivative", 1));
            }
            let curvature = if is_finite { self.curvature(x.into(), t.into()) } else { 0.0 };
            if !agrees(wgsl[1], function[1], cancels(1, curvature)) && !slopes.hold(wgsl[1]) {
                return Err(differs("derivative", 1));
            }
            report.kinks += usize::from(matches!(slopes, Slopes::Kink { .. }));
            report.without_slope += usize::from(is_finite && matches!(slopes, Slopes::Unknown));
            for (furthest, of) in [(&mut report.value, 0), (&mut report.derivative, 1)] {
                let here = FurthestResult { x, t, wgsl: wgsl[of], function: function[of] };
                let error = here.relative_error();
                if error.is_finite()
                    && furthest.is_none_or(|furthest| error > furthest.relative_error())
                {
                    *furthest = Some(here);
                }
            }
        }
        Ok(report)
    }

    /// How much the derivative changes with the input.
    fn curvature(&self, x: f64, t: f64) -> f64 {
        let step = 1e-3 * x.abs().max(1e-3);
        let [before, after] = [x - step, x + step].map(|x| self.evaluate(x, t)[1]);
        let curvature = (after - before) / (2.0 * step);
        if curvature.is_finite() { curvature } else { 0.0 }
    }
}

/// Whether WGSL gave what the function says, as far as single precision holds it.
fn agrees(wgsl: f32, function: f64, cancels: f64) -> bool {
    if function.is_nan() || wgsl.is_nan() {
        return function.is_nan() && wgsl.is_nan();
    }
    let nearest = function as f32;
    if nearest.is_infinite() || wgsl.is_infinite() {
        // Near the end of the range either may be beyond it.
        let least = f64::from(f32::MAX) * (1.0 - RELATIVE);
        return f64::from(wgsl.abs()) >= least
            && function.abs() >= least
            && (wgsl < 0.0) == (function < 0.0);
    }
    (f64::from(wgsl) - function).abs() <= RELATIVE * function.abs() + cancels
}

/// What differences of the function's values say of its derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slopes {
    /// Nothing.
    Unknown,
    /// The same.
    Agree(f64),
    /// It lies between the slopes of both sides.
    Kink { least: f64, most: f64 },
    /// Something else.
    Other(f64),
}

impl Slopes {
    /// Of the function at `x`, which has `value` and `derivative` there. `unit`: the size of a
    /// derivative that is not small.
    fn of(
        function: impl Fn(f64) -> [f64; 2],
        x: f64,
        [value, derivative]: [f64; 2],
        unit: f64,
    ) -> Self {
        if !(value.is_finite() && derivative.is_finite()) {
            return Self::Unknown;
        }
        let mut found = Self::Unknown;
        // Relative to 1, and to an input that is small where the function's domain may end.
        let steps = [1e-3, 1e-4, 1e-5, 1e-6].map(|step| step * x.abs().max(1.0));
        let steps = steps.into_iter().chain([1e-3, 1e-5].map(|step| step * x.abs()));
        for step in steps.filter(|step| *step > 0.0) {
            let sides = [x - step, x + step].map(|at| {
                let other = function(at)[0];
                ((other - value) / (at - x), other.abs())
            });
            // So steep that a side of it is beyond all numbers.
            if sides.iter().any(|side| side.1 == f64::INFINITY) {
                continue;
            }
            let slopes: Vec<f64> =
                sides.iter().map(|side| side.0).filter(|slope| slope.is_finite()).collect();
            let Some(least) = slopes.iter().copied().reduce(f64::min) else { continue };
            let most = slopes.iter().copied().fold(least, f64::max);
            let size =
                value.abs().max(if slopes.len() == 2 { sides[0].1.max(sides[1].1) } else { 0.0 });
            let rounding = 8.0 * f64::EPSILON * size / step;
            let allowed = OF_SLOPES * (derivative.abs() + 0.01 * unit);
            let middle = 0.5 * (least + most);
            if rounding > allowed.max(OF_SLOPES * middle.abs()) {
                continue;
            }
            if (derivative - middle).abs() <= allowed + rounding {
                return Self::Agree(middle);
            }
            // A bend that stays one as the step shrinks is a kink.
            let is_between = least - allowed <= derivative && derivative <= most + allowed;
            found = match is_between {
                true => Self::Kink { least: least - allowed, most: most + allowed },
                false => Self::Other(middle),
            };
        }
        found
    }

    /// Whether a derivative of WGSL is one of a kink's.
    fn hold(&self, derivative: f32) -> bool {
        let derivative = f64::from(derivative);
        matches!(*self, Self::Kink { least, most } if least <= derivative && derivative <= most)
    }

    fn middle(&self) -> Option<f64> {
        match *self {
            Self::Unknown => None,
            Self::Agree(middle) | Self::Other(middle) => Some(middle),
            Self::Kink { least, most } => Some(0.5 * (least + most)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUBER: CustomLoss = CustomLoss {
        name: "Huber",
        wgsl: "",
        parameters: [1.0, 0.0, 0.0, 0.0],
        function: |x, t, [delta, ..]| {
            let error = x - t;
            match error.abs() <= delta {
                true => [0.5 * error * error, error],
                false => [delta * (error.abs() - 0.5 * delta), delta * error.signum()],
            }
        },
    };

    /// What WGSL would give that is right.
    fn right(loss: &CustomLoss, inputs: &[[f32; 2]]) -> Vec<[f32; 2]> {
        let both = |&[x, t]: &[f32; 2]| loss.evaluate(x.into(), t.into()).map(|it| it as f32);
        inputs.iter().map(both).collect()
    }

    #[test]
    fn what_is_right_agrees() {
        let inputs = CustomLoss::sample_inputs();
        let report = HUBER.compare(&inputs, right(&HUBER, &inputs).into_iter()).expect("agrees");
        assert_eq!(report.inputs, inputs.len());
        assert!(report.special > 100 && report.without_slope < 40, "{report}");
        let poles = CustomLoss { function: |x, _, _| [-x.ln(), -1.0 / x], ..HUBER };
        poles.compare(&inputs, right(&poles, &inputs).into_iter()).expect("agrees");
        let steep = CustomLoss { function: |x, t, _| [(x - t).exp(), (x - t).exp()], ..HUBER };
        steep.compare(&inputs, right(&steep, &inputs).into_iter()).expect("agrees");
    }

    #[test]
    fn a_kink_has_any_slope_between_its_sides() {
        let absolute =
            CustomLoss { function: |x, t, _| [(x - t).abs(), (x - t).signum()], ..HUBER };
        for wgsl in [-1.0, 0.0, 0.5, 1.0] {
            let report = absolute.compare(&[[2.0, 2.0]], [[0.0, wgsl]].into_iter());
            assert_eq!(report.map(|report| report.kinks), Ok(1), "{wgsl}");
        }
        let beyond = absolute.compare(&[[2.0, 2.0]], [[0.0, 1.5]].into_iter());
        assert!(matches!(beyond, Err(Error::Disagreement { what: "derivative", .. })));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = CustomLoss { function: |x, t, _| [(x - t).powi(2), x - t], ..HUBER };
        let inputs = [[1.0, 1.0], [3.0, 1.0]];
        let error = wrong.compare(&inputs, right(&wrong, &inputs).into_iter()).expect_err("wrong");
        let expected = "Huber: derivative at x = 3.0, t = 1.0: WGSL gives 2.0, the function 2.0, differences \
                        of the function's values 4.000";
        assert!(error.to_string().starts_with(expected), "{error}");
        let nan = HUBER.compare(&[[1.0, 0.5]], [[f32::NAN, 0.5]].into_iter()).expect_err("NaN");
        let expected = "Huber: value at x = 1.0, t = 0.5: WGSL gives NaN, the function 0.125";
        assert_eq!(nan.to_string(), expected);
        let lost = HUBER.compare(&[[1.0, 0.5]], [[0.1251, 0.5]].into_iter());
        assert!(lost.is_err());
        let infinite = HUBER.compare(&[[f32::INFINITY, 0.0]], [[f32::INFINITY, 1.0]].into_iter());
        assert!(infinite.is_err(), "NaN is promised");
    }
}
