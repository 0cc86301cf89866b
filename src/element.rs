//! Element types of logits, gradients and probabilities, and typed values in host memory.

use half::{bf16, f16};

/// How an element is stored. Whatever the type, kernels and engines compute in `f32` or wider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Element {
    /// IEEE 754 single precision.
    #[default]
    F32,
    /// IEEE 754 half precision.
    F16,
    /// The upper half of an `f32`.
    Bf16,
}

impl Element {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// Bytes of an element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The type's usual name: `f32`, `f16`, `bf16`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::f16 {}
    impl Sealed for half::bf16 {}
}

/// A Rust type that is one of the [`Element`] types: `f32`, [`half::f16`], [`half::bf16`].
pub trait Float: sealed::Sealed + Copy + Send + Sync + bytemuck::Pod {
    /// Which.
    const ELEMENT: Element;

    /// The value, exactly.
    fn widen(self) -> f32;

    /// The nearest value of this type; of two, the even one.
    fn narrow(value: f32) -> Self;

    /// Values of this type as [`Values`].
    fn values(values: &[Self]) -> Values<'_>;

    /// Owned values of this type as [`OwnedValues`].
    fn owned(values: Vec<Self>) -> OwnedValues;
}

macro_rules! float {
    ($type:ty, $variant:ident, $widen:expr, $narrow:expr) => {
        impl Float for $type {
            const ELEMENT: Element = Element::$variant;

            #[inline(always)]
            fn widen(self) -> f32 {
                $widen(self)
            }

            #[inline(always)]
            fn narrow(value: f32) -> Self {
                $narrow(value)
            }

            fn values(values: &[Self]) -> Values<'_> {
                Values::$variant(values)
            }

            fn owned(values: Vec<Self>) -> OwnedValues {
                OwnedValues::$variant(values)
            }
        }
    };
}

float!(f32, F32, std::convert::identity, std::convert::identity);
float!(f16, F16, f16::to_f32, f16::from_f32);
float!(bf16, Bf16, bf16::to_f32, bf16::from_f32);

/// Borrowed values of one of the element types.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// `f32`.
    F32(&'a [f32]),
    /// [`half::f16`].
    F16(&'a [f16]),
    /// [`half::bf16`].
    Bf16(&'a [bf16]),
}

/// Evaluates an expression with `$values` bound to the typed slice or vector.
macro_rules! for_each_element {
    ($enum:ident, $of:expr, $values:ident => $body:expr) => {
        match $of {
            $enum::F32($values) => $body,
            $enum::F16($values) => $body,
            $enum::Bf16($values) => $body,
        }
    };
}
pub(crate) use for_each_element;

impl<'a> Values<'a> {
    /// The type of the values.
    pub fn element(&self) -> Element {
        match self {
            Self::F32(_) => Element::F32,
            Self::F16(_) => Element::F16,
            Self::Bf16(_) => Element::Bf16,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        for_each_element!(Self, self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them, widened exactly; `None` beyond the last.
    pub fn get(&self, index: usize) -> Option<f32> {
        for_each_element!(Self, self, values => values.get(index).map(|value| value.widen()))
    }

    /// Their bytes as they lie in memory.
    pub fn bytes(&self) -> &'a [u8] {
        for_each_element!(Self, *self, values => bytemuck::cast_slice(values))
    }

    /// The first `len` of them, or all where there are fewer.
    pub fn first(&self, len: usize) -> Self {
        for_each_element!(Self, *self, values => Float::values(&values[..len.min(values.len())]))
    }

    /// Those behind the first `start`; none where there are fewer.
    pub fn behind(&self, start: usize) -> Self {
        for_each_element!(Self, *self, values => Float::values(&values[start.min(values.len())..]))
    }
}

impl<'a, T: Float> From<&'a [T]> for Values<'a> {
    fn from(values: &'a [T]) -> Self {
        T::values(values)
    }
}

/// Owned values of one of the element types: gradients, probabilities.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedValues {
    /// `f32`.
    F32(Vec<f32>),
    /// [`half::f16`].
    F16(Vec<f16>),
    /// [`half::bf16`].
    Bf16(Vec<bf16>),
}

impl OwnedValues {
    /// The same, borrowed.
    pub fn values(&self) -> Values<'_> {
        for_each_element!(Self, self, values => Float::values(values))
    }

    /// The type of the values.
    pub fn element(&self) -> Element {
        self.values().element()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as `f32`: as they are, or widened exactly.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::F32(values) => values,
            Self::F16(values) => values.into_iter().map(Float::widen).collect(),
            Self::Bf16(values) => values.into_iter().map(Float::widen).collect(),
        }
    }

    /// Rounds to the nearest values of an element type.
    pub fn from_f32(values: Vec<f32>, element: Element) -> Self {
        match element {
            Element::F32 => Self::F32(values),
            Element::F16 => Self::F16(values.into_iter().map(Float::narrow).collect()),
            Element::Bf16 => Self::Bf16(values.into_iter().map(Float::narrow).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrowing_rounds_to_the_nearest_and_ties_to_even() {
        assert_eq!(bf16::narrow(f32::from_bits(0x3f80_8000)), bf16::from_bits(0x3f80));
        assert_eq!(bf16::narrow(f32::from_bits(0x3f81_8000)), bf16::from_bits(0x3f82));
        assert_eq!(f16::narrow(65_519.0), f16::MAX);
        assert_eq!(f16::narrow(65_520.0), f16::INFINITY);
        assert!(f16::narrow(f32::NAN).is_nan() && bf16::narrow(f32::NAN).is_nan());
        assert_eq!(f16::narrow(2f32.powi(-24)), f16::from_bits(1));
    }

    #[test]
    fn values_know_their_type_and_bytes() {
        let half = [f16::from_f32(1.5), f16::from_f32(-2.0)];
        let values = Values::from(&half[..]);
        assert_eq!((values.element(), values.len()), (Element::F16, 2));
        assert_eq!(values.get(1), Some(-2.0));
        assert_eq!(values.get(2), None);
        assert_eq!(values.bytes(), [0x00, 0x3e, 0x00, 0xc0]);
        let owned = OwnedValues::from_f32(vec![1.0, 2.0], Element::Bf16);
        assert_eq!(owned.element(), Element::Bf16);
        assert_eq!(owned.into_f32(), [1.0, 2.0]);
    }
}
