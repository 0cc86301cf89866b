// A sum whose terms may be infinite or NaN: the finite ones, and which of the others were met.
struct Sum {
    finite: Exact,
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

fn sum_add(sum: ptr<function, Sum>, bits: u32) {
    let met = met_by(bits);
    (*sum).met |= met;
    (*sum).finite = exact_sum((*sum).finite, Exact(select(bitcast<f32>(bits), 0.0, met != 0u), 0.0));
}

fn sum_merge(a: Sum, b: Sum) -> Sum {
    return Sum(exact_sum(a.finite, b.finite), a.met | b.met);
}

fn met_bits(met: u32) -> u32 {
    if met == MET_POSITIVE { return 0x7f800000u; }
    if met == MET_NEGATIVE { return 0xff800000u; }
    return 0x7fc00000u;
}

fn exact_bits(value: Exact) -> u32 {
    let high = bitcast<u32>(value.high);
    // Beyond the range of f32 the other half is meaningless.
    if (high & 0x7fffffffu) >= 0x7f800000u { return high; }
    return bitcast<u32>(value.high + value.low);
}

fn sum_bits(sum: Sum) -> u32 {
    if sum.met != 0u { return met_bits(sum.met); }
    return exact_bits(sum.finite);
}

// Divided by another sum; NaN where that is 0, but 0 where both are and `masked`.
fn sum_quotient_bits(sum: Sum, divisor: Sum, masked: bool) -> u32 {
    if ((sum.met | divisor.met) & MET_NAN) != 0u { return 0x7fc00000u; }
    if divisor.met != 0u {
        // Finite by infinite.
        return select(0x7fc00000u, 0u, sum.met == 0u && divisor.met != (MET_POSITIVE | MET_NEGATIVE));
    }
    if divisor.finite.high == 0.0 {
        return select(0x7fc00000u, 0u, masked && sum.met == 0u && sum.finite.high == 0.0);
    }
    if sum.met != 0u {
        let bits = met_bits(sum.met);
        let flipped = select(bits, bits ^ 0x80000000u, divisor.finite.high < 0.0);
        return select(flipped, bits, bits == 0x7fc00000u);
    }
    return bitcast<u32>(exact_quotient(sum.finite, divisor.finite));
}
