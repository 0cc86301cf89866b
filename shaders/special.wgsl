// IEEE arithmetic on bits, for operands that may be infinite or NaN: what compilers do with those is
// up to them.
const BITS_NAN: u32 = 0x7fc00000u;
const BITS_INFINITY: u32 = 0x7f800000u;

fn is_nan_bits(bits: u32) -> bool {
    return (bits & 0x7fffffffu) > BITS_INFINITY;
}

fn is_zero_bits(bits: u32) -> bool {
    return (bits & 0x7fffffffu) == 0u;
}

fn negative_bits(bits: u32) -> u32 {
    return bits ^ 0x80000000u;
}

fn multiply_bits(a: u32, b: u32) -> u32 {
    if is_finite_bits(a) && is_finite_bits(b) { return bitcast<u32>(bitcast<f32>(a) * bitcast<f32>(b)); }
    if is_nan_bits(a) || is_nan_bits(b) || is_zero_bits(a) || is_zero_bits(b) { return BITS_NAN; }
    return BITS_INFINITY | ((a ^ b) & 0x80000000u);
}

fn divide_bits(a: u32, b: u32) -> u32 {
    if is_nan_bits(a) || is_nan_bits(b) { return BITS_NAN; }
    let sign = (a ^ b) & 0x80000000u;
    if !is_finite_bits(b) { return select(BITS_NAN, sign, is_finite_bits(a)); }
    if is_zero_bits(b) { return select(BITS_INFINITY | sign, BITS_NAN, is_zero_bits(a)); }
    if !is_finite_bits(a) { return BITS_INFINITY | sign; }
    return bitcast<u32>(bitcast<f32>(a) / bitcast<f32>(b));
}

fn is_less_bits(a: u32, b: u32) -> bool {
    if is_nan_bits(a) || is_nan_bits(b) { return false; }
    // Bits of floats ascend as integers do, once negative ones are turned over.
    let signed_a = bitcast<i32>(a);
    let signed_b = bitcast<i32>(b);
    return select(signed_a, -(signed_a & 0x7fffffff), signed_a < 0) < select(signed_b, -(signed_b & 0x7fffffff), signed_b < 0);
}

fn exp_bits(x: u32) -> u32 {
    if is_finite_bits(x) { return bitcast<u32>(exp_of(bitcast<f32>(x))); }
    if is_nan_bits(x) { return BITS_NAN; }
    return select(x, 0u, x == 0xff800000u);
}

fn log_bits(x: u32) -> u32 {
    if is_zero_bits(x) { return 0xff800000u; }
    if is_nan_bits(x) || (x & 0x80000000u) != 0u { return BITS_NAN; }
    if x == BITS_INFINITY { return x; }
    return bitcast<u32>(log_of(bitcast<f32>(x)));
}

fn softplus_bits(x: u32) -> u32 {
    if is_finite_bits(x) { return bitcast<u32>(softplus(bitcast<f32>(x))); }
    if is_nan_bits(x) { return BITS_NAN; }
    return select(x, 0u, x == 0xff800000u);
}

fn sigmoid_bits(x: u32) -> u32 {
    if is_finite_bits(x) { return bitcast<u32>(sigmoids(bitcast<f32>(x)).x); }
    if is_nan_bits(x) { return BITS_NAN; }
    return select(BITS_ONE, 0u, x == 0xff800000u);
}
