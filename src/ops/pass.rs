//! Which sweeps an operation makes, and where gradients come from and go to.

use wgpu::BufferSlice;

use crate::element::Element;
use crate::error::{Error, Result};
use crate::kernel::{GradientKind, GradientVariant, UpstreamKind};
use crate::logits::Shape;
use crate::ops::cross_entropy::Reduction;

/// Which part of an operation a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The values alone: one read of the logits.
    Forward {
        /// Keep each row's state (see `state_bytes` of the plan), for a later [`Pass::Backward`].
        save_state: bool,
    },
    /// Values and gradient together: one read and one write of the logits where a row can be held.
    Fused {
        /// Where the gradient goes.
        gradient: GradientPlace,
        /// Where the upstream gradient comes from.
        upstream: UpstreamSource,
    },
    /// The gradient alone, from the states a forward saved: one read and one write of the logits.
    Backward {
        /// Where the gradient goes.
        gradient: GradientPlace,
        /// Where the upstream gradient comes from.
        upstream: UpstreamSource,
    },
}

/// Where a gradient goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GradientPlace {
    /// Over the logits, which are gone then.
    InPlace,
    /// To another buffer, contiguous rows.
    Separate,
    /// To another buffer, rows this many elements apart. Gaps are not written.
    SeparateWithRowStride(usize),
}

/// Where an upstream gradient comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamSource {
    /// A number given to `bind`.
    Scalar,
    /// One `f32` in a buffer, for all rows: it may be computed on the device, each frame anew.
    OneInBuffer,
    /// A buffer of one `f32` for each row.
    PerRow,
}

/// The upstream gradient itself.
#[derive(Clone, Copy, Debug)]
pub enum UpstreamOperand<'a> {
    /// For [`UpstreamSource::Scalar`]. Ignored by a forward.
    Scalar(f32),
    /// For [`UpstreamSource::OneInBuffer`] and [`UpstreamSource::PerRow`].
    Buffer(BufferSlice<'a>),
}

impl Default for UpstreamOperand<'_> {
    fn default() -> Self {
        Self::Scalar(1.0)
    }
}

impl UpstreamOperand<'_> {
    /// The number that kernels are told; a buffer has its own.
    pub(crate) fn scalar(&self) -> f32 {
        match self {
            Self::Scalar(value) => *value,
            Self::Buffer(_) => 0.0,
        }
    }
}

impl Pass {
    /// The gradient's place and source, where there is a gradient.
    pub(crate) fn gradient(&self) -> Option<(GradientPlace, UpstreamSource)> {
        match *self {
            Self::Forward { .. } => None,
            Self::Fused { gradient, upstream } | Self::Backward { gradient, upstream } => {
                Some((gradient, upstream))
            }
        }
    }

    /// The gradient as kernels know it. `element`: how it is stored.
    pub(crate) fn variant(
        &self,
        element: Element,
        reduction: Reduction,
    ) -> Option<GradientVariant> {
        self.gradient().map(|(place, source)| GradientVariant {
            place: match place {
                GradientPlace::InPlace => GradientKind::InPlace,
                _ => GradientKind::Separate(element),
            },
            upstream: match source {
                UpstreamSource::Scalar => UpstreamKind::Scalar,
                _ => UpstreamKind::Buffer,
            },
            divides: reduction == Reduction::Mean,
            divides_by_size: reduction.is_mean_by_size(),
        })
    }

    pub(crate) fn is_backward(&self) -> bool {
        matches!(self, Self::Backward { .. })
    }

    pub(crate) fn saves_state(&self) -> bool {
        matches!(self, Self::Forward { save_state: true })
    }

    /// Elements from a row's upstream gradient to the next row's.
    pub(crate) fn upstream_stride(&self) -> u32 {
        matches!(self.gradient(), Some((_, UpstreamSource::PerRow))).into()
    }

    /// Values of an upstream gradient for so many rows, where it has a buffer.
    pub(crate) fn upstream_values(&self, rows: usize) -> u64 {
        match self.gradient() {
            Some((_, UpstreamSource::OneInBuffer)) => 1,
            Some((_, UpstreamSource::PerRow)) => rows as u64,
            Some((_, UpstreamSource::Scalar)) | None => 0,
        }
    }

    /// The shape of a gradient of its own, checked; the logits' shape otherwise.
    pub(crate) fn gradient_shape(
        &self,
        operation: &'static str,
        logits: Shape,
        element: Option<Element>,
    ) -> Result<Shape> {
        let element = element.unwrap_or(logits.element);
        let shape = match self.gradient() {
            Some((GradientPlace::Separate, _)) => logits.contiguous().with_element(element),
            Some((GradientPlace::SeparateWithRowStride(stride), _)) => {
                logits.with_row_stride(stride).with_element(element)
            }
            Some((GradientPlace::InPlace, _)) if element != logits.element => {
                return Err(Error::invalid(
                    operation,
                    "gradient element",
                    format!(
                        "{}, since the gradient takes the logits' place",
                        logits.element.name()
                    ),
                    element.name(),
                ));
            }
            _ => logits,
        };
        shape.validate(operation)?;
        Ok(shape)
    }

    /// Refuses an upstream gradient for each row where the rows are reduced to one value.
    pub(crate) fn validate(&self, operation: &'static str, reduced: bool) -> Result<()> {
        match self.gradient() {
            Some((_, UpstreamSource::PerRow)) if reduced => Err(Error::invalid(
                operation,
                "upstream gradient",
                "a scalar, since the loss is reduced to one value",
                "one value per row",
            )),
            _ => Ok(()),
        }
    }
}
