// Sums and products with the rounding error of each operation kept beside its result (Knuth's
// two-sum, Dekker's splitting), so that the error of a sum does not grow with its terms.

// A value as the sum of two: the nearest f32, and what that leaves.
struct Exact {
    high: f32,
    low: f32,
}

// The same value. No compiler knows that `zero` is 0, so none can simplify (a + b) - a to b.
fn opaque(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) ^ parameters.zero);
}

fn opaque4(x: vec4<f32>) -> vec4<f32> {
    return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) ^ vec4<u32>(parameters.zero));
}

fn two_sum(a: f32, b: f32) -> Exact {
    let sum = opaque(a + b);
    let of_b = opaque(sum - a);
    return Exact(sum, (a - (sum - of_b)) + (b - of_b));
}

// For |a| >= |b|, or a = 0.
fn quick_two_sum(a: f32, b: f32) -> Exact {
    let sum = opaque(a + b);
    return Exact(sum, b - (sum - a));
}

fn upper_half(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

fn two_product(a: f32, b: f32) -> Exact {
    let product = opaque(a * b);
    let a_upper = upper_half(a);
    let b_upper = upper_half(b);
    let a_lower = a - a_upper;
    let b_lower = b - b_upper;
    let error = ((a_upper * b_upper - product) + a_upper * b_lower + a_lower * b_upper) + a_lower * b_lower;
    return Exact(product, error);
}

fn exact_sum(a: Exact, b: Exact) -> Exact {
    let sum = two_sum(a.high, b.high);
    // A sum too large for f32 is infinite, and nothing is left of it.
    let is_infinite = (bitcast<u32>(sum.high) & 0x7fffffffu) >= 0x7f800000u;
    return quick_two_sum(sum.high, select(sum.low + (a.low + b.low), 0.0, is_infinite));
}

fn exact_product(a: Exact, b: Exact) -> Exact {
    let product = two_product(a.high, b.high);
    return quick_two_sum(product.high, product.low + (a.high * b.low + a.low * b.high));
}

// The nearest f32, but for one rounding more. Not of 0 and not by 0.
fn exact_quotient(a: Exact, b: Exact) -> f32 {
    let quotient = a.high / b.high;
    let rest = exact_sum(a, exact_product(b, Exact(-quotient, 0.0)));
    let refined = quotient + rest.high / b.high;
    // Beyond the range of f32 there is nothing to refine.
    let is_ordinary = abs(quotient) > 1e-30 && abs(quotient) < 1e30 && abs(b.high) > 1e-30 && abs(b.high) < 1e30;
    return select(quotient, refined, is_ordinary);
}

// A whole number.
fn exact_count(count: u32) -> Exact {
    return quick_two_sum(f32(count & 0xffff0000u), f32(count & 0xffffu));
}

// Four sums side by side.
struct Exact4 {
    high: vec4<f32>,
    low: vec4<f32>,
}

// Adds four terms, one to each sum.
fn exact4_add(sums: ptr<function, Exact4>, terms: vec4<f32>) {
    let high = (*sums).high;
    let sum = opaque4(high + terms);
    let of_terms = opaque4(sum - high);
    (*sums).low += (high - (sum - of_terms)) + (terms - of_terms);
    (*sums).high = sum;
}

// The same with products, whose rounding is kept too where the device's fma is one.
fn exact4_add_products(sums: ptr<function, Exact4>, a: vec4<f32>, b: vec4<f32>) {
    let products = opaque4(a * b);
    let errors = fma(a, b, -products);
    exact4_add(sums, products);
    (*sums).low += errors;
}

// Four products, with what each of them loses.
fn exact4_product(a: vec4<f32>, b: vec4<f32>) -> Exact4 {
    let products = opaque4(a * b);
    let a_upper = bitcast<vec4<f32>>(bitcast<vec4<u32>>(a) & vec4<u32>(0xfffff000u));
    let b_upper = bitcast<vec4<f32>>(bitcast<vec4<u32>>(b) & vec4<u32>(0xfffff000u));
    let a_lower = a - a_upper;
    let b_lower = b - b_upper;
    let errors = ((a_upper * b_upper - products) + a_upper * b_lower + a_lower * b_upper) + a_lower * b_lower;
    return Exact4(products, errors);
}

// Adds four terms of which each is the sum of two.
fn exact4_add_whole(sums: ptr<function, Exact4>, terms: Exact4) {
    exact4_add(sums, terms.high);
    (*sums).low += terms.low;
}

// Adds four products that lose nothing on any device.
fn exact4_add_whole_products(sums: ptr<function, Exact4>, a: vec4<f32>, b: vec4<f32>) {
    exact4_add_whole(sums, exact4_product(a, b));
}

fn exact4_total(sums: Exact4) -> Exact {
    let left = exact_sum(Exact(sums.high.x, sums.low.x), Exact(sums.high.y, sums.low.y));
    let right = exact_sum(Exact(sums.high.z, sums.low.z), Exact(sums.high.w, sums.low.w));
    return exact_sum(left, right);
}

// Whether products are so small beside their weights that their mean may have lost digits.
fn exact4_is_lost(products: Exact4, weights: Exact4) -> bool {
    let of_weights = abs(weights.high);
    let is_weighing = of_weights.x + of_weights.y + of_weights.z + of_weights.w > 0.0;
    return all(abs(products.high) < vec4<f32>(0x1p-90f)) && all(of_weights < vec4<f32>(1.0)) && is_weighing;
}

// Whether any of the sums met an infinity or NaN, or is too large for f32.
fn exact4_is_unusual(sums: Exact4) -> bool {
    let magnitudes = bitcast<vec4<u32>>(sums.high) & vec4<u32>(0x7fffffffu);
    return any(magnitudes >= vec4<u32>(0x7f800000u));
}
