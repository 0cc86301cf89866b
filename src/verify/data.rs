//! What the cases are made of: the same numbers on every machine, from integer arithmetic alone.

use std::fmt;

/// Sebastiano Vigna's SplitMix64: a generator whose whole state is one number, so that any row can
/// start its own.
#[derive(Clone, Debug)]
pub(super) struct SplitMix64(pub(super) u64);

impl SplitMix64 {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        // The high half of a product: no more than 2^-32 from uniform for the sizes met here.
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Bell-shaped with standard deviation 1.16, from -4 to 4 in steps of 2^-11.
    ///
    /// On a grid so coarse that the difference of two logits is exact: the cases judge how a result
    /// is computed from the logits, not how much of them a subtraction rounds away.
    pub(super) fn bell(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        ((sum >> 4) as f32 - 8192.0) / 2048.0
    }
}

/// What the rows of a case hold. Where a content is about single elements, every third row or so is
/// left ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Content {
    /// Bell-shaped, -4 to 4.
    Normal,
    /// Bell-shaped, -256 to 256: most probabilities are 0 in single precision.
    Wide,
    /// Bell-shaped around this number.
    Offset(i32),
    /// Ordinary, with the row's target ahead of all others by this much.
    Lead(u8),
    /// The largest logit stands several times in a row; zeros of both signs among them.
    Ties,
    /// One value for a whole row.
    Constant,
    /// A third of a row is `-inf`, but for the target.
    Masked,
    /// A third of a row is `-inf`, and in some rows all but the target, or the target itself.
    MaskedTarget,
    /// Rows of nothing but `-inf`.
    AllMasked,
    /// Rows with `+inf`, once or several times.
    Infinite,
    /// Rows with NaN of either sign, beside infinities in some.
    NotANumber,
    /// The largest and the lowest finite numbers among ordinary ones.
    Extreme,
    /// Nothing but `-inf` and the lowest finite number.
    Lowest,
    /// Subnormal numbers of either sign, and zeros.
    Subnormal,
}

impl Content {
    /// Every content.
    pub const ALL: [Self; 19] = [
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
        Self::AllMasked,
        Self::Infinite,
        Self::NotANumber,
        Self::Extreme,
        Self::Lowest,
        Self::Subnormal,
    ];

    /// Fills one row whose target is the class `target`.
    pub(super) fn fill(self, random: &mut SplitMix64, row: &mut [f32], target: usize) {
        let classes = row.len();
        row.iter_mut().for_each(|x| *x = random.bell());
        if classes == 0 {
            return;
        }
        let ordinary = random.one_in(3);
        match self {
            Self::Normal => {}
            Self::Wide => row.iter_mut().for_each(|x| *x *= 64.0),
            Self::Offset(offset) => row.iter_mut().for_each(|x| *x += offset as f32),
            Self::Lead(lead) => {
                row[target] = f32::NEG_INFINITY;
                let largest = row.iter().copied().fold(-4.0, f32::max);
                row[target] = largest + f32::from(lead);
            }
            Self::Ties => {
                let largest = [0.0, 1.5, -2.0, 4.0][random.below(4)];
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
                    row[random.below(classes)] =
                        if random.one_in(2) { f32::NAN } else { -f32::NAN };
                }
            }
            Self::Extreme if !ordinary => {
                for x in row.iter_mut() {
                    *x = match random.below(4) {
                        0 => f32::MAX,
                        1 | 2 => f32::MIN,
                        _ => *x,
                    };
                }
            }
            Self::Lowest => {
                for x in row.iter_mut() {
                    *x = if random.one_in(2) { f32::MIN } else { f32::NEG_INFINITY };
                }
                row[random.below(classes)] = f32::MIN;
            }
            Self::Subnormal => {
                for x in row.iter_mut() {
                    let magnitude = (random.next() >> 41) as u32; // 23 bits: below 2^-126
                    let sign = (random.next() >> 63) as u32;
                    *x = f32::from_bits(magnitude | sign << 31);
                }
            }
            Self::AllMasked | Self::Infinite | Self::NotANumber | Self::Extreme => {}
        }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Which class each row is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Targets {
    /// Any class, and nothing is ignored.
    Random,
    /// Any class; a third of the rows is ignored through -100.
    SomeIgnored,
    /// Any class, of which the first is ignored.
    FirstClassIgnored,
    /// Every row is ignored.
    AllIgnored,
}

impl Targets {
    /// The ignore index that belongs to them.
    pub fn ignore_index(self) -> Option<i32> {
        match self {
            Self::Random => None,
            Self::SomeIgnored | Self::AllIgnored => Some(-100),
            Self::FirstClassIgnored => Some(0),
        }
    }

    /// A row's target, and the class its content is arranged around.
    pub(super) fn of_row(self, random: &mut SplitMix64, classes: usize) -> (i32, usize) {
        let class = match self {
            // Often enough to be seen among many classes too.
            Self::FirstClassIgnored if random.one_in(4) => 0,
            _ => random.below(classes.max(1)),
        };
        let ignored = match self {
            Self::Random | Self::FirstClassIgnored => false,
            Self::SomeIgnored => random.one_in(3),
            Self::AllIgnored => true,
        };
        (if ignored { -100 } else { i32::try_from(class).unwrap_or(i32::MAX) }, class)
    }
}

/// The upstream gradient, where a gradient is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Factor {
    /// No gradient.
    None,
    /// One factor for every row.
    Scalar(f32),
    /// A factor of its own for every row, zeros and negative ones among them.
    PerRow,
}

impl Factor {
    pub(super) fn values(self, random: &mut SplitMix64, rows: usize) -> Vec<f32> {
        match self {
            Self::PerRow => {
                (0..rows).map(|row| if row % 5 == 4 { 0.0 } else { random.bell() }).collect()
            }
            Self::None | Self::Scalar(_) => Vec::new(),
        }
    }
}
