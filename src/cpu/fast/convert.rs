//! Between stored elements and `f32`, many at a time.

use bytemuck::{cast_slice, cast_slice_mut};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::element::{Element, Float};

/// Widens exactly.
pub(super) fn widen<T: Float>(from: &[T], to: &mut [f32]) {
    match T::ELEMENT {
        Element::F32 => to.copy_from_slice(cast_slice(from)),
        Element::F16 => cast_slice::<T, f16>(from).convert_to_f32_slice(to),
        Element::Bf16 => cast_slice::<T, bf16>(from).convert_to_f32_slice(to),
    }
}

/// Rounds to the nearest.
pub(super) fn narrow<T: Float>(from: &[f32], to: &mut [T]) {
    match T::ELEMENT {
        Element::F32 => cast_slice_mut::<T, f32>(to).copy_from_slice(from),
        Element::F16 => cast_slice_mut::<T, f16>(to).convert_from_f32_slice(from),
        Element::Bf16 => cast_slice_mut::<T, bf16>(to).convert_from_f32_slice(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_converted_as_each() {
        let mut values: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.37).sin() * 1e5).collect();
        values.extend([f32::NAN, f32::INFINITY, -0.0, 1e-7, 65_520.0, 1e-40]);
        fn check<T: Float + PartialEq + std::fmt::Debug>(values: &[f32]) {
            let each: Vec<T> = values.iter().map(|&value| T::narrow(value)).collect();
            let mut many = vec![T::narrow(0.0); values.len()];
            narrow(values, &mut many);
            let bytes = |values: &[T]| bytemuck::cast_slice::<T, u8>(values).to_vec();
            assert_eq!(bytes(&many), bytes(&each));
            let mut wide = vec![0.0; values.len()];
            widen(&many, &mut wide);
            let expected: Vec<u32> = each.iter().map(|value| value.widen().to_bits()).collect();
            assert_eq!(wide.into_iter().map(f32::to_bits).collect::<Vec<_>>(), expected);
        }
        check::<f32>(&values);
        check::<f16>(&values);
        check::<bf16>(&values);
    }
}
