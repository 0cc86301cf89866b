// A sum whose terms may be infinite or NaN: the finite ones, and which of the others were met.
struct Sum {
    finite: Wide,
    met: u32, // MET_POSITIVE, MET_NEGATIVE, MET_NAN
}

const MET_POSITIVE: u32 = 1u;
const MET_NEGATIVE: u32 = 2u;
const MET_NAN: u32 = 4u;

// What a term is: 0 where it is finite.
fn met_by(bits: u32) -> u32 {
    let magnitude = bits & 0x7fffffffu;
    if magnitude < 0x7f800000u { return 0u; }
    if magnitude > 0x7f800000u { return MET_NAN; }
    return select(MET_NEGATIVE, MET_POSITIVE, bits == 0x7f800000u);
}

// A sum as an f32 times 2^exponent: 0 where that is in the range of f32.
struct RoundedSum {
    bits: u32,
    exponent: i32,
}

fn sum_add(sum: ptr<function, Sum>, bits: u32) {
    sum_add_rounded(sum, RoundedSum(bits, 0));
}

fn sum_add_rounded(sum: ptr<function, Sum>, term: RoundedSum) {
    let met = met_by(term.bits);
    (*sum).met |= met;
    let finite = Wide(Exact(select(bitcast<f32>(term.bits), 0.0, met != 0u), 0.0), term.exponent);
    (*sum).finite = wide_sum((*sum).finite, finite);
}

fn sum_merge(a: Sum, b: Sum) -> Sum {
    return Sum(wide_sum(a.finite, b.finite), a.met | b.met);
}

fn met_bits(met: u32) -> u32 {
    if met == MET_POSITIVE { return 0x7f800000u; }
    if met == MET_NEGATIVE { return 0xff800000u; }
    return 0x7fc00000u;
}

fn sum_bits(sum: Sum) -> u32 {
    if sum.met != 0u { return met_bits(sum.met); }
    return wide_bits(sum.finite);
}

// The same of its 2^-64th part.
fn sum_part_bits(sum: Sum) -> u32 {
    if sum.met != 0u { return met_bits(sum.met); }
    let finite = sum.finite;
    return bitcast<u32>(times_power_of_two(finite.value.high + finite.value.low, finite.exponent - 64));
}

fn sum_rounded(sum: Sum) -> RoundedSum {
    let bits = sum_bits(sum);
    let is_far = sum.met == 0u && sum.finite.exponent != 0 && met_by(bits) != 0u;
    if !is_far { return RoundedSum(bits, 0); }
    return RoundedSum(bitcast<u32>(sum.finite.value.high + sum.finite.value.low), sum.finite.exponent);
}

// Divided by another sum; NaN where that is 0, but 0 where both are and `masked`.
fn sum_quotient_bits(sum: Sum, divisor: Sum, masked: bool) -> u32 {
    if ((sum.met | divisor.met) & MET_NAN) != 0u { return 0x7fc00000u; }
    if divisor.met != 0u {
        // Finite by infinite.
        return select(0x7fc00000u, 0u, sum.met == 0u && divisor.met != (MET_POSITIVE | MET_NEGATIVE));
    }
    if divisor.finite.value.high == 0.0 {
        return select(0x7fc00000u, 0u, masked && sum.met == 0u && sum.finite.value.high == 0.0);
    }
    if sum.met != 0u {
        let bits = met_bits(sum.met);
        let flipped = select(bits, bits ^ 0x80000000u, divisor.finite.value.high < 0.0);
        return select(flipped, bits, bits == 0x7fc00000u);
    }
    return wide_bits(wide_quotient(sum.finite, divisor.finite));
}
