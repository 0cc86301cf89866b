//! What a tensor is wanted for, which tensors could be it, and which of them is.

use super::layout::Layout;
use super::tensor::Tensor;
use crate::arguments::WeightsAxis;

const FLOATS: &str = "f32, f16, bf16 or f64";
const INDICES: &str = "integers or bool";

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

    /// The option that chooses among the tensors of a file; of files that an option names, FILE:NAME
    /// does, and is not named here.
    fn option(self) -> Option<&'static str> {
        match self {
            Self::Logits => Some("--logits"),
            Self::Targets(_) => Some("--targets"),
            Self::Probabilities(_) => Some("--probabilities"),
            Self::ClassWeights => Some("--class-weights"),
            Self::RowWeights(_) => Some("--row-weights"),
            Self::Teacher(_) => Some("--teacher"),
            Self::Upstream(_) => Some("--upstream"),
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
    pub fn describe(self) -> &'static str {
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

    /// Whether it is what the others stand beside.
    pub fn is_main(self) -> bool {
        matches!(self, Self::Logits | Self::Values | Self::Input)
    }

    /// Whether log-probabilities may be it: not where probabilities or factors are wanted.
    pub fn takes_log_probabilities(self) -> bool {
        self.is_main() || matches!(self, Self::Teacher(_) | Self::Target(_))
    }

    /// Whether a tensor is taken for it unasked, if no other could be it. Numbers of rows and
    /// classes are left to the library, which says what is wrong with them.
    fn fits(self, tensor: &Tensor<'_>, breadth: Breadth) -> bool {
        let (dtype, shape) = (&tensor.dtype, tensor.shape.as_slice());
        let is_broad = breadth == Breadth::Any;
        let is_float = dtype.is_native_float() || (is_broad && dtype.is_float());
        let is_index = dtype.is_integer() && (is_broad || dtype.is_native());
        let is_vector = shape.len() == 1 || (is_broad && matches!(shape, [_, 1]));
        let of_rows = |layout: &Layout| {
            is_vector || shape == layout.of_rows() || (is_broad && layout.is_of_rows(shape))
        };
        match self {
            Self::Logits | Self::Values | Self::Input => is_float && shape.len() >= 2,
            Self::Targets(layout) | Self::SegmentIds(layout) => is_index && of_rows(layout),
            Self::ClassWeights => is_float && is_vector,
            Self::RowWeights(layout) => is_float && of_rows(layout),
            Self::Probabilities(layout)
            | Self::Teacher(layout)
            | Self::Upstream(layout)
            | Self::LossUpstream(layout) => is_float && shape == layout.dimensions,
            Self::Target(layout) => {
                (is_float || (is_broad && is_index)) && shape == layout.dimensions
            }
            Self::Weights(layout, axis)
            | Self::PositiveWeights(layout, axis)
            | Self::Variance(layout, axis) => {
                let axes = WeightAxes::new(shape, layout);
                is_float
                    && match axis {
                        None => axes.element || axes.row || axes.column,
                        Some(WeightsAxis::Row) => axes.row,
                        Some(WeightsAxis::Column) => axes.column,
                    }
            }
            Self::Factors(results) => {
                is_float
                    && (is_vector || shape == results || (is_broad && is_padded(shape, results)))
            }
            Self::SegmentOffsets => is_index && is_vector,
        }
    }

    /// Whether a tensor that was named can be it.
    fn accepts(self, tensor: &Tensor<'_>) -> bool {
        match self {
            Self::Targets(layout) => {
                self.fits(tensor, Breadth::Any)
                    || Self::Probabilities(layout).fits(tensor, Breadth::Any)
            }
            role => role.fits(tensor, Breadth::Any),
        }
    }

    /// What else to say of a tensor that was refused.
    fn advice(self, tensor: &Tensor<'_>) -> String {
        let is_of_integers =
            matches!(self, Self::Targets(_) | Self::SegmentIds(_) | Self::SegmentOffsets);
        let of_rows = match self {
            Self::Targets(layout) | Self::SegmentIds(layout) => {
                tensor.shape.len() == 1 || layout.is_of_rows(&tensor.shape)
            }
            _ => true,
        };
        // Of arrays that are in memory, as those of .npz files are only then.
        if !is_of_integers || !of_rows || !tensor.dtype.is_float() {
            return String::new();
        }
        let what = if matches!(self, Self::Targets(_)) { "classes" } else { "they" };
        let why = tensor.not_integers().map_or(String::new(), |why| format!(", and {why}"));
        format!("; {what} must be integers{why}")
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
        let (what, expected, advice) = (self.describe(), self.expected(), self.advice(tensor));
        Err(format!("{what}: expected {expected}, found {tensor}{advice}"))
    }
}

/// Which tensors fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breadth {
    /// Those that need no conversion: where there is such, no other is looked at.
    Usual,
    /// All that are read.
    Any,
}

/// Whether a shape is another with a 1 after it.
fn is_padded(shape: &[usize], other: &[usize]) -> bool {
    shape.split_last() == Some((&1, other))
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
        let element = shape == layout.dimensions;
        let row = shape == [layout.shape.rows] || shape == layout.of_rows();
        let column = shape == layout.of_columns();
        if element || row || column {
            return Self { element, row, column };
        }
        Self { element, row: layout.is_of_rows(shape), column: layout.is_of_columns(shape) }
    }
}

/// The place of the tensor that was named, else of the one with the usual name, else of the only
/// one that fits, beside the one at `main`.
pub fn select(
    tensors: &[Tensor<'_>],
    role: Role<'_>,
    wanted: Option<&str>,
    main: Option<usize>,
) -> Result<usize, String> {
    let named = |name: &str| tensors.iter().position(|tensor| tensor.name.as_deref() == Some(name));
    let usual = role.usual_name();
    if let Some(at) = named(wanted.unwrap_or(usual)) {
        return Ok(at);
    }
    let listed = listing(tensors);
    if let Some(name) = wanted {
        return Err(format!("no tensor `{name}`; {listed}"));
    }
    for breadth in [Breadth::Usual, Breadth::Any] {
        // What is compared with itself was forgotten.
        let others =
            tensors.iter().enumerate().filter(|(at, _)| main != Some(*at) || role.is_main());
        let mut candidates = others.filter(|(_, tensor)| role.fits(tensor, breadth));
        match (candidates.next(), candidates.next()) {
            (Some((only, _)), None) => return Ok(only),
            (None, _) => {}
            _ => {
                let choose = match role.option() {
                    Some(option) => format!("choose by {option}"),
                    None => "give one of them this name, or choose by FILE:NAME".to_owned(),
                };
                return Err(format!(
                    "no tensor `{usual}` and several that could be it, {choose}; {listed}"
                ));
            }
        }
    }
    let expected = role.expected();
    Err(format!("no tensor `{usual}` and none that could be it, expected {expected}; {listed}"))
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
    use super::super::dtype::Dtype;
    use super::*;
    use wgpu_loss::Element;

    fn tensor(name: &str, dtype: Dtype, shape: &[usize]) -> Tensor<'static> {
        let name = Some(name.to_owned());
        let shape = shape.to_vec();
        Tensor { name, dtype, shape, fortran_order: false, big_endian: false, bytes: &[] }
    }

    #[test]
    fn the_only_candidate_is_taken() {
        let tensors = [
            tensor("x", Dtype::F16, &[2, 3, 4]),
            tensor("y", Dtype::U8, &[2, 4]),
            tensor("w", Dtype::F32, &[3]),
        ];
        let layout = Layout::new(&[2, 3, 4], 1, Element::F16).expect("a layout");
        let at = |role, wanted| select(&tensors, role, wanted, Some(0));
        assert_eq!(at(Role::Logits, None), Ok(0));
        assert_eq!(at(Role::Targets(&layout), None), Ok(1));
        assert_eq!(at(Role::ClassWeights, None), Ok(2));
        let message = at(Role::Targets(&layout), Some("z")).expect_err("there is no z");
        assert_eq!(
            message,
            "no tensor `z`; the file has `x` f16 [2, 3, 4], `y` u8 [2, 4], `w` f32 [3]"
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
        assert!(message.starts_with("targets: expected integers or bool [2], or"), "{message}");
        assert!(message.ends_with("found `q` f32 [3, 2]"), "{message}");
        let only = [tensor("q", Dtype::F32, &[2, 3])];
        let own = select(&only, targets, None, Some(0));
        assert!(own.is_err(), "the logits are not their own targets");
    }

    #[test]
    fn what_needs_no_conversion_comes_first() {
        let tensors = [
            tensor("x", Dtype::F64, &[4, 3]),
            tensor("z", Dtype::F32, &[4, 3]),
            tensor("i", Dtype::I16, &[4]),
            tensor("j", Dtype::I64, &[4]),
            tensor("c", Dtype::Bool, &[4, 1]),
        ];
        let layout = Layout::new(&[4, 3], 1, Element::F32).expect("a layout");
        assert_eq!(select(&tensors, Role::Logits, None, None), Ok(1));
        assert_eq!(select(&tensors, Role::Targets(&layout), None, Some(1)), Ok(3));
        assert_eq!(select(&tensors, Role::Teacher(&layout), None, Some(1)), Ok(0));
        assert_eq!(select(&tensors[2..3], Role::Targets(&layout), None, None), Ok(0));
        assert_eq!(select(&tensors[4..], Role::Targets(&layout), None, None), Ok(0));
        assert!(select(&tensors[1..2], Role::Teacher(&layout), None, Some(0)).is_err());
        let several = [tensor("i", Dtype::I16, &[4]), tensor("c", Dtype::U64, &[4])];
        let message = select(&several, Role::Targets(&layout), None, None).expect_err("two");
        assert!(message.contains("several that could be it, choose by --targets"), "{message}");
    }

    #[test]
    fn a_dimension_of_one_stands_for_the_missing_one() {
        let layout = Layout::new(&[4, 3, 5], 1, Element::F32).expect("a layout");
        for shape in [&[4, 5][..], &[20], &[20, 1], &[4, 5, 1], &[4, 1, 5]] {
            let targets = Role::Targets(&layout);
            assert_eq!(targets.check(&tensor("y", Dtype::I16, shape)), Ok(()), "{shape:?}");
            let weights = Role::RowWeights(&layout);
            assert_eq!(weights.check(&tensor("w", Dtype::F64, shape)), Ok(()), "{shape:?}");
        }
        for shape in [&[4, 5, 2][..], &[1, 4, 5], &[4, 5, 1, 1], &[]] {
            let targets = Role::Targets(&layout);
            assert!(targets.check(&tensor("y", Dtype::I16, shape)).is_err(), "{shape:?}");
        }
        let axes = |shape: &[usize], dimensions: &[usize]| {
            let layout = Layout::new(dimensions, 1, Element::F32).expect("a layout");
            let WeightAxes { element, row, column } = WeightAxes::new(shape, &layout);
            [element, row, column]
        };
        assert_eq!(axes(&[3, 1], &[3, 3]), [false, true, false]);
        assert_eq!(axes(&[1, 3], &[3, 3]), [false, false, true]);
        assert_eq!(axes(&[2, 1], &[2, 1]), [true, false, false]);
        assert_eq!(axes(&[1, 3, 1], &[2, 3, 4]), [false, false, true]);
    }

    #[test]
    fn floats_are_told_that_classes_are_integers() {
        let layout = Layout::new(&[2, 3], 1, Element::F32).expect("a layout");
        let whole = Tensor { bytes: &[0, 60, 0, 64], ..tensor("y", Dtype::F16, &[2]) };
        let message = Role::Targets(&layout).check(&whole).expect_err("floats");
        assert!(message.contains("found `y` f16 [2]; classes must be integers"), "{message}");
        assert!(message.contains("astype"), "{message}");
        let half = Tensor { bytes: &[0, 60, 0, 56], ..tensor("y", Dtype::F16, &[2]) };
        let message = Role::SegmentIds(&layout).check(&half).expect_err("floats");
        assert!(message.ends_with("they must be integers, and row 1 is 0.5"), "{message}");
    }
}
