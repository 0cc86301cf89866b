// A block: VECTORS vectors of four neighbouring logits for each of the row's LANES lanes. Vector k
// of a lane starts at column first + 4 (k LANES + lane), so that the lanes read side by side.

const BLOCK_COLUMNS: u32 = 4u * VECTORS * LANES;

// What a lane learns of its vectors while it loads them. NaN and +inf are told by their bits.
struct Seen {
    maximum: vec4<f32>,
    largest_signed: vec4<i32>,   // 0x7f800000 is +inf, above it NaN
    largest_unsigned: vec4<u32>, // above 0xff800000 NaN with the sign set
}

fn block_column(k: u32, lane: u32) -> u32 {
    return 4u * (k * LANES + lane);
}

// The lane that holds a column of any block.
fn block_owner(column: u32) -> u32 {
    return (column / 4u) % LANES;
}

fn block_load(block: ptr<function, array<vec4<f32>, VECTORS>>, start: u32, first: u32, lane: u32, end: u32) -> Seen {
    var seen = Seen(
        vec4<f32>(LOWEST),
        vec4<i32>(i32(-0x80000000)),
        vec4<u32>(0u),
    );
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, lane);
        var bits = vec4<u32>(BITS_NEGATIVE_INFINITY);
        if column < end {
            bits = load4(start, column, end);
        }
        let x = bitcast<vec4<f32>>(bits);
        (*block)[k] = x;
        seen.maximum = max(seen.maximum, x);
        seen.largest_signed = max(seen.largest_signed, bitcast<vec4<i32>>(bits));
        seen.largest_unsigned = max(seen.largest_unsigned, bits);
    }
    return seen;
}

fn seen_maximum(seen: Seen) -> f32 {
    let maximum = max(max(seen.maximum.x, seen.maximum.y), max(seen.maximum.z, seen.maximum.w));
    // A compiler that assumes finite numbers may have dropped the floor at LOWEST.
    return select(maximum, LOWEST, bitcast<u32>(maximum) == BITS_NEGATIVE_INFINITY);
}

// R_NAN, R_INFINITE, or 0 where neither was seen.
fn seen_special(seen: Seen) -> f32 {
    let signed = max(max(seen.largest_signed.x, seen.largest_signed.y), max(seen.largest_signed.z, seen.largest_signed.w));
    let unsigned = max(max(seen.largest_unsigned.x, seen.largest_unsigned.y), max(seen.largest_unsigned.z, seen.largest_unsigned.w));
    let special = select(0.0, R_INFINITE, signed == i32(BITS_INFINITY));
    return select(special, R_NAN, signed > i32(BITS_INFINITY) || unsigned > BITS_NEGATIVE_INFINITY);
}

// Replaces the block by its exponentials relative to the maximum of `state` and the block, and
// returns the state that has seen both.
fn block_exponentials(
    block: ptr<function, array<vec4<f32>, VECTORS>>,
    seen: Seen,
    state: vec2<f32>,
) -> vec2<f32> {
    let maximum = max(state.x, seen_maximum(seen));
    var all = vec4<f32>(0.0);
    var below = vec4<f32>(0.0);
    for (var k = 0u; k < VECTORS; k++) {
        let e = exp_nonpositive((*block)[k] - maximum);
        (*block)[k] = e;
        all += e;
        below += select(e, vec4<f32>(0.0), e == vec4<f32>(1.0));
    }
    // Elements equal to the maximum are counted, not summed: one of them is left out of r, and the
    // rest of r must not have been rounded to its size.
    let sum_below = (below.x + below.y) + (below.z + below.w);
    let at_maximum = round((all.x + all.y) + (all.z + all.w) - sum_below);
    let rescale = exp_difference_scalar(state.x, maximum);
    let r = fma(state.y, rescale, sum_below) + ((at_maximum - 1.0) + rescale);
    let special = min(state.y, seen_special(seen));
    return vec2<f32>(maximum, select(r, special, special < -1.5));
}

// Whether the rounding of x - m would show in the r of a lane that has seen all its columns: where
// all but the maximum lie 20 and more below it. Then the lane reads them again, from the cache, and
// takes `block_sum_below`. Rare; a gradient needs no such care.
fn needs_refinement(state: vec2<f32>) -> bool {
    return state.y > 0.0 && state.y < 1e-9;
}

// The sum of the lane's exponentials but those at the maximum, from the logits again, without the
// rounding of x - maximum.
fn block_sum_below(start: u32, first: u32, lane: u32, end: u32, maximum: f32) -> f32 {
    var sum = vec4<f32>(0.0);
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, lane);
        if column < end {
            let x = bitcast<vec4<f32>>(load4(start, column, end));
            let e = exp_difference(x, vec4<f32>(maximum));
            sum += select(e, vec4<f32>(0.0), x - maximum > vec4<f32>(-1.0));
        }
    }
    return (sum.x + sum.y) + (sum.z + sum.w);
}
