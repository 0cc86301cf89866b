//! Every choice that makes one of these kernels differ from another.

use std::fmt;

use crate::element::Element;
use crate::kernel::{Access, Geometry, GradientVariant, Team};

/// What is computed of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoftmaxLossKind {
    /// Focal loss.
    Focal,
    /// Kullback-Leibler divergence.
    KlDivergence,
    /// Jensen-Shannon divergence.
    JensenShannon,
}

/// What a row's softmax is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgainstKind {
    /// A class.
    Class,
    /// A class, with label smoothing: every class has a term in the loss.
    SmoothedClass,
    /// Probabilities of this type.
    Probability(Element),
    /// A teacher's logits of this type.
    Teacher(Element),
}

impl AgainstKind {
    /// The type of what has a value for each logit.
    pub const fn element(self) -> Option<Element> {
        match self {
            Self::Class | Self::SmoothedClass => None,
            Self::Probability(element) | Self::Teacher(element) => Some(element),
        }
    }

    /// Whether it is a teacher.
    pub const fn is_teacher(self) -> bool {
        matches!(self, Self::Teacher(_))
    }
}

/// A kernel that goes over rows of logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SoftmaxLossVariant {
    /// What is computed.
    pub loss: SoftmaxLossKind,
    /// What the rows are compared with.
    pub against: AgainstKind,
    /// There are class weights.
    pub class_weights: bool,
    /// There are row weights.
    pub row_weights: bool,
    /// Zero weights hide infinities.
    pub masked: bool,
    /// The lanes of a row hold all of it.
    pub held: bool,
    /// How its lanes meet.
    pub team: Team,
    /// Lanes, rows, vectors.
    pub geometry: Geometry,
    /// How whatever has a value for each logit is addressed.
    pub access: Access,
    /// How logits are stored.
    pub element: Element,
    /// The gradient, where there is one.
    pub gradient: Option<GradientVariant>,
}

impl SoftmaxLossVariant {
    /// Whether every class has a term in the loss.
    pub const fn has_terms(&self) -> bool {
        !matches!(self.against, AgainstKind::Class)
    }

    /// Whether the lanes of a row have sums to tell each other.
    pub const fn has_sums(&self) -> bool {
        self.has_terms() || self.gradient.is_some()
    }

    /// Whether rows of so many packed classes are read by [`Access::Interleaved`]. It does not depend
    /// on where a row stands, and so do not its bits.
    pub const fn interleaves(&self, classes: usize) -> bool {
        matches!(self.element, Element::F32)
            && !classes.is_multiple_of(4)
            && self.geometry.lanes > 1
    }

    /// Sweeps over the logits.
    pub const fn reads(&self) -> u32 {
        if self.held {
            return 1;
        }
        let knows_sum = matches!(self.loss, SoftmaxLossKind::KlDivergence);
        let of_gradient = self.gradient.is_some() && !knows_sum;
        1 + self.has_terms() as u32 + of_gradient as u32
    }
}

impl fmt::Display for SoftmaxLossVariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Geometry { lanes, rows, vectors } = self.geometry;
        write!(
            f,
            "wgpu-loss {:?} {:?} {:?} {lanes}x{rows}x{vectors} {:?} {}",
            self.loss,
            self.against,
            self.team,
            self.access,
            self.element.name()
        )?;
        for (is_so, name) in [
            (self.held, "held"),
            (self.class_weights, "class weights"),
            (self.row_weights, "row weights"),
            (self.masked, "masked"),
        ] {
            if is_so {
                write!(f, " {name}")?;
            }
        }
        if let Some(gradient) = self.gradient {
            write!(f, " {gradient}")?;
        }
        Ok(())
    }
}
