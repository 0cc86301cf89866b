//! What the rows of a case hold.

use wgpu_loss::Element;
use wgpu_loss::half::{bf16, f16};

use super::random::SplitMix64;

/// What the rows of a case hold, before it is rounded to the element type. Where a content is about
/// single elements, every third row or so is left ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Content {
    /// Bell-shaped, -4 to 4.
    Normal,
    /// Bell-shaped, -256 to 256: most probabilities are 0 in single precision.
    Wide,
    /// Bell-shaped around this number, or around the largest power of two that `f16` holds.
    Offset(i32),
    /// Ordinary, with the row's target ahead of all others by this much.
    Lead(u8),
    /// The same of logits of all the digits there are, so that distances to the target's are rounded.
    FineLead(u8),
    /// The largest logit stands several times in a row; zeros of both signs among them.
    Ties,
    /// One value for a whole row.
    Constant,
    /// A third of a row is `-inf`, but for the target.
    Masked,
    /// A third of a row is `-inf`, and in some rows all but the target, or the target itself.
    MaskedTarget,
    /// A third of a row is -1e9, or the lowest `f16`: masked by those who fear infinities.
    FinitelyMasked,
    /// Rows of nothing but `-inf`.
    AllMasked,
    /// Rows with `+inf`, once or several times.
    Infinite,
    /// Rows with NaN of either sign, beside infinities in some.
    NotANumber,
    /// The largest and the lowest finite numbers of the type among ordinary ones.
    Extreme,
    /// Bell-shaped, as far as the type reaches.
    Huge,
    /// Nothing but `-inf` and the lowest finite number of the type.
    Lowest,
    /// Subnormal numbers of the type, of either sign, and zeros.
    Subnormal,
}

impl Content {
    /// Every content that suits every option: the distances of a [`FineLead`](Self::FineLead) are rounded
    /// where they are scaled.
    pub const ALL: [Self; 20] = [
        Self::Normal,
        Self::Wide,
        Self::Offset(10_000),
        Self::Offset(-10_000),
        Self::Offset(1 << 24),
        Self::Offset(-(1 << 24)),
        Self::Lead(17),
        Self::Lead(20),
        Self::Lead(80),
        Self::Ties,
        Self::Constant,
        Self::Masked,
        Self::MaskedTarget,
        Self::FinitelyMasked,
        Self::AllMasked,
        Self::Infinite,
        Self::NotANumber,
        Self::Extreme,
        Self::Lowest,
        Self::Subnormal,
    ];

    /// Whether products and sums of the logits, which weights and options make, may overflow single
    /// precision although the results do not: such cases are about log-sum-exp and loss alone.
    pub(super) fn overflows(self, element: Element) -> bool {
        matches!(self, Self::Extreme | Self::Lowest) && element != Element::F16
    }

    /// Fills one row of the type, whose target is the class `target`.
    pub(super) fn fill(
        self,
        random: &mut SplitMix64,
        row: &mut [f32],
        target: usize,
        element: Element,
    ) {
        let classes = row.len();
        row.iter_mut().for_each(|x| *x = random.bell());
        if classes == 0 {
            return;
        }
        let ordinary = random.one_in(3);
        let largest = largest(element);
        match self {
            Self::Normal => {}
            Self::Wide => row.iter_mut().for_each(|x| *x *= 64.0),
            Self::Offset(offset) => {
                let most = if element == Element::F16 { 32768.0 } else { f32::INFINITY };
                let offset = (offset as f32).clamp(-most, most);
                row.iter_mut().for_each(|x| *x += offset);
            }
            Self::Lead(lead) => put_ahead(row, target, lead),
            Self::FineLead(lead) => {
                row.iter_mut().for_each(|x| *x = random.fine());
                put_ahead(row, target, lead);
            }
            Self::Ties => {
                let largest = random.pick(&[0.0, 1.5, -2.0, 4.0]);
                row.iter_mut().for_each(|x| *x = x.min(largest));
                for _ in 0..2 + random.below(4) {
                    row[random.below(classes)] = largest;
                }
                for x in row.iter_mut().filter(|x| **x == 0.0) {
                    *x = if random.one_in(2) { 0.0 } else { -0.0 };
                }
            }
            Self::Constant => row.fill(random.bell() * 64.0),
            Self::Masked | Self::MaskedTarget => {
                let kept = row[target];
                let all = random.one_in(4);
                for x in row.iter_mut() {
                    if all || random.one_in(3) {
                        *x = f32::NEG_INFINITY;
                    }
                }
                row[target] = kept;
                if self == Self::MaskedTarget && !ordinary {
                    row[target] = f32::NEG_INFINITY;
                }
            }
            Self::FinitelyMasked => {
                for x in row.iter_mut() {
                    if random.one_in(3) {
                        *x = (-1e9f32).max(-largest);
                    }
                }
            }
            Self::AllMasked if !ordinary => row.fill(f32::NEG_INFINITY),
            Self::Infinite if !ordinary => {
                for _ in 0..1 + random.below(3) {
                    row[random.below(classes)] = f32::INFINITY;
                }
                if random.one_in(3) {
                    row[random.below(classes)] = f32::NEG_INFINITY;
                }
            }
            Self::NotANumber if !ordinary => {
                match random.below(4) {
                    0 => row.fill(f32::NEG_INFINITY),
                    1 => row[random.below(classes)] = f32::INFINITY,
                    _ => {}
                }
                for _ in 0..1 + random.below(3) {
                    row[random.below(classes)] = random.pick(&[f32::NAN, -f32::NAN]);
                }
            }
            Self::Extreme if !ordinary => {
                for x in row.iter_mut() {
                    *x = match random.below(4) {
                        0 => largest,
                        1 | 2 => -largest,
                        _ => *x,
                    };
                }
            }
            Self::Huge => row.iter_mut().for_each(|x| *x *= largest / 4.25),
            Self::Lowest => {
                for x in row.iter_mut() {
                    *x = random.pick(&[-largest, f32::NEG_INFINITY]);
                }
                row[random.below(classes)] = -largest;
            }
            Self::Subnormal => row.iter_mut().for_each(|x| *x = subnormal(random, element)),
            Self::AllMasked | Self::Infinite | Self::NotANumber | Self::Extreme => {}
        }
    }
}

/// Puts the target this much ahead of all others.
fn put_ahead(row: &mut [f32], target: usize, lead: u8) {
    row[target] = f32::NEG_INFINITY;
    let largest = row.iter().copied().fold(-4.0, f32::max);
    row[target] = largest + f32::from(lead);
}

/// The largest finite number of a type.
fn largest(element: Element) -> f32 {
    match element {
        Element::F32 => f32::MAX,
        Element::F16 => f16::MAX.into(),
        Element::Bf16 => bf16::MAX.into(),
    }
}

/// Zero or subnormal in the type, of either sign.
fn subnormal(random: &mut SplitMix64, element: Element) -> f32 {
    let bits = random.next();
    let magnitude = match element {
        Element::F32 => f32::from_bits((bits >> 41) as u32), // 23 bits: below 2^-126
        Element::F16 => f16::from_bits((bits >> 54) as u16).into(), // 10 bits: below 2^-14
        Element::Bf16 => bf16::from_bits((bits >> 57) as u16).into(), // 7 bits: below 2^-126
    };
    if bits & 1 == 0 { magnitude } else { -magnitude }
}
