//! The mistakes.

use super::elementwise::LossMistake;
use super::outputs::Output;
use super::softmax_loss::SoftmaxLossMistake;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mistake {
    None,
    /// The kernel never ran.
    Zeros,
    /// Every call fails.
    Refuses,

    /// Rows are read as if there were no gaps between them.
    ForgetsGap,
    /// The class axis is taken for the last one.
    ForgetsLayout,
    /// The last class is left out.
    ForgetsLastClass,
    /// Probabilities are read as if there were no gaps between their rows.
    ForgetsProbabilityGap,
    /// The upstream matrix is read as if there were no gaps between its rows.
    ForgetsUpstreamGap,
    /// Half-precision subnormal logits are taken for zeros.
    FlushesHalf,
    /// The upstream gradient is dropped.
    DropsUpstream,
    /// Only the first row's upstream factor is read.
    FirstFactor,

    /// An option has no effect.
    DropsClassWeights,
    DropsRowWeights,
    DropsSmoothing,
    DropsZLoss,
    DropsScale,
    DropsSoftcap,
    /// A negative scale is taken for a positive one, in the argmax alone.
    ArgmaxOfStored,
    AlwaysStrict,
    AlwaysMasked,
    /// An ignore index that is a class does not ignore it.
    CountsFirstClass,
    /// The transformation loses what its rounding does not excuse.
    LooseScale,
    LooseSoftcap,

    /// A result that lost five parts in a million, or counts one too many.
    Inexact(Output),
    /// A result that was asked for is missing.
    Missing(Output),
    /// A result that was not asked for is there.
    Unasked(Output),
    /// The reduced loss has the sign of each row's loss wrong.
    WrongSign,
    /// `(m + log s) - x_y` in single precision.
    Cancels,
    /// `lse - sum p x` in single precision.
    CancelsEntropy,
    /// `p - 1` in single precision, where the target leads far.
    CancelsGradient,
    /// The mean is over all rows.
    DividesByRows,
    /// The gradient is stored as another type.
    WrongElement,
    /// The gradient is rounded to half precision twice as coarsely.
    CoarseHalf,
    /// Ignored rows get a gradient of 0 even where it is undefined.
    CleansIgnored,
    /// The gradient of an undefined softmax is 0.
    HidesNan,
    /// Probabilities too small to matter to the tolerance are left out.
    DropsSmall,
    /// The highest index on ties.
    LastArgmax,
    /// Of equal logits none comes before the target.
    RankWithoutTies,

    /// A target out of range is taken for an ignored one.
    AcceptsTargets,
    /// The last bad target is named.
    NamesLastTarget,
    /// Targets of 64 bits are cut to 32.
    CutsTargets,
    /// Options are not looked at: those out of range are taken for the usual ones.
    AcceptsOptions,

    /// Softmax instead of its logarithm.
    ForgetsLogarithm,
    /// The gradient of softmax lacks the row's mean.
    ForgetsMean,

    /// The weights of values are read as if there were no gaps between their rows.
    ForgetsWeightGap,
    /// The weights of rows, or of columns or values, have no effect on a reduction.
    DropsReductionWeights,
    /// A mean is divided by the number of values whatever their weights.
    DividesByCount,
    /// It is divided by the sum of the weights although their number was asked for.
    DividesByWeights,
    /// Sums run over the values one after the other in single precision.
    SumsInSingle,
    /// The variance is `E[x^2] - E[x]^2` in single precision.
    CancelsVariance,
    /// What is taken off the divisor of the variance is forgotten.
    DropsCorrection,
    /// A log-sum-exp is always that of a positive sum.
    LosesSign,
    /// A maximum or minimum counts values of weight 0.
    CountsWeightless,
    /// A maximum or minimum passes over NaN.
    PassesOverNan,
    /// The gradient of a mean with respect to the weights lacks the mean.
    ForgetsMeanOfGradient,
    /// A result of a reduction is missing or was not asked for: its index among the five.
    MissingOfReduction(usize),
    UnaskedOfReduction(usize),
    /// Rows of a negative segment are counted to the first one.
    CountsNegativeIds,
    /// The first segment begins with the first row.
    BeginsAtZero,

    /// A part takes itself for the first.
    ForgetsFirstClass,
    /// So does its gradient.
    ForgetsFirstClassOfGradient,
    /// A number of the state is off: its index among the eight.
    InexactState(usize),
    /// Each bit of the state's flags.
    WrongFlag(u32),
    /// A part that ends beyond the last class is cut.
    AcceptsParts,

    /// One in element-wise losses.
    OfLoss(LossMistake),
    /// One in focal loss or divergences of logits.
    OfSoftmaxLoss(SoftmaxLossMistake),
}

impl Mistake {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Zeros,
            Self::Refuses,
            Self::ForgetsGap,
            Self::ForgetsLayout,
            Self::ForgetsLastClass,
            Self::ForgetsProbabilityGap,
            Self::ForgetsUpstreamGap,
            Self::FlushesHalf,
            Self::DropsUpstream,
            Self::FirstFactor,
            Self::DropsClassWeights,
            Self::DropsRowWeights,
            Self::DropsSmoothing,
            Self::DropsZLoss,
            Self::DropsScale,
            Self::DropsSoftcap,
            Self::ArgmaxOfStored,
            Self::AlwaysStrict,
            Self::AlwaysMasked,
            Self::CountsFirstClass,
            Self::LooseScale,
            Self::LooseSoftcap,
            Self::WrongSign,
            Self::Cancels,
            Self::CancelsEntropy,
            Self::CancelsGradient,
            Self::DividesByRows,
            Self::WrongElement,
            Self::CoarseHalf,
            Self::CleansIgnored,
            Self::HidesNan,
            Self::DropsSmall,
            Self::LastArgmax,
            Self::RankWithoutTies,
            Self::AcceptsTargets,
            Self::NamesLastTarget,
            Self::CutsTargets,
            Self::AcceptsOptions,
            Self::ForgetsLogarithm,
            Self::ForgetsMean,
            Self::ForgetsWeightGap,
            Self::DropsReductionWeights,
            Self::DividesByCount,
            Self::DividesByWeights,
            Self::SumsInSingle,
            Self::CancelsVariance,
            Self::DropsCorrection,
            Self::LosesSign,
            Self::CountsWeightless,
            Self::PassesOverNan,
            Self::ForgetsMeanOfGradient,
            Self::CountsNegativeIds,
            Self::BeginsAtZero,
            Self::ForgetsFirstClass,
            Self::ForgetsFirstClassOfGradient,
            Self::AcceptsParts,
        ];
        all.extend((0..5).map(Self::MissingOfReduction));
        all.extend((0..5).map(Self::UnaskedOfReduction));
        all.extend(LossMistake::all().into_iter().map(Self::OfLoss));
        all.extend(SoftmaxLossMistake::all().into_iter().map(Self::OfSoftmaxLoss));
        all.extend(Output::ALL.map(Self::Inexact));
        all.extend(Output::OPTIONAL.map(Self::Missing));
        all.extend(Output::OPTIONAL.map(Self::Unasked));
        all.extend((0..7).map(Self::InexactState));
        all.extend((0..5).map(|bit| Self::WrongFlag(1 << bit)));
        all
    }
}
