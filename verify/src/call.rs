//! A call with everything it is called with.

use wgpu_loss::{
    ClassIndices, CrossEntropy, Elementwise, ElementwiseLoss, ElementwiseUpstream, Engine, Input,
    LogSumExp, Logits, LossFunction, OwnedValues, Reduce, Result, Segments, Shape, Softmax,
    SoftmaxAgainst, SoftmaxLoss, TargetValues, Targets, Upstream, Weights,
};

use super::check::{
    CaseResult, check_cross_entropy, check_elementwise, check_log_sum_exp, check_merged_parts,
    check_reduce, check_reduce_segments, check_softmax, check_softmax_loss,
};

/// What is called, with its options.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// [`Engine::log_sum_exp`].
    LogSumExp(LogSumExp),
    /// [`Engine::softmax`], or with an upstream gradient [`Engine::softmax_gradient`].
    Softmax(Softmax),
    /// [`Engine::cross_entropy`].
    CrossEntropy(CrossEntropy),
    /// The same of states of parts of the classes: [`Engine::partial_states`], merged, then
    /// [`Engine::cross_entropy_of_states`] and [`Engine::partial_gradient`].
    MergedParts {
        /// The options of cross-entropy.
        options: CrossEntropy,
        /// How many parts, of different numbers of classes.
        parts: usize,
    },
    /// [`Engine::reduce`].
    Reduce(Reduce),
    /// [`Engine::reduce_segments`].
    ReduceSegments(Reduce),
    /// [`Engine::elementwise_loss`].
    Elementwise(ElementwiseLoss),
    /// [`Engine::softmax_loss`].
    SoftmaxLoss(SoftmaxLoss),
}

impl Operation {
    /// The options of cross-entropy, whole or of parts.
    pub fn cross_entropy(&self) -> Option<&CrossEntropy> {
        match self {
            Self::CrossEntropy(options) | Self::MergedParts { options, .. } => Some(options),
            _ => None,
        }
    }

    /// The options of a reduction, be it of segments.
    pub fn reduction(&self) -> Option<&Reduce> {
        match self {
            Self::Reduce(options) | Self::ReduceSegments(options) => Some(options),
            _ => None,
        }
    }

    /// Whether each row is compared with something.
    pub(super) fn has_rows_of_targets(&self) -> bool {
        matches!(self, Self::SoftmaxLoss(_)) || self.cross_entropy().is_some()
    }

    /// The target that means a row has none.
    pub(super) fn ignore_index(&self) -> Option<i32> {
        match self {
            Self::SoftmaxLoss(options) => options.ignore_index,
            _ => self.cross_entropy().and_then(|options| options.ignore_index),
        }
    }

    /// Whether a softmax is taken of the logits.
    pub(super) fn takes_softmax(&self) -> bool {
        self.cross_entropy().is_none_or(|options| options.input == Input::Logits)
    }
}

/// A value for each class of each row, with whatever lies between the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// All elements from the first row's first to the last row's last.
    pub values: OwnedValues,
    /// Where they lie.
    pub shape: Shape,
}

impl Matrix {
    /// As a call takes it.
    ///
    /// # Errors
    /// As [`Logits::from_values`].
    pub fn view(&self) -> Result<Logits<'_>> {
        Logits::from_values(self.values.values(), self.shape)
    }
}

/// What each row is compared with.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the types' names
pub enum OwnedTargets {
    I32(Vec<i32>),
    I64(Vec<i64>),
    U32(Vec<u32>),
    U8(Vec<u8>),
    Probabilities(Matrix),
    /// A teacher's logits, which divergences of logits take alone.
    Teacher(Matrix),
}

impl OwnedTargets {
    fn view(&self) -> Result<TargetValues<'_>> {
        Ok(match self {
            Self::I32(indices) => TargetValues::Classes(ClassIndices::I32(indices)),
            Self::I64(indices) => TargetValues::Classes(ClassIndices::I64(indices)),
            Self::U32(indices) => TargetValues::Classes(ClassIndices::U32(indices)),
            Self::U8(indices) => TargetValues::Classes(ClassIndices::U8(indices)),
            Self::Probabilities(matrix) | Self::Teacher(matrix) => {
                TargetValues::Probabilities(matrix.view()?)
            }
        })
    }
}

/// Numbers for rows, columns or elements.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // as of `Weights`
pub enum OwnedWeights {
    PerRow(Vec<f32>),
    PerColumn(Vec<f32>),
    PerElement(Matrix),
}

impl OwnedWeights {
    fn view(&self) -> Result<Weights<'_>> {
        Ok(match self {
            Self::PerRow(numbers) => Weights::PerRow(numbers),
            Self::PerColumn(numbers) => Weights::PerColumn(numbers),
            Self::PerElement(matrix) => Weights::PerElement(matrix.view()?),
        })
    }
}

/// Which rows belong together.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // as of `Segments`
pub enum OwnedSegments {
    Offsets(Vec<u32>),
    Ids { ids: Vec<i32>, segments: usize },
}

impl OwnedSegments {
    fn view(&self) -> Segments<'_> {
        match self {
            Self::Offsets(offsets) => Segments::Offsets(offsets),
            Self::Ids { ids, segments } => Segments::Ids { ids, segments: *segments },
        }
    }
}

/// The upstream gradient.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedUpstream {
    /// No gradient is asked for.
    None,
    /// One factor for every row.
    Scalar(f32),
    /// A factor for each row; of a reduction, for each result.
    PerRow(Vec<f32>),
    /// A factor for each column; of element-wise losses alone.
    PerColumn(Vec<f32>),
    /// A factor for each result of softmax, or of an unreduced element-wise loss.
    Matrix(Matrix),
}

impl OwnedUpstream {
    fn view(&self) -> Option<Upstream<'_>> {
        match self {
            Self::None | Self::PerColumn(_) | Self::Matrix(_) => None,
            Self::Scalar(factor) => Some(Upstream::Scalar(*factor)),
            Self::PerRow(factors) => Some(Upstream::PerRow(factors)),
        }
    }

    fn of_elements(&self) -> Result<Option<ElementwiseUpstream<'_>>> {
        Ok(Some(match self {
            Self::None => return Ok(None),
            Self::Scalar(factor) => ElementwiseUpstream::Scalar(*factor),
            Self::PerRow(factors) => ElementwiseUpstream::PerRow(factors),
            Self::PerColumn(factors) => ElementwiseUpstream::PerColumn(factors),
            Self::Matrix(matrix) => ElementwiseUpstream::PerElement(matrix.view()?),
        }))
    }
}

/// A call with everything it is called with. Its text, which [`Display`](std::fmt::Display) and
/// [`Debug`](std::fmt::Debug) give, leaves out what is as usual.
#[derive(Clone, PartialEq)]
pub struct Call {
    /// What is called.
    pub operation: Operation,
    /// The logits, or the values of a reduction or the input of an element-wise loss, whose columns
    /// are the classes.
    pub logits: Matrix,
    /// What each row is compared with, of cross-entropy and its relatives; as probabilities the target of an
    /// element-wise loss, which has none where they are classes.
    pub targets: OwnedTargets,
    /// A weight for each class.
    pub class_weights: Option<Vec<f32>>,
    /// A weight for each row. Reductions and element-wise losses take those of classes where there
    /// are both.
    pub row_weights: Option<Vec<f32>>,
    /// A weight for each value of a reduction or element of a loss, instead of the others.
    pub element_weights: Option<Matrix>,
    /// The variance of a Gaussian, or the weights of positives of another element-wise loss.
    pub third: Option<OwnedWeights>,
    /// Which rows belong together; only a reduction of segments looks at it.
    pub segments: Option<OwnedSegments>,
    /// The upstream gradient: a matrix for softmax and unreduced element-wise losses alone.
    pub upstream: OwnedUpstream,
}

impl Call {
    /// The targets and weights as the call takes them.
    ///
    /// # Errors
    /// As [`Logits::from_values`].
    pub fn targets(&self) -> Result<Targets<'_>> {
        let (class_weights, row_weights) =
            (self.class_weights.as_deref(), self.row_weights.as_deref());
        Ok(Targets { class_weights, row_weights, ..Targets::new(self.targets.view()?) })
    }

    /// What a relative of cross-entropy compares the rows with.
    ///
    /// # Errors
    /// As [`Logits::from_values`].
    pub fn against(&self) -> Result<SoftmaxAgainst<'_>> {
        Ok(match &self.targets {
            OwnedTargets::Teacher(logits) => {
                let row_weights = self.row_weights.as_deref();
                SoftmaxAgainst::Teacher { logits: logits.view()?, row_weights }
            }
            _ => SoftmaxAgainst::Targets(self.targets()?),
        })
    }

    /// The weights as reductions and element-wise losses take them.
    ///
    /// # Errors
    /// As [`Logits::from_values`].
    pub fn weights(&self) -> Result<Weights<'_>> {
        Ok(match (&self.element_weights, &self.class_weights, &self.row_weights) {
            (Some(weights), ..) => Weights::PerElement(weights.view()?),
            (None, Some(weights), _) => Weights::PerColumn(weights),
            (None, None, Some(weights)) => Weights::PerRow(weights),
            (None, None, None) => Weights::None,
        })
    }

    /// The operands of an element-wise loss.
    ///
    /// # Errors
    /// As [`Logits::from_values`].
    pub fn elementwise(&self, function: &LossFunction) -> Result<Elementwise<'_>> {
        let target = match &self.targets {
            OwnedTargets::Probabilities(target) => Some(target.view()?),
            _ => None,
        };
        let third = self.third.as_ref().map_or(Ok(Weights::None), OwnedWeights::view)?;
        let (positive_weights, variance) = match function {
            LossFunction::GaussianNll { .. } => (Weights::None, third),
            _ => (third, Weights::None),
        };
        let (input, weights) = (self.logits.view()?, self.weights()?);
        Ok(Elementwise { input, target, weights, positive_weights, variance })
    }

    /// Makes the call and compares what the engine returns with the oracle.
    pub fn check(&self, engine: &dyn Engine) -> CaseResult {
        self.try_check(engine).unwrap_or_else(CaseResult::refused)
    }

    fn try_check(&self, engine: &dyn Engine) -> Result<CaseResult> {
        let logits = self.logits.view()?;
        let upstream = self.upstream.view();
        Ok(match &self.operation {
            Operation::LogSumExp(options) => check_log_sum_exp(engine, logits, upstream, options),
            Operation::Softmax(options) => {
                let upstream = match &self.upstream {
                    OwnedUpstream::Matrix(matrix) => Some(matrix.view()?),
                    _ => None,
                };
                check_softmax(engine, logits, upstream, options)
            }
            Operation::CrossEntropy(options) => {
                check_cross_entropy(engine, logits, self.targets()?, upstream, options)
            }
            Operation::MergedParts { options, parts } => {
                check_merged_parts(engine, logits, *parts, self.targets()?, upstream, options)
            }
            Operation::Reduce(options) => {
                check_reduce(engine, logits, self.weights()?, upstream, options)
            }
            Operation::ReduceSegments(options) => {
                let none = OwnedSegments::Offsets(Vec::new());
                let segments = self.segments.as_ref().unwrap_or(&none).view();
                check_reduce_segments(engine, logits, segments, self.weights()?, options)
            }
            Operation::Elementwise(options) => {
                let operands = self.elementwise(&options.function)?;
                check_elementwise(engine, &operands, self.upstream.of_elements()?, options)
            }
            Operation::SoftmaxLoss(options) => {
                check_softmax_loss(engine, logits, self.against()?, upstream, options)
            }
        })
    }
}
