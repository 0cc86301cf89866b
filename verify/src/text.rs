//! Cases and calls as text: what differs from the usual, in the order of the fields.

use std::fmt::{self, Debug, Display, Formatter};

use wgpu_loss::{
    CrossEntropy, Denominator, Element, ElementwiseLoss, Float, Input, LogSumExp, OwnedValues,
    Reduce, Shape, SoftmaxLoss, Values,
};

use super::call::{
    Call, Matrix, Operation, OwnedSegments, OwnedTargets, OwnedUpstream, OwnedWeights,
};
use super::case::Case;
use super::operands::{Factor, Ignored, Integer, Numbers as Form, Targets};

impl Display for Operation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let result = |f: &mut Formatter<'_>, element: Option<Element>| match element {
            Some(element) => write!(f, " to {}", element.name()),
            None => Ok(()),
        };
        match self {
            Self::LogSumExp(LogSumExp { gradient_element }) => {
                write!(f, "log-sum-exp")?;
                result(f, *gradient_element)
            }
            Self::Softmax(options) => {
                write!(f, "{}", options.name())?;
                result(f, options.element)
            }
            Self::CrossEntropy(options) => {
                write!(f, "cross-entropy ")?;
                cross_entropy(f, options)
            }
            Self::MergedParts { options, parts } => {
                write!(f, "cross-entropy of {parts} parts ")?;
                cross_entropy(f, options)
            }
            Self::Reduce(options) => {
                write!(f, "reduce ")?;
                reduction(f, options)
            }
            Self::ReduceSegments(options) => {
                write!(f, "reduce segments ")?;
                reduction(f, options)
            }
            Self::Elementwise(options) => elementwise(f, options),
            Self::SoftmaxLoss(options) => softmax_loss(f, options),
        }
    }
}

fn ignoring(f: &mut Formatter<'_>, ignore_index: Option<i32>) -> fmt::Result {
    match ignore_index {
        None => write!(f, " ignoring nothing"),
        index if index == CrossEntropy::default().ignore_index => Ok(()),
        Some(index) => write!(f, " ignoring {index}"),
    }
}

fn cross_entropy(f: &mut Formatter<'_>, options: &CrossEntropy) -> fmt::Result {
    let usual = CrossEntropy::default();
    write!(f, "{:?} {:?}", options.reduction, options.mode)?;
    if options.input == Input::LogProbabilities {
        write!(f, " of log-probabilities")?;
    }
    ignoring(f, options.ignore_index)?;
    if options.label_smoothing != usual.label_smoothing {
        write!(f, " smoothing {}", options.label_smoothing)?;
    }
    if options.z_loss != usual.z_loss {
        write!(f, " z {}", options.z_loss)?;
    }
    if options.logit_scale != usual.logit_scale {
        write!(f, " scale {}", options.logit_scale)?;
    }
    if let Some(softcap) = options.softcap {
        write!(f, " softcap {softcap}")?;
    }
    let rows = options.rows;
    let outputs = [
        ("loss", rows.loss),
        ("lse", rows.log_sum_exp),
        ("log-p", rows.target_log_probability),
        ("entropy", rows.entropy),
        ("argmax", rows.argmax),
        ("rank", rows.target_rank),
        ("z", rows.z_loss),
        ("correct", options.correct),
    ];
    let wanted: Vec<_> = outputs.iter().filter(|(_, wanted)| *wanted).map(|it| it.0).collect();
    write!(f, " wants {}", if wanted.is_empty() { "nothing".into() } else { wanted.join("+") })?;
    if options.top_k != usual.top_k {
        write!(f, " of the first {}", options.top_k)?;
    }
    match options.gradient_element {
        Some(element) => write!(f, " gradient {}", element.name()),
        None => Ok(()),
    }
}

fn reduction(f: &mut Formatter<'_>, options: &Reduce) -> fmt::Result {
    write!(f, "{:?} {:?} {:?}", options.statistic, options.axis, options.mode)?;
    if options.denominator == Denominator::NonzeroWeights {
        write!(f, " over nonzero weights")?;
    }
    if let Some(element) = options.gradient_element {
        write!(f, " gradient {}", element.name())?;
    }
    if options.weight_gradient {
        write!(f, " and of weights")?;
    }
    Ok(())
}

fn elementwise(f: &mut Formatter<'_>, options: &ElementwiseLoss) -> fmt::Result {
    let ElementwiseLoss { function, reduction, axis, mode, .. } = options;
    write!(f, "{function:?} reduced to {reduction:?} {axis:?} {mode:?}")?;
    if options.label_smoothing != 0.0 {
        write!(f, " smoothing {}", options.label_smoothing)?;
    }
    if let Some(threshold) = options.threshold {
        write!(f, " threshold {threshold}")?;
    }
    match options.gradient_element {
        Some(element) => write!(f, " gradient {}", element.name()),
        None => Ok(()),
    }
}

fn softmax_loss(f: &mut Formatter<'_>, options: &SoftmaxLoss) -> fmt::Result {
    let SoftmaxLoss { function, temperature, reduction, mode, .. } = options;
    write!(f, "softmax {function:?} {reduction:?} {mode:?}")?;
    if *temperature != 1.0 {
        write!(f, " temperature {temperature}")?;
    }
    ignoring(f, options.ignore_index)?;
    if options.label_smoothing != 0.0 {
        write!(f, " smoothing {}", options.label_smoothing)?;
    }
    if options.rows {
        write!(f, " wants loss")?;
    }
    match options.gradient_element {
        Some(element) => write!(f, " gradient {}", element.name()),
        None => Ok(()),
    }
}

fn shape(f: &mut Formatter<'_>, shape: Shape) -> fmt::Result {
    let Shape { rows, classes, inner, row_stride, element } = shape;
    match inner {
        1 => write!(f, "{rows} x {classes}")?,
        _ => write!(f, "({}, {classes}, {inner})", shape.outer())?,
    }
    if row_stride != shape.contiguous().row_stride {
        write!(f, " (stride {row_stride})")?;
    }
    write!(f, " {}", element.name())
}

impl Display for Targets {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Classes { ignored, integer } => {
                let ignored = match ignored {
                    Ignored::No => "",
                    Ignored::Some => ", some ignored",
                    Ignored::All => ", all ignored",
                };
                let integer = match integer {
                    Integer::I32 => "i32",
                    Integer::I64 => "i64",
                    Integer::U32 => "u32",
                    Integer::U8 => "u8",
                };
                write!(f, "{integer} classes{ignored}")
            }
            Self::Probabilities { kind, element, gap } => {
                write!(f, "{kind:?} {} probabilities", element.name())?;
                if *gap == 0 { Ok(()) } else { write!(f, " (gap {gap})") }
            }
            Self::Teacher { kind, element, gap } => {
                write!(f, "{kind:?} {} teacher", element.name())?;
                if *gap == 0 { Ok(()) } else { write!(f, " (gap {gap})") }
            }
            Self::Elements { special, element, gap } => {
                let special = if *special { "special " } else { "" };
                write!(f, "{special}{} target", element.name())?;
                if *gap == 0 { Ok(()) } else { write!(f, " (gap {gap})") }
            }
        }
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.operation)?;
        shape(f, self.shape)?;
        write!(f, " {:?}", self.content)?;
        let is_compared = self.operation.has_rows_of_targets()
            || matches!(self.targets, Targets::Elements { .. });
        if is_compared {
            write!(f, ", {}", self.targets)?;
        }
        for (what, weights) in [("class", self.class_weights), ("row", self.row_weights)] {
            if let Some(weights) = weights {
                write!(f, ", {weights:?} {what} weights")?;
            }
        }
        if let Some(weights) = self.element_weights {
            write!(f, ", {:?} {} weights", weights.kind, weights.element.name())?;
            if weights.gap > 0 {
                write!(f, " (gap {})", weights.gap)?;
            }
        }
        match self.third {
            None => {}
            Some(Form::PerRow) => write!(f, ", third per row")?,
            Some(Form::PerColumn) => write!(f, ", third per column")?,
            Some(Form::PerElement { element, gap }) => {
                write!(f, ", {} third (gap {gap})", element.name())?;
            }
        }
        if let Some(segments) = self.segments {
            write!(f, ", segments {segments:?}")?;
        }
        match self.upstream {
            Factor::None => write!(f, ", forward")?,
            Factor::Scalar(factor) => write!(f, ", upstream {factor}")?,
            Factor::PerRow => write!(f, ", upstream per row")?,
            Factor::PerColumn => write!(f, ", upstream per column")?,
            Factor::Matrix { element, gap } => {
                write!(f, ", {} upstream (gap {gap})", element.name())?;
            }
        }
        if let Some(fault) = self.fault {
            write!(f, ", fault {fault:?}")?;
        }
        write!(f, ", seed {:#x}", self.seed)
    }
}

/// The values as numbers, all of them.
struct Numbers<'a>(&'a OwnedValues);

impl Display for Numbers<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fn widened<T: Float>(values: &[T]) -> Vec<f32> {
            values.iter().map(|value| value.widen()).collect()
        }
        let values = match self.0.values() {
            Values::F32(values) => widened(values),
            Values::F16(values) => widened(values),
            Values::Bf16(values) => widened(values),
        };
        write!(f, "{values:?}")
    }
}

fn matrix(f: &mut Formatter<'_>, matrix: &Matrix) -> fmt::Result {
    shape(f, matrix.shape.with_element(matrix.values.element()))?;
    write!(f, " {}", Numbers(&matrix.values))
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.operation)?;
        matrix(f, &self.logits)?;
        let is_elementwise = matches!(self.operation, Operation::Elementwise(_));
        if is_elementwise && let OwnedTargets::Probabilities(target) = &self.targets {
            write!(f, ", target ")?;
            matrix(f, target)?;
        }
        if self.operation.has_rows_of_targets() {
            match &self.targets {
                OwnedTargets::I32(classes) => write!(f, ", i32 classes {classes:?}")?,
                OwnedTargets::I64(classes) => write!(f, ", i64 classes {classes:?}")?,
                OwnedTargets::U32(classes) => write!(f, ", u32 classes {classes:?}")?,
                OwnedTargets::U8(classes) => write!(f, ", u8 classes {classes:?}")?,
                OwnedTargets::Probabilities(probabilities) => {
                    write!(f, ", probabilities ")?;
                    matrix(f, probabilities)?;
                }
                OwnedTargets::Teacher(teacher) => {
                    write!(f, ", teacher ")?;
                    matrix(f, teacher)?;
                }
            }
        }
        for (what, weights) in [("class", &self.class_weights), ("row", &self.row_weights)] {
            if let Some(weights) = weights {
                write!(f, ", {what} weights {weights:?}")?;
            }
        }
        if let Some(weights) = &self.element_weights {
            write!(f, ", weights ")?;
            matrix(f, weights)?;
        }
        match &self.third {
            None => {}
            Some(OwnedWeights::PerRow(numbers)) => write!(f, ", third per row {numbers:?}")?,
            Some(OwnedWeights::PerColumn(numbers)) => write!(f, ", third per column {numbers:?}")?,
            Some(OwnedWeights::PerElement(numbers)) => {
                write!(f, ", third ")?;
                matrix(f, numbers)?;
            }
        }
        match &self.segments {
            None => {}
            Some(OwnedSegments::Offsets(offsets)) => write!(f, ", segments at {offsets:?}")?,
            Some(OwnedSegments::Ids { ids, segments }) => {
                write!(f, ", {segments} segments {ids:?}")?;
            }
        }
        match &self.upstream {
            OwnedUpstream::None => write!(f, ", forward"),
            OwnedUpstream::Scalar(factor) => write!(f, ", upstream {factor}"),
            OwnedUpstream::PerRow(factors) => write!(f, ", upstream {factors:?}"),
            OwnedUpstream::PerColumn(factors) => write!(f, ", upstream per column {factors:?}"),
            OwnedUpstream::Matrix(upstream) => {
                write!(f, ", upstream ")?;
                matrix(f, upstream)
            }
        }
    }
}

impl Debug for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
