//! The kernels of cross-entropy's relatives that the planner can choose: every geometry with every
//! loss, the other choices by turns; and every pair of options somewhere.

use super::family::fit;
use super::menu::DIVISORS;
use super::{Capabilities, Choice, Tuning};
use crate::element::Element;
use crate::kernel::softmax_loss::{AgainstKind, SoftmaxLossKind, SoftmaxLossVariant};
use crate::kernel::{
    Access, Family, Geometry, GradientKind, GradientVariant, Team, UpstreamKind, Variant,
};

const PLACES: [GradientKind; 4] = [
    GradientKind::InPlace,
    GradientKind::Separate(Element::F32),
    GradientKind::Separate(Element::F16),
    GradientKind::Separate(Element::Bf16),
];

/// Takes turns among choices.
struct Turns(u64);

impl Turns {
    /// The same for a geometry on whatever device, so that lists of several devices overlap.
    fn of(choice: &Choice, access: Access) -> Self {
        let Geometry { lanes, rows, vectors } = choice.geometry;
        let numbers = [lanes, rows, vectors, access as u32, u32::from(choice.team == Team::Lane)];
        Self(numbers.into_iter().fold(1, |seed, number| seed * 1031 + u64::from(number)))
    }

    fn next<T: Copy>(&mut self, choices: &[T]) -> T {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        choices[((self.0 >> 33) % choices.len() as u64) as usize]
    }

    /// The losses, each with each kind of what it is compared with.
    fn losses(&mut self) -> [(SoftmaxLossKind, AgainstKind); 5] {
        let mut element = || self.next(&Element::ALL);
        [
            (SoftmaxLossKind::Focal, AgainstKind::Class),
            (SoftmaxLossKind::Focal, AgainstKind::SmoothedClass),
            (SoftmaxLossKind::Focal, AgainstKind::Probability(element())),
            (SoftmaxLossKind::KlDivergence, AgainstKind::Teacher(element())),
            (SoftmaxLossKind::JensenShannon, AgainstKind::Teacher(element())),
        ]
    }

    fn gradient(&mut self) -> Option<GradientVariant> {
        let either = [false, true];
        let place = self.next(&PLACES);
        let upstream = self.next(&[UpstreamKind::Scalar, UpstreamKind::Buffer]);
        let (divides, divides_by_size) = self.next(&DIVISORS);
        // Three of four have a gradient.
        let is_forward = self.next(&either) && self.next(&either);
        (!is_forward).then_some(GradientVariant { place, upstream, divides, divides_by_size })
    }

    fn variant(
        &mut self,
        choice: Choice,
        access: Access,
        (loss, against): (SoftmaxLossKind, AgainstKind),
    ) -> SoftmaxLossVariant {
        let either = [false, true];
        SoftmaxLossVariant {
            loss,
            against,
            class_weights: !against.is_teacher() && self.next(&either),
            row_weights: self.next(&either),
            masked: self.next(&either),
            held: choice.family != Family::Streamed,
            team: choice.team,
            geometry: choice.geometry,
            access,
            element: match access {
                Access::Interleaved => Element::F32,
                _ => self.next(&Element::ALL),
            },
            gradient: self.gradient(),
        }
    }
}

/// Kernels of relatives of cross-entropy on such a device.
pub(super) fn softmax_loss_variants(
    capabilities: &Capabilities,
    tuning: &Tuning,
) -> impl Iterator<Item = Variant> {
    let packed = [Access::Vector, Access::Scalar, Access::Interleaved];
    let mut list = Vec::new();
    for (entries, accesses) in
        [(&tuning.entries, &packed[..]), (&tuning.strided, &[Access::Strided])]
    {
        let choices = entries.iter().filter_map(|entry| fit(capabilities, entry));
        let whole: Vec<_> = choices.filter(|choice| !choice.split && !choice.tile).collect();
        for choice in &whole {
            for &access in accesses {
                if access == Access::Interleaved && choice.geometry.lanes == 1 {
                    continue;
                }
                let mut turns = Turns::of(choice, access);
                let losses = turns.losses();
                list.extend(losses.map(|loss| turns.variant(*choice, access, loss)));
            }
        }
        // Every place of the gradient with every loss and element type.
        let Some(choice) = whole.first() else { continue };
        let mut turns = Turns::of(choice, accesses[0]);
        for place in PLACES {
            for element in Element::ALL {
                for loss in turns.losses() {
                    let variant = turns.variant(*choice, accesses[0], loss);
                    let gradient = turns.gradient().unwrap_or(GradientVariant {
                        place,
                        upstream: UpstreamKind::Scalar,
                        divides: true,
                        divides_by_size: false,
                    });
                    let gradient = Some(GradientVariant { place, ..gradient });
                    list.push(SoftmaxLossVariant { element, gradient, ..variant });
                }
            }
        }
    }
    list.into_iter().map(Variant::SoftmaxLoss)
}
