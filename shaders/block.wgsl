// A block: VECTORS vectors of four logits for each of the row's LANES lanes. The lanes' vectors k fill
// the columns from first + 4 k LANES on; which of them are whose is told by a module of columns/.

alias Block = array<vec4<f32>, VECTORS>;

const BLOCK_COLUMNS: u32 = 4u * VECTORS * LANES;

// What a lane learns of its vectors while it loads them. NaN and +inf are told by their bits.
struct Seen {
    maximum: vec4<f32>,
    largest_signed: vec4<i32>,   // 0x7f800000 is +inf, above it NaN
    largest_unsigned: vec4<u32>, // above 0xff800000 NaN with the sign set
}

fn logits_start(row: u32) -> u32 {
    return part_start(row_start(parameters.logits_offset, parameters.logits_stride, row));
}

fn block_column(k: u32, lane: u32) -> u32 {
    return 4u * (k * LANES) + lane_column(lane);
}

// The block holds the logits as they enter the softmax; with KEEPS_STORED, as they are stored.
fn block_load(block: ptr<function, Block>, start: u32, first: u32, lane: u32, end: u32) -> Seen {
    var seen = Seen(
        vec4<f32>(LOWEST),
        vec4<i32>(i32(-0x80000000)),
        vec4<u32>(0u),
    );
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, lane);
        var stored = vec4<u32>(BITS_NEGATIVE_INFINITY);
        if column < end {
            stored = logits_load4(start, column, end);
            let order = ranked(stored, column, end);
            argmax_see(order, column);
            target_rank_see(order, column);
        }
        let bits = transformed(stored, column, end);
        let x = bitcast<vec4<f32>>(bits);
        (*block)[k] = x;
        if KEEPS_STORED {
            (*block)[k] = bitcast<vec4<f32>>(stored);
        }
        seen.maximum = max(seen.maximum, x);
        seen.largest_signed = max(seen.largest_signed, bitcast<vec4<i32>>(bits));
        seen.largest_unsigned = max(seen.largest_unsigned, bits);
    }
    return seen;
}

// A vector of a block as it enters the softmax.
fn block_logits(block: ptr<function, Block>, k: u32, column: u32, end: u32) -> vec4<f32> {
    if KEEPS_STORED {
        return bitcast<vec4<f32>>(transformed(bitcast<vec4<u32>>((*block)[k]), column, end));
    }
    return (*block)[k];
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

// Replaces the block by its exponentials relative to the maximum of `state` and the block (but for
// KEEPS_STORED), and returns the state that has seen both.
fn block_exponentials(
    place: Place,
    block: ptr<function, Block>,
    seen: Seen,
    state: vec2<f32>,
    first: u32,
    end: u32,
) -> vec2<f32> {
    let maximum = max(state.x, seen_maximum(seen));
    var all = vec4<f32>(0.0);
    var below = vec4<f32>(0.0);
    var moment = vec4<f32>(0.0);
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, place.lane);
        let distance = block_logits(block, k, column, end) - maximum;
        let e = exp_nonpositive(distance);
        if !KEEPS_STORED {
            (*block)[k] = e;
        }
        moment += moment_of(place, e, all, distance, column, end);
        all += e;
        below += select(e, vec4<f32>(0.0), e == vec4<f32>(1.0));
    }
    moment_add(moment, state, maximum);
    // Elements equal to the maximum are counted, not summed: one of them is left out of r, and the
    // rest of r must not have been rounded to its size.
    let sum_below = (below.x + below.y) + (below.z + below.w);
    let at_maximum = round((all.x + all.y) + (all.z + all.w) - sum_below);
    let rescale = exp_difference_scalar(state.x, maximum);
    let r = fma(state.y, rescale, sum_below) + ((at_maximum - 1.0) + rescale);
    let special = min(state.y, seen_special(seen));
    return vec2<f32>(maximum, select(r, special, special < -1.5));
}

// The state of a lane that has seen all its columns, without the rounding of x - m where that would
// show: where all but the maximum lie 20 and more below it. The lane reads them again, from the
// cache; a gradient needs no such care. Rare: the loops are written so that no driver unrolls them,
// and one that runs both sides of a branch runs them once.
fn lane_refined(state: vec2<f32>, start: u32, lane: u32, end: u32) -> vec2<f32> {
    const STEP = 4u * LANES;
    const PART = 64u * STEP; // a sum of short sums, as for the blocks
    var r = state.y;
    if r > 0.0 && r < 1e-9 {
        var sum = vec4<f32>(0.0);
        var moment = vec4<f32>(0.0);
        for (var part = lane_column(lane); part < end; part += PART) {
            var partial = vec4<f32>(0.0);
            for (var column = part; column < min(part + PART, end); column += STEP) {
                let x = bitcast<vec4<f32>>(transformed(logits_load4(start, column, end), column, end));
                let e = exp_difference(x, vec4<f32>(state.x));
                partial += select(e, vec4<f32>(0.0), x - state.x > vec4<f32>(-1.0));
                moment += moment_refined_of(e, x - state.x);
            }
            sum += partial;
        }
        r = (sum.x + sum.y) + (sum.z + sum.w);
        moment_refine(moment);
    }
    return vec2<f32>(state.x, r);
}
