//! What a tensor is wanted for, which tensors could be it, and which of them is.

use super::layout::Layout;
use super::tensor::Tensor;
use crate::arguments::WeightsAxis;

const FLOATS: &str = "F32, F16 or BF16";
const INDICES: &str = "I32, I64, U32 or U8";

/// What a tensor is wanted for, beside logits of a known layout.
#[derive(Clone, Copy, Debug)]
pub enum Role<'l> {
    /// The logits themselves.
    Logits,
    /// A class for each row, or probabilities.
    Targets(&'l Layout),
    /// Probabilities, shaped as the logits.
    Probabilities(&'l Layout),
    /// A weight for each class.
    ClassWeights,
    /// A weight for each row.
    RowWeights(&'l Layout),
    /// A teacher's logits, shaped as the logits.
    Teacher(&'l Layout),
    /// An upstream gradient, shaped as the logits.
    Upstream(&'l Layout),
    /// The values of a reduction.
    Values,
    /// A weight for each value, each row or each column; only of this axis where there is one.
    Weights(&'l Layout, Option<WeightsAxis>),
    /// The input of an element-wise loss.
    Input,
    /// Its target, shaped as the input.
    Target(&'l Layout),
    /// Its upstream gradient, shaped as the input.
    LossUpstream(&'l Layout),
    /// Weights of positives, as weights.
    PositiveWeights(&'l Layout, Option<WeightsAxis>),
    /// A variance, as weights.
    Variance(&'l Layout, Option<WeightsAxis>),
    /// An upstream gradient for each result, of which these are the dimensions.
    Factors(&'l [usize]),
    /// The segment of each row.
    SegmentIds(&'l Layout),
    /// Where segments begin and end.
    SegmentOffsets,
}

impl Role<'_> {
    /// The name that a tensor for it usually has.
    fn usual_name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Targets(_) => "targets",
            Self::Probabilities(_) => "probabilities",
            Self::ClassWeights => "class_weights",
            Self::RowWeights(_) => "row_weights",
            Self::Teacher(_) => "teacher",
            Self::Upstream(_) | Self::LossUpstream(_) | Self::Factors(_) => "upstream",
            Self::Input => "input",
            Self::Target(_) => "target",
            Self::PositiveWeights(..) => "positive_weights",
            Self::Variance(..) => "variance",
            Self::Values => "values",
            Self::Weights(..) => "weights",
            Self::SegmentIds(_) => "segment_ids",
            Self::SegmentOffsets => "segment_offsets",
        }
    }

    /// The option that names a tensor for it; in a file of its own it has to have the usual name
    /// where an option names either the one or the other.
    fn option(self) -> Option<&'static str> {
        match self {
            Self::Logits => Some("--logits"),
            Self::Targets(_) => Some("--targets"),
            Self::Probabilities(_) => Some("--probabilities"),
            Self::ClassWeights => Some("--class-weights"),
            Self::RowWeights(_) => Some("--row-weights"),
            Self::Teacher(_) => Some("--teacher"),
            Self::Upstream(_) => Some("--upstream-tensor"),
            Self::Values => Some("--values"),
            Self::Input => Some("--input"),
            Self::Target(_) => Some("--target"),
            Self::Weights(..)
            | Self::PositiveWeights(..)
            | Self::Variance(..)
            | Self::LossUpstream(_)
            | Self::Factors(_)
            | Self::SegmentIds(_)
            | Self::SegmentOffsets => None,
        }
    }

    /// In words.
    fn describe(self) -> &'static str {
        match self {
            Self::ClassWeights => "class weights",
            Self::RowWeights(_) => "row weights",
            Self::Upstream(_) | Self::LossUpstream(_) | Self::Factors(_) => "upstream gradient",
            Self::PositiveWeights(..) => "weights of positives",
            Self::SegmentIds(_) => "segment ids",
            Self::SegmentOffsets => "segment offsets",
            role => role.usual_name(),
        }
    }

    /// Whether a tensor is taken for it unasked, if no other could be it. Numbers of rows and
    /// classes are left to the library, which says what is wrong with them.
    fn fits(self, tensor: &Tensor<'_>) -> bool {
        let vector = tensor.shape.len() == 1;
        match self {
            Self::Logits | Self::Values | Self::Input => {
                tensor.dtype.is_float() && tensor.shape.len() >= 2
            }
            Self::Targets(layout) | Self::SegmentIds(layout) => {
                tensor.dtype.is_index() && (vector || tensor.shape == layout.of_rows())
            }
            Self::ClassWeights => tensor.dtype.is_float() && vector,
            Self::RowWeights(layout) => {
                tensor.dtype.is_float() && (vector || tensor.shape == layout.of_rows())
            }
            Self::Probabilities(layout)
            | Self::Teacher(layout)
            | Self::Upstream(layout)
            | Self::LossUpstream(layout)
            | Self::Target(layout) => tensor.dtype.is_float() && tensor.shape == layout.dimensions,
            Self::Weights(layout, axis)
            | Self::PositiveWeights(layout, axis)
            | Self::Variance(layout, axis) => {
                let axes = WeightAxes::new(&tensor.shape, layout);
                tensor.dtype.is_float()
                    && match axis {
                        None => axes.element || axes.row || axes.column,
                        Some(WeightsAxis::Row) => axes.row,
                        Some(WeightsAxis::Column) => axes.column,
                    }
            }
            Self::Factors(results) => {
                tensor.dtype.is_float() && (vector || tensor.shape == results)
            }
            Self::SegmentOffsets => tensor.dtype.is_index() && vector,
        }
    }

    /// Whether a tensor that was named can be it.
    fn accepts(self, tensor: &Tensor<'_>) -> bool {
        match self {
            Self::Targets(layout) => self.fits(tensor) || Self::Probabilities(layout).fits(tensor),
            role => role.fits(tensor),
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Logits => format!("{FLOATS} [rows, classes] or with more dimensions"),
            Self::Targets(layout) => format!(
                "{INDICES} {:?}, or probabilities, {FLOATS} {:?}",
                layout.of_rows(),
                layout.dimensions
            ),
            Self::ClassWeights => format!("{FLOATS} [classes]"),
            Self::RowWeights(layout) => format!("{FLOATS} {:?}", layout.of_rows()),
            Self::Probabilities(layout) | Self::Teacher(layout) | Self::Upstream(layout) => {
                format!("{FLOATS} {:?}, shaped as the logits", layout.dimensions)
            }
            Self::Target(layout) | Self::LossUpstream(layout) => {
                format!("{FLOATS} {:?}, shaped as the input", layout.dimensions)
            }
            Self::Values | Self::Input => {
                format!("{FLOATS} [rows, columns] or with more dimensions")
            }
            Self::Weights(layout, None)
            | Self::PositiveWeights(layout, None)
            | Self::Variance(layout, None) => format!(
                "{FLOATS} {:?} per element, {:?} per row or {:?} per column",
                layout.dimensions,
                layout.of_rows(),
                layout.of_columns()
            ),
            Self::Weights(layout, Some(WeightsAxis::Row))
            | Self::PositiveWeights(layout, Some(WeightsAxis::Row))
            | Self::Variance(layout, Some(WeightsAxis::Row)) => {
                format!("{FLOATS} {:?} per row", layout.of_rows())
            }
            Self::Weights(layout, Some(WeightsAxis::Column))
            | Self::PositiveWeights(layout, Some(WeightsAxis::Column))
            | Self::Variance(layout, Some(WeightsAxis::Column)) => {
                format!("{FLOATS} {:?} per column", layout.of_columns())
            }
            Self::Factors(results) => format!("{FLOATS} {results:?}, shaped as the results"),
            Self::SegmentIds(layout) => format!("{INDICES} {:?}", layout.of_rows()),
            Self::SegmentOffsets => format!("{INDICES} [segments + 1]"),
        }
    }

    /// Refuses a tensor of another type or with other dimensions.
    pub fn check(self, tensor: &Tensor<'_>) -> Result<(), String> {
        if self.accepts(tensor) {
            return Ok(());
        }
        Err(format!("{}: expected {}, found {tensor}", self.describe(), self.expected()))
    }
}

/// What weights of some shape can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightAxes {
    /// Of each value.
    pub element: bool,
    /// Of each row.
    pub row: bool,
    /// Of each column.
    pub column: bool,
}

impl WeightAxes {
    /// Of weights with these dimensions, beside values of this layout.
    pub fn new(shape: &[usize], layout: &Layout) -> Self {
        Self {
            element: shape == layout.dimensions,
            row: shape == [layout.shape.rows] || shape == layout.of_rows(),
            column: shape == layout.of_columns(),
        }
    }
}

/// The tensor that was named, else the one with the usual name, else the only one that fits.
pub fn select<'t, 'a>(
    tensors: &'t [Tensor<'a>],
    role: Role<'_>,
    wanted: Option<&str>,
) -> Result<&'t Tensor<'a>, String> {
    let named = |name: &str| tensors.iter().find(|tensor| tensor.name.as_deref() == Some(name));
    let usual = role.usual_name();
    if let Some(tensor) = named(wanted.unwrap_or(usual)) {
        return Ok(tensor);
    }
    let listed = listing(tensors);
    if let Some(name) = wanted {
        return Err(format!("no tensor `{name}`; {listed}"));
    }
    let mut candidates = tensors.iter().filter(|tensor| role.fits(tensor));
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(format!("no tensor `{usual}` and none that could be it; {listed}")),
        _ => {
            let choose = match role.option() {
                Some(option) => format!("choose by {option}"),
                None => "give one of them this name".to_owned(),
            };
            Err(format!("no tensor `{usual}` and several that could be it, {choose}; {listed}"))
        }
    }
}

/// The first tensors of the file, so that the message stays a line.
fn listing(tensors: &[Tensor<'_>]) -> String {
    const SHOWN: usize = 8;
    if tensors.is_empty() {
        return "the file has none".to_owned();
    }
    let mut names: Vec<_> = tensors
        .iter()
        .take(SHOWN)
        .map(|tensor| tensor.to_string().escape_debug().to_string())
        .collect();
    if tensors.len() > SHOWN {
        names.push(format!("{} more", tensors.len() - SHOWN));
    }
    format!("the file has {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::tensor::Dtype;
    use super::*;
    use wgpu_loss::Element;

    fn tensor(name: &str, dtype: Dtype, shape: &[usize]) -> Tensor<'static> {
        let name = Some(name.to_owned());
        Tensor { name, dtype, shape: shape.to_vec(), fortran_order: false, bytes: &[] }
    }

    #[test]
    fn the_only_candidate_is_taken() {
        let tensors = [
            tensor("x", Dtype::F16, &[2, 3, 4]),
            tensor("y", Dtype::U8, &[2, 4]),
            tensor("w", Dtype::F32, &[3]),
        ];
        let layout = Layout::new(&[2, 3, 4], 1, Element::F16).expect("a layout");
        let name = |role, wanted| select(&tensors, role, wanted).map(|it| it.name.clone());
        assert_eq!(name(Role::Logits, None), Ok(Some("x".to_owned())));
        assert_eq!(name(Role::Targets(&layout), None), Ok(Some("y".to_owned())));
        assert_eq!(name(Role::ClassWeights, None), Ok(Some("w".to_owned())));
        let message = name(Role::Targets(&layout), Some("z")).expect_err("there is no z");
        assert_eq!(
            message,
            "no tensor `z`; the file has `x` F16 [2, 3, 4], `y` U8 [2, 4], `w` F32 [3]"
        );
    }

    #[test]
    fn weights_are_of_what_their_shape_says() {
        let axes = |shape: &[usize], dimensions: &[usize], axis| {
            let layout = Layout::new(dimensions, axis, Element::F32).expect("a layout");
            let WeightAxes { element, row, column } = WeightAxes::new(shape, &layout);
            [element, row, column]
        };
        assert_eq!(axes(&[2, 3], &[2, 3], 1), [true, false, false]);
        assert_eq!(axes(&[2], &[2, 3], 1), [false, true, false]);
        assert_eq!(axes(&[3], &[2, 3], 1), [false, false, true]);
        assert_eq!(axes(&[3], &[3, 3], 1), [false, true, true]);
        assert_eq!(axes(&[3, 2], &[2, 3], 1), [false, false, false]);
        for rows in [&[2, 4][..], &[8]] {
            assert_eq!(axes(rows, &[2, 3, 4], 1), [false, true, false]);
        }
        assert_eq!(axes(&[8, 1], &[8, 8, 1], 1), [false, true, false]);
    }

    #[test]
    fn targets_that_were_named_may_be_probabilities() {
        let layout = Layout::new(&[2, 3], 1, Element::F32).expect("a layout");
        let targets = Role::Targets(&layout);
        assert_eq!(targets.check(&tensor("q", Dtype::Bf16, &[2, 3])), Ok(()));
        assert_eq!(targets.check(&tensor("y", Dtype::U32, &[7])), Ok(()));
        let message = targets.check(&tensor("q", Dtype::F32, &[3, 2])).expect_err("transposed");
        assert!(message.starts_with("targets: expected I32, I64, U32 or U8 [2], or"), "{message}");
        assert!(message.ends_with("found `q` F32 [3, 2]"), "{message}");
        let only = [tensor("q", Dtype::F32, &[2, 3])];
        assert!(select(&only, targets, None).is_err(), "the logits are not their own targets");
    }
}
