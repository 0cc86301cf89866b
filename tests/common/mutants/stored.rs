//! Of how values are read and written.

use super::{Mutant, On};

pub const MUTANTS: &[Mutant] = &[
    Mutant::new(
        "read-beyond-row",
        "what is read in place of a row's missing classes counts as -inf",
        "element/load_scalar.wgsl",
        "select(bits, vec4<u32>(BITS_NEGATIVE_INFINITY), wanted > last)",
        "bits",
    ),
    Mutant::new(
        "f16-cut-off",
        "f16 is rounded to the nearest, not cut off",
        "element/f16.wgsl",
        "+ vec4<u32>(0xfffu) + odd) >>",
        ") >>",
    )
    .hint(&["cross-entropy", "3 x 4 f16 Normal"]),
    Mutant::new(
        "f16-loses-nan",
        "NaN stays NaN in f16",
        "element/f16.wgsl",
        "half = select(half, vec4<u32>(0x7e00u), magnitude > vec4<u32>(0x7f800000u));",
        "",
    )
    .hint(&["cross-entropy", "11 x 5 f16 NotANumber"]),
    Mutant::new(
        "f16-overflow",
        "what f16 does not hold becomes infinite",
        "element/f16.wgsl",
        "half = select(half, vec4<u32>(0x7c00u), magnitude >= vec4<u32>(0x477ff000u));",
        "",
    )
    .hint(&["SquaredError", "12 x 10 f16 Extreme"])
    .cheap(),
    Mutant::new(
        "f16-subnormal-written",
        "subnormal numbers of f16 are written",
        "element/f16.wgsl",
        "select(normal, subnormal, magnitude < vec4<u32>(0x38800000u))",
        "normal",
    )
    .hint(&["reduce Mean EachRow", "gradient f16"]),
    Mutant::new(
        "bf16-cut-off",
        "bf16 is rounded to the nearest, not cut off",
        "element/bf16.wgsl",
        " + vec4<u32>(0x7fffu) + odd",
        "",
    )
    .hint(&["cross-entropy", "bf16 Normal", "3 x 64 "]),
    Mutant::new(
        "f16-subnormal-read",
        "subnormal numbers of f16, and its zeros, are read",
        "element/f16.wgsl",
        "select(normal, subnormal, magnitude < vec2<u32>(0x400u))",
        "normal",
    )
    .hint(&["cross-entropy", "11 x 5 f16 Subnormal"]),
    Mutant::new(
        "f16-infinity-read",
        "infinities and NaN of f16 are read",
        "element/f16.wgsl",
        "vec2<u32>(0x70000000u)",
        "vec2<u32>(0x38000000u)",
    )
    .hint(&["cross-entropy", "11 x 5 f16 Infinite"]),
    Mutant::new(
        "half-overwrites-neighbour",
        "a half that is written leaves the other half of its word as it is",
        "element/store_half_scalar.wgsl",
        "atomicAnd(&operand[element / 2u], 0xffff0000u >> shift);",
        "atomicAnd(&operand[element / 2u], select(0u, 0xffff0000u >> shift, IS_STRIDED || IS_INTERLEAVED));",
    )
    .hint(&["cross-entropy", "11 x 5 f16 Subnormal"]),
    Mutant::new(
        "strided-half-overwrites-neighbour",
        "a half that is written apart leaves the other half of its word as it is",
        "element/store_half_scalar.wgsl",
        "atomicAnd(&operand[element / 2u], 0xffff0000u >> shift);",
        "atomicAnd(&operand[element / 2u], select(0xffff0000u >> shift, 0u, IS_STRIDED || IS_INTERLEAVED));",
    ),
    Mutant::new(
        "odd-start-not-shifted",
        "a gradient of halves that starts in the middle of a word is written from there",
        "element/store_half_scalar.wgsl",
        "if column > end {",
        "if false {",
    ),
    Mutant::new(
        "odd-tail-dropped",
        "the last half of four that start in the middle of a word is written",
        "element/store_half_scalar.wgsl",
        "if count > 3u { operand_store1(element + 3u, halves.w); }",
        "",
    )
    .hint(&["cross-entropy", "11 x 5 f16 Subnormal"])
    .cheap(),
    Mutant::new(
        "tile-tail-dropped",
        "the last of a tile's odd number of halves is written",
        "tile/empty_half.wgsl",
        "} else if element < count {",
        "} else if false {",
    )
    .on(On::Discrete),
];
