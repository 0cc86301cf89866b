//! What dispatches are told, as uniform structs. The tests hold each against naga's reflection of
//! the WGSL struct of the same name.

use std::mem::offset_of;

use bytemuck::{Pod, Zeroable};

/// A member of a uniform struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, in the WGSL too.
    pub name: &'static str,
    /// Bytes from the start of the struct.
    pub offset: usize,
    /// How its bytes are read.
    pub scalar: Scalar,
    /// How many scalars it has: more than 1 for a vector.
    pub count: usize,
}

/// The types of scalars in uniform structs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named as in WGSL
pub enum Scalar {
    U32,
    I32,
    F32,
}

/// What a member of a uniform struct may be.
trait Member {
    const SCALAR: Scalar;
    const COUNT: usize;
}

macro_rules! members {
    ($($scalar:ident: $type:ty),*) => {$(
        impl Member for $type {
            const SCALAR: Scalar = Scalar::$scalar;
            const COUNT: usize = 1;
        }
    )*};
}

members!(U32: u32, I32: i32, F32: f32);

impl<T: Member, const N: usize> Member for [T; N] {
    const SCALAR: Scalar = T::SCALAR;
    const COUNT: usize = N;
}

/// A struct of uniforms.
pub trait Parameters: bytemuck::NoUninit {
    /// Its members in their order; `padding` has no name in WGSL.
    const FIELDS: &'static [Field];
}

macro_rules! parameters {
    ($(#[$attribute:meta])* pub struct $name:ident {
        $(pub $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$attribute])*
        pub struct $name {
            $(pub $field: $type,)*
        }

        impl Parameters for $name {
            const FIELDS: &'static [Field] = &[$(Field {
                name: stringify!($field),
                offset: offset_of!($name, $field),
                scalar: <$type as Member>::SCALAR,
                count: <$type as Member>::COUNT,
            }),*];
        }
    };
}

parameters! {
/// `RowParameters` of `shaders/parameters.wgsl`. Offsets and strides count elements.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[allow(missing_docs)] // named and explained in the WGSL
pub struct RowParameters {
    pub rows: u32,
    pub classes: u32,
    pub inner: u32,
    pub first_inner: u32,
    pub logits_offset: u32,
    pub logits_stride: u32,
    pub gradient_offset: u32,
    pub gradient_stride: u32,
    pub targets_offset: u32,
    pub targets_stride: u32,
    pub record_offset: u32,
    pub state_offset: u32,
    pub upstream_offset: u32,
    pub upstream_stride: u32,
    pub totals_offset: u32,
    pub class_weights_offset: u32,
    pub row_weights_offset: u32,
    pub first_class: u32,
    pub total_classes: u32,
    pub ignore_index: i32,
    pub has_ignore_index: u32,
    pub parts: u32,
    pub part_stride: u32,
    pub part_classes: u32,
    pub upstream: f32,
    pub target_share: f32,
    pub smoothing_share: f32,
    pub z_loss: f32,
    pub logit_scale: f32,
    pub softcap: f32,
    pub scale_per_softcap: f32,
    pub gamma: f32,
    pub top_k: u32,
    pub loss_scale: f32,
    pub unit: f32,
    pub batch_size: f32,
    pub zero: u32,
}
}

parameters! {
/// `TotalsParameters` of `shaders/totals/parameters.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[allow(missing_docs)] // named and explained in the WGSL
pub struct TotalsParameters {
    pub rows: u32,
    pub first_row: u32,
    pub first_tile: u32,
    pub tiles: u32,
    pub total_classes: u32,
    pub targets_offset: u32,
    pub class_weights_offset: u32,
    pub row_weights_offset: u32,
    pub record_offset: u32,
    pub totals_offset: u32,
    pub ignore_index: i32,
    pub has_ignore_index: u32,
    pub batch_size: f32,
    pub zero: u32,
}
}

parameters! {
/// `ReduceParameters` of `shaders/reduce/parameters.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[allow(missing_docs)] // named and explained in the WGSL
pub struct ReduceParameters {
    pub loss: [f32; 4],
    pub runs: u32,
    pub units: u32,
    pub parts: u32,
    pub first_part: u32,
    pub length: u32,
    pub part_length: u32,
    pub rounds: u32,
    pub columns: u32,
    pub width: u32,
    pub depth: u32,
    pub values_offset: u32,
    pub values_outer: u32,
    pub values_inner: u32,
    pub weights_offset: u32,
    pub weights_outer: u32,
    pub weights_inner: u32,
    pub weights_step: u32,
    pub gradient_offset: u32,
    pub gradient_outer: u32,
    pub gradient_inner: u32,
    pub weight_gradient_offset: u32,
    pub weight_gradient_outer: u32,
    pub weight_gradient_inner: u32,
    pub targets_offset: u32,
    pub targets_outer: u32,
    pub targets_inner: u32,
    pub third_offset: u32,
    pub third_outer: u32,
    pub third_inner: u32,
    pub third_step: u32,
    pub third_gradient_offset: u32,
    pub third_gradient_outer: u32,
    pub third_gradient_inner: u32,
    pub losses_offset: u32,
    pub losses_outer: u32,
    pub losses_inner: u32,
    pub upstream_outer: u32,
    pub upstream_inner: u32,
    pub upstream_step: u32,
    pub target_scale: f32,
    pub target_shift: f32,
    pub threshold: f32,
    pub divisor_high: f32,
    pub divisor_low: f32,
    pub result_offset: u32,
    pub result_outer: u32,
    pub result_inner: u32,
    pub result_step: u32,
    pub upstream_offset: u32,
    pub upstream_stride: u32,
    pub output_offset: u32,
    pub output_outer: u32,
    pub output_inner: u32,
    pub output_part: u32,
    pub results: u32,
    pub merged: u32,
    pub groups: u32,
    pub group_length: u32,
    pub segments: u32,
    pub segments_offset: u32,
    pub rows: u32,
    pub shift: u32,
    pub count: u32,
    pub upstream: f32,
    pub correction: f32,
    pub zero: u32,
    pub counts_offset: u32,
    pub padding: [u32; 1],
}
}

/// The reduced results of a batch as they lie in a `totals` buffer: eight words.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct Totals {
    /// The reduced loss, z-loss included; NaN where nothing is reduced.
    pub loss: f32,
    /// The z-loss's part of it.
    pub z_loss: f32,
    /// What the mean of the loss without the z-loss is divided by; beyond the range of `f32` times
    /// a power of two that [`reserved`](Self::reserved) holds.
    pub denominator: f32,
    /// What the mean of the z-loss is divided by: the sum of the counted rows' weights, or the size
    /// of the batch as the rest of the loss; likewise.
    pub row_weight: f32,
    /// Rows that are not ignored.
    pub counted: u32,
    /// Counted rows whose most likely class is their target; 0 where that is not asked for.
    pub correct: u32,
    /// The first row whose target is neither a class nor the ignore index; `u32::MAX`: none.
    pub first_invalid_row: u32,
    /// 0 where both denominators are in the range of `f32`; else the exponents of the powers of two
    /// that they are multiplied by: 16 bits with a sign each, that of `denominator` first.
    pub reserved: u32,
}

impl Totals {
    /// The same with denominators as they are, which may be infinite.
    pub fn rounded(self) -> Self {
        let times = |value: f32, exponent: u32| {
            (f64::from(value) * f64::from(exponent as u16 as i16).exp2()) as f32
        };
        Self {
            denominator: times(self.denominator, self.reserved),
            row_weight: times(self.row_weight, self.reserved >> 16),
            reserved: 0,
            ..self
        }
    }
}
