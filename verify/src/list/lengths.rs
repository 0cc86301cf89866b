//! The sizes that cases have.

/// Numbers of classes around every boundary of the kernels: vectors, subgroups, workgroups, the
/// longest row each family holds; and vocabularies.
pub(super) const CLASSES: [usize; 51] = [
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    9,
    15,
    16,
    17,
    31,
    32,
    33,
    63,
    64,
    65,
    100,
    127,
    128,
    129,
    255,
    256,
    257,
    511,
    512,
    513,
    1000,
    1023,
    1024,
    1025,
    2047,
    2048,
    2049,
    4095,
    4096,
    4097,
    8191,
    8192,
    8193,
    16383,
    16384,
    16385,
    32000,
    32767,
    32768,
    32769,
    50257,
    65536,
    128_256,
    1 << 20,
];

/// The longest row that [`Extent::Broad`](crate::Extent::Broad) meets.
pub(super) const BROAD_CLASSES: usize = 50257;

/// Numbers of rows around every boundary; 65535 is the most workgroups a dimension of a dispatch
/// may have.
pub(super) const ROWS: [usize; 20] =
    [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 255, 257, 1025, 65535, 65537];

/// How many rows of so many classes make a case of a few ten thousand elements.
pub(super) fn rows_for(classes: usize) -> usize {
    (32768 / classes).clamp(2, 37)
}

/// How many values are reduced: around every boundary of lanes, vectors, subgroups, workgroups and
/// tiles, around the most workgroups of a dispatch, and primes.
pub(super) const REDUCED: [usize; 33] = [
    1, 2, 3, 4, 5, 7, 31, 32, 33, 63, 64, 65, 101, 255, 256, 257, 997, 1023, 1024, 1025, 4095,
    4096, 4097, 7919, 8191, 8192, 8193, 65_535, 65_536, 65_537, 104_729, 262_147, 1_048_583,
];
