// Numbers that may leave the range of f32: sums that do so on their way, where what they end in is
// back in it.

// value * 2^exponent, with an exponent that is a multiple of 4: 0 unless the number left the range.
struct Wide {
    value: Exact,
    exponent: i32,
}

const WIDE_ZERO: Wide = Wide(Exact(0.0, 0.0), 0);

// Of 0, which is below every other number.
const LEAST_EXPONENT: i32 = -0x10000;

fn wide_of(x: f32) -> Wide {
    return Wide(Exact(x, 0.0), 0);
}

// The same number with a magnitude from 1 to 16.
fn wide_normal(a: Wide) -> Wide {
    if a.value.high == 0.0 { return Wide(Exact(0.0, 0.0), LEAST_EXPONENT); }
    // Subnormals have no exponent to take apart.
    let lift = select(0, 64, abs(a.value.high) < 0x1p-60f);
    let high = a.value.high * power_of_two(lift);
    let of_high = (bitcast<i32>((bitcast<u32>(high) >> 23u) & 0xffu) - 127) & -4;
    let scale = power_of_two(-of_high);
    let low = a.value.low * power_of_two(lift);
    return Wide(Exact(opaque(high * scale), opaque(low * scale)), a.exponent + of_high - lift);
}

// The value relative to 2^exponent, which is not below the number's own.
fn wide_at(a: Wide, exponent: i32) -> Exact {
    let scale = power_of_two(max(a.exponent - exponent, -126));
    return Exact(opaque(a.value.high * scale), opaque(a.value.low * scale));
}

// Without overflow, and as `exact_sum` where there is none.
fn wide_sum(a: Wide, b: Wide) -> Wide {
    var x = a.value;
    var y = b.value;
    var exponent = 0;
    if (a.exponent | b.exponent) != 0 || max(abs(x.high), abs(y.high)) >= 0x1p+126f {
        let normal_a = wide_normal(a);
        let normal_b = wide_normal(b);
        exponent = max(normal_a.exponent, normal_b.exponent);
        x = wide_at(normal_a, exponent);
        y = wide_at(normal_b, exponent);
    }
    let sum = exact_sum(x, y);
    return Wide(sum, select(exponent, 0, sum.high == 0.0));
}

// Neither overflows nor loses digits below the range, and is `exact_product` where nothing of that
// threatens.
fn wide_product(a: Wide, b: Wide) -> Wide {
    var x = a;
    var y = b;
    let is_ordinary = (a.exponent | b.exponent) == 0 && is_moderate(a.value.high) && is_moderate(b.value.high);
    if !is_ordinary {
        x = wide_normal(a);
        y = wide_normal(b);
    }
    let product = exact_product(x.value, y.value);
    return Wide(product, select(x.exponent + y.exponent, 0, product.high == 0.0));
}

fn is_moderate(x: f32) -> bool {
    return x == 0.0 || (abs(x) >= 0x1p-45f && abs(x) <= 0x1p+60f);
}

// The nearest f32, times a power of two. Not by 0.
fn wide_quotient(a: Wide, b: Wide) -> Wide {
    var x = a;
    var y = b;
    let is_ordinary = (a.exponent | b.exponent) == 0 && is_moderate(a.value.high) && is_moderate(b.value.high);
    if !is_ordinary {
        x = wide_normal(a);
        y = wide_normal(b);
    }
    let quotient = exact_quotient(x.value, y.value);
    return Wide(Exact(quotient, 0.0), select(x.exponent - y.exponent, 0, quotient == 0.0));
}

fn wide_negative(a: Wide) -> Wide {
    return Wide(Exact(-a.value.high, -a.value.low), a.exponent);
}

// The nearest f32, which may be infinite, as bits.
fn wide_bits(a: Wide) -> u32 {
    if a.exponent == 0 { return exact_bits(a.value); }
    return bitcast<u32>(times_power_of_two(a.value.high + a.value.low, a.exponent));
}

fn exact_bits(value: Exact) -> u32 {
    let high = bitcast<u32>(value.high);
    // Beyond the range of f32 the other half is meaningless.
    if (high & 0x7fffffffu) >= 0x7f800000u { return high; }
    return bitcast<u32>(value.high + value.low);
}

// Where a term, or a product, is so large that many of them may leave the range.
fn is_large(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) >= 0x6f800000u; // 2^96
}

// Where a product is so small that its rounding is lost.
fn is_small(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) < 0x12800000u; // 2^-90
}

// Four sums of an Exact4, put together.
fn wide_total(sums: Exact4) -> Wide {
    let magnitudes = bitcast<vec4<u32>>(sums.high) & vec4<u32>(0x7fffffffu);
    let is_far = any(magnitudes >= vec4<u32>(0x7b000000u)); // 2^119
    let scale = select(1.0, 0x1p-32f, is_far);
    // A compiler might add first and multiply afterwards.
    let scaled = Exact4(opaque4(sums.high * scale), opaque4(sums.low * scale));
    return Wide(exact4_total(scaled), select(0, 32, is_far));
}

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
