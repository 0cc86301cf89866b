//! The cases' numbers: the same on every machine, from integer arithmetic alone.

/// Sebastiano Vigna's SplitMix64: a generator whose whole state is one number, so that any case can
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

    /// One of these, of which there are some.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Between -4 and 4, of all the digits that single precision has.
    pub(super) fn fine(&mut self) -> f32 {
        (self.below(1 << 24) as f32 - 8_388_608.0) / 2_097_152.0
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
