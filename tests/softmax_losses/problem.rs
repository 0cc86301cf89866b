//! A call, made from a seed, and how far an engine may be from the oracle.

use wgpu_loss::{
    Element, Engine, Logits, Mode, OwnedValues, Reduction, Shape, SoftmaxAgainst, SoftmaxFunction,
    SoftmaxLoss, Targets, Upstream, cpu,
};
use wgpu_loss_verify::SoftmaxLossScale as Scale;

/// What rows are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    Class,
    SmoothedClass,
    Probability,
    KlDivergence,
    JensenShannon,
}

impl Against {
    pub const ALL: [Self; 5] = [
        Self::Class,
        Self::SmoothedClass,
        Self::Probability,
        Self::KlDivergence,
        Self::JensenShannon,
    ];

    pub fn has_teacher(self) -> bool {
        matches!(self, Self::KlDivergence | Self::JensenShannon)
    }
}

#[derive(Clone, Debug)]
pub struct Problem {
    pub rows: usize,
    pub classes: usize,
    pub inner: usize,
    pub gap: usize,
    pub against: Against,
    pub element: Element,
    pub other_element: Element,
    pub gradient_element: Option<Element>,
    pub temperature: f32,
    pub gamma: f32,
    pub class_weights: bool,
    pub row_weights: bool,
    pub reduction: Reduction,
    pub mode: Mode,
    pub upstream: f32,
    /// How far the teacher's logits are from the student's.
    pub closeness: f32,
    pub seed: u64,
}

/// Numbers of -1 to 1.
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> f32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) as f32) / 8_388_608.0 - 1.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        ((self.next() + 1.0) * 0.5 * limit as f32) as usize % limit
    }
}

/// Everything a call takes.
pub struct Data {
    pub shape: Shape,
    pub other_shape: Shape,
    pub logits: OwnedValues,
    pub others: OwnedValues,
    pub classes: Vec<i32>,
    pub class_weights: Vec<f32>,
    pub row_weights: Vec<f32>,
    pub upstream: Vec<f32>,
    pub options: SoftmaxLoss,
}

impl Problem {
    pub fn plain(against: Against) -> Self {
        Self {
            rows: 4,
            classes: 10,
            inner: 1,
            gap: 0,
            against,
            element: Element::F32,
            other_element: Element::F32,
            gradient_element: None,
            temperature: 1.0,
            gamma: 2.0,
            class_weights: false,
            row_weights: false,
            reduction: Reduction::Mean,
            mode: Mode::Strict,
            upstream: 1.0,
            closeness: 1.0,
            seed: 1,
        }
    }

    pub fn function(&self) -> SoftmaxFunction {
        match self.against {
            Against::KlDivergence => SoftmaxFunction::KlDivergence,
            Against::JensenShannon => SoftmaxFunction::JensenShannon,
            _ => SoftmaxFunction::Focal { gamma: self.gamma },
        }
    }

    pub fn data(&self) -> Data {
        let mut draw = Draw(self.seed.wrapping_mul(7919).wrapping_add(self.classes as u64));
        let shape = Shape::with_class_axis(self.rows / self.inner, self.classes, self.inner);
        let shape = shape.with_row_stride(shape.row_stride + self.gap).with_element(self.element);
        let apart = shape.with_row_stride(shape.row_stride + 2 * self.gap);
        let other_shape = apart.with_element(self.other_element);
        let mut logits = vec![0.0; shape.extent().unwrap()];
        let mut others = vec![0.0; other_shape.extent().unwrap()];
        for row in 0..self.rows {
            // Some rows have a clear leader.
            let spread = [1.0, 4.0, 9.0][row % 3];
            let mut total = 0.0;
            for class in 0..self.classes {
                let x = draw.next() * spread;
                logits[shape.start_of(row) + class * self.inner] = x;
                let other = &mut others[other_shape.start_of(row) + class * self.inner];
                *other = match self.against.has_teacher() {
                    true => x + draw.next() * 3.0 * self.closeness,
                    false => draw.next().max(0.0),
                };
                total += *other;
            }
            if !self.against.has_teacher() && total > 0.0 {
                for class in 0..self.classes {
                    others[other_shape.start_of(row) + class * self.inner] /= total;
                }
            }
        }
        let ignored = |row: usize| self.rows > 2 && row == 1;
        let mut target = |row| if ignored(row) { -100 } else { draw.below(self.classes) as i32 };
        Data {
            shape,
            other_shape,
            logits: OwnedValues::from_f32(logits, self.element),
            others: OwnedValues::from_f32(others, self.other_element),
            classes: (0..self.rows).map(&mut target).collect(),
            class_weights: (0..self.classes).map(|class| 0.25 + (class % 5) as f32 * 0.5).collect(),
            row_weights: (0..self.rows).map(|row| 0.5 + (row % 4) as f32).collect(),
            upstream: (0..self.rows).map(|row| self.upstream * (1.0 + row as f32)).collect(),
            options: SoftmaxLoss {
                temperature: self.temperature,
                reduction: self.reduction,
                label_smoothing: if self.against == Against::SmoothedClass { 0.1 } else { 0.0 },
                mode: self.mode,
                rows: true,
                gradient_element: self.gradient_element,
                ..SoftmaxLoss::new(self.function())
            },
        }
    }

    /// Compares losses, with and without a gradient, and gradients.
    pub fn check(&self, engine: &dyn Engine) {
        let data = self.data();
        let (logits, against, upstream) = (data.logits(), data.against(self), data.upstream(self));
        let exact = cpu::Oracle
            .softmax_loss_f64(logits, against, Some(upstream), &data.options)
            .expect("the oracle");
        let what = format!("{}: {self:?}", engine.name());
        // A forward is another kernel of the device.
        let forward = self
            .seed
            .is_multiple_of(3)
            .then(|| engine.softmax_loss(logits, against, &data.options).expect(&what));
        let out = engine
            .softmax_loss_with_gradient(logits, against, upstream, &data.options)
            .expect(&what);
        assert!(forward.iter().all(|each| each.gradient.is_none()), "{what}");
        let scales: Vec<_> = (0..self.rows)
            .map(|row| Scale::of(logits, against, &data.options, row).expect("ordinary rows"))
            .collect();
        let divisor = match self.reduction {
            Reduction::None | Reduction::Sum => 1.0,
            _ => exact.denominator,
        };
        let weights: Vec<_> = (0..self.rows).map(|row| self.weight(&data, row)).collect();
        let sum: f64 =
            scales.iter().zip(&weights).map(|(scale, weight)| scale.value * weight).sum();
        for found in forward.iter().chain([&out]) {
            assert_eq!(found.counted, exact.counted, "{what}");
            close(found.denominator, exact.denominator, 1e-6, 0.0, &what);
            let rows = exact.loss_rows.as_ref().unwrap();
            for (row, (&loss, &expected)) in
                found.loss_rows.as_ref().unwrap().iter().zip(rows).enumerate()
            {
                let allowed = 2e-6 * weights[row] * scales[row].value + 1e-37;
                close(loss, expected, 0.0, allowed, &format!("row {row} of {what}"));
            }
            close(found.loss, exact.loss, 0.0, 2e-6 * sum / divisor + 1e-37, &what);
        }
        let element = self.gradient_element.unwrap_or(self.element);
        // Half precision rounds by half a unit in its last place.
        let (rounding, least) = match element {
            Element::F32 => (0.0, 0.0),
            Element::F16 => (4.9e-4, 3e-8),
            Element::Bf16 => (3.91e-3, 0.0),
        };
        let gradient = out.gradient.expect(&what);
        assert_eq!(gradient.element(), element, "{what}");
        let gradient = gradient.into_f32();
        let expected = exact.gradient.unwrap();
        assert_eq!(gradient.len(), expected.len(), "{what}");
        let packed = data.shape.contiguous();
        for row in 0..self.rows {
            let upstream = f64::from(upstream_of(upstream, row)) * weights[row];
            let factor = upstream.abs() * scales[row].gradient / divisor;
            for class in 0..self.classes {
                let at = packed.start_of(row) + class * self.inner;
                let (found, expected) = (f64::from(gradient[at]), expected[at]);
                let allowed = 2e-6 * factor + rounding * expected.abs() + least;
                assert!(
                    (found - expected).abs() <= allowed,
                    "row {row}, class {class}: {found} and not {expected} of {what}"
                );
            }
        }
    }
}

impl Problem {
    /// 0 for an ignored row.
    fn weight(&self, data: &Data, row: usize) -> f64 {
        let has_class = matches!(self.against, Against::Class | Against::SmoothedClass);
        match has_class && data.classes[row] == -100 {
            true => 0.0,
            false if self.row_weights => data.row_weights[row].into(),
            false => 1.0,
        }
    }
}

fn upstream_of(upstream: Upstream<'_>, row: usize) -> f32 {
    match upstream {
        Upstream::Scalar(value) => value,
        Upstream::PerRow(values) => values[row],
    }
}

/// Within a relative error, or both NaN, or the same infinity.
pub fn close(found: f32, expected: f64, relative: f64, least: f64, what: &str) {
    let is_same = f64::from(found) == expected || (found.is_nan() && expected.is_nan());
    let error = (f64::from(found) - expected).abs();
    assert!(
        is_same || error <= relative * expected.abs() + least,
        "{found:e} and not {expected:e} (error {:e}): {what}",
        error / expected.abs()
    );
}

impl Data {
    pub fn logits(&self) -> Logits<'_> {
        Logits::from_values(self.logits.values(), self.shape).unwrap()
    }

    pub fn against<'a>(&'a self, problem: &Problem) -> SoftmaxAgainst<'a> {
        let others = Logits::from_values(self.others.values(), self.other_shape).unwrap();
        let row_weights = problem.row_weights.then_some(&self.row_weights[..]);
        if problem.against.has_teacher() {
            return SoftmaxAgainst::Teacher { logits: others, row_weights };
        }
        let targets = match problem.against {
            Against::Probability => Targets::probabilities(others),
            _ => Targets::classes(&self.classes),
        };
        let class_weights = problem.class_weights.then_some(&self.class_weights[..]);
        SoftmaxAgainst::Targets(Targets { class_weights, row_weights, ..targets })
    }

    pub fn upstream(&self, problem: &Problem) -> Upstream<'_> {
        match problem.reduction {
            Reduction::None => Upstream::PerRow(&self.upstream),
            _ => Upstream::Scalar(problem.upstream),
        }
    }
}
