//! Options and shapes of an element-wise loss that plans and engines refuse.

use super::{ElementwiseLayout, ElementwiseLoss, ElementwiseReduction, LossFunction};
use crate::axis::Axis;
use crate::error::{Error, Result};
use crate::logits::Shape;
use crate::ops::validate::{addressable, same_form};
use crate::weights::WeightLayout;

impl ElementwiseLoss {
    /// Number of results.
    pub(crate) fn results(&self, input: Shape) -> usize {
        match self.reduction {
            ElementwiseReduction::None => input.rows * input.classes,
            _ => self.axis.results(input),
        }
    }

    /// Elements of a result.
    pub(crate) fn elements(&self, input: Shape) -> usize {
        match self.axis {
            Axis::EachRow => input.classes,
            Axis::EachColumn => input.rows,
            Axis::All => input.rows * input.classes,
        }
    }

    /// What results of sums are divided by, where that is a number of elements or rows.
    pub fn divisor(&self, input: Shape) -> Option<usize> {
        match self.reduction {
            ElementwiseReduction::Mean => Some(self.elements(input)),
            ElementwiseReduction::BatchMean => Some(input.rows),
            ElementwiseReduction::None
            | ElementwiseReduction::Sum
            | ElementwiseReduction::WeightedMean => None,
        }
    }
}

/// Refuses options out of range, operands that the function has not, and missing ones.
pub(crate) fn options(asked: &ElementwiseLoss, forms: &ElementwiseLayout) -> Result<()> {
    let (operation, input) = (asked.function.name(), forms.input);
    let refuse = |what, expected: &str, found: &dyn ToString| {
        Err(Error::invalid(operation, what, expected, found.to_string()))
    };
    input.validate(operation)?;
    addressable(operation, "number of rows", input.rows)?;
    addressable(operation, "number of columns", input.classes)?;
    match input.elements() {
        Some(elements) => addressable(operation, "number of elements", elements)?,
        None => return refuse("shape", "an addressable number of elements", &"more"),
    }
    let function = &asked.function;
    function_parameters(function)?;
    match (function.has_target(), forms.target) {
        (true, None) => return refuse("target", "one for each element", &"none"),
        (false, Some(_)) => return refuse("target", "none", &"one"),
        (true, Some(target)) => same_form(operation, "target", input, target)?,
        (false, None) => {}
    }
    let is_weighted_positive = matches!(function, LossFunction::BinaryCrossEntropyWithLogits);
    if !is_weighted_positive && forms.positive_weights != WeightLayout::None {
        return refuse("weights of positives", "none", &"some");
    }
    let has_variance = matches!(function, LossFunction::GaussianNll { .. });
    match (has_variance, forms.variance) {
        (true, WeightLayout::None) => {
            return refuse("variance", "one for each row, column or element", &"none");
        }
        (false, WeightLayout::None) | (true, _) => {}
        (false, _) => return refuse("variance", "none", &"some"),
    }
    let others = [
        ("weights", forms.weights),
        ("weights of positives", forms.positive_weights),
        ("variance", forms.variance),
    ];
    for (what, layout) in others {
        if let WeightLayout::PerElement(shape) = layout {
            same_form(operation, what, input, shape)?;
        }
    }
    let smoothing = asked.label_smoothing;
    if !(0.0..=1.0).contains(&smoothing) {
        return refuse("label smoothing", "0 to 1", &smoothing);
    }
    if smoothing != 0.0 && !function.is_binary() {
        return refuse("label smoothing", "none, since the targets are not binary", &smoothing);
    }
    if let Some(threshold) = asked.threshold {
        if !function.is_binary() {
            return refuse("threshold", "none, since the targets are not binary", &threshold);
        }
        if !threshold.is_finite() {
            return refuse("threshold", "a finite number", &threshold);
        }
    }
    if asked.reduction == ElementwiseReduction::BatchMean && asked.axis != Axis::All {
        let found = format!("{:?}", asked.axis);
        return refuse("axis", "All, since the sum is divided by the number of rows", &found);
    }
    Ok(())
}

fn function_parameters(function: &LossFunction) -> Result<()> {
    let refuse = |what, expected: &str, found: f32| {
        Err(Error::invalid(function.name(), what, expected, found.to_string()))
    };
    let is_above = |number: f32| number > 0.0 && number.is_finite();
    let is_at_least = |number: f32| number >= 0.0 && number.is_finite();
    match *function {
        LossFunction::SigmoidFocal { gamma, .. } if !is_at_least(gamma) => {
            refuse("gamma", "a finite number, at least 0", gamma)
        }
        LossFunction::SigmoidFocal { alpha: Some(alpha), .. } if !alpha.is_finite() => {
            refuse("alpha", "a finite number", alpha)
        }
        LossFunction::Huber { delta } if !is_above(delta) => {
            refuse("delta", "a finite number above 0", delta)
        }
        LossFunction::PoissonNll { epsilon, .. } if !is_at_least(epsilon) => {
            refuse("epsilon", "a finite number, at least 0", epsilon)
        }
        LossFunction::GaussianNll { epsilon, .. } if !is_above(epsilon) => {
            refuse("epsilon", "a finite number above 0", epsilon)
        }
        LossFunction::Custom(custom) => {
            match custom.parameters.into_iter().find(|parameter| !parameter.is_finite()) {
                Some(parameter) => refuse("parameters", "finite numbers", parameter),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Refuses an upstream gradient of a form that the results have not.
pub(crate) fn upstream(asked: &ElementwiseLoss, input: Shape, layout: WeightLayout) -> Result<()> {
    let operation = asked.function.name();
    let is_unreduced = asked.reduction == ElementwiseReduction::None;
    let (fits, found) = match layout {
        WeightLayout::None => (true, ""),
        WeightLayout::PerRow => (is_unreduced || asked.axis == Axis::EachRow, "one value per row"),
        WeightLayout::PerColumn => {
            (is_unreduced || asked.axis == Axis::EachColumn, "one value per column")
        }
        WeightLayout::PerElement(shape) => {
            if is_unreduced {
                same_form(operation, "upstream gradient", input, shape)?;
            }
            (is_unreduced, "one value per element")
        }
    };
    if fits {
        return Ok(());
    }
    let expected = match asked.axis {
        Axis::EachRow => "a scalar or one value per row, as there are results",
        Axis::EachColumn => "a scalar or one value per column, as there are results",
        Axis::All => "a scalar, since the loss is reduced to one value",
    };
    Err(Error::invalid(operation, "upstream gradient", expected, found))
}
