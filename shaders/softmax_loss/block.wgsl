// A block: VECTORS vectors of four logits for each of the row's LANES lanes, as they are stored.

alias Block = array<vec4<f32>, VECTORS>;

const BLOCK_COLUMNS: u32 = 4u * VECTORS * LANES;

// Blocks whose sum is taken by itself before it joins the row's: the error of a long sum grows with
// the number of its terms.
const BLOCKS_OF_PART: u32 = 16u;

fn logits_start(row: u32) -> u32 {
    return part_start(row_start(parameters.logits_offset, parameters.logits_stride, row));
}

fn block_column(k: u32, lane: u32) -> u32 {
    return 4u * (k * LANES) + lane_column(lane);
}

fn block_count(row: Row) -> u32 {
    if HELD { return 1u; }
    return (row.end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
}

// `state` after the block. NaN and +inf are told by their bits.
fn block_state(block: ptr<function, Block>, state: vec2<f32>) -> vec2<f32> {
    var greatest = vec4<f32>(LOWEST);
    var largest_signed = vec4<i32>(i32(-0x80000000));
    var largest_unsigned = vec4<u32>(0u);
    for (var k = 0u; k < VECTORS; k++) {
        let bits = bitcast<vec4<u32>>((*block)[k]);
        greatest = max(greatest, (*block)[k]);
        largest_signed = max(largest_signed, bitcast<vec4<i32>>(bits));
        largest_unsigned = max(largest_unsigned, bits);
    }
    let of_block = max(max(greatest.x, greatest.y), max(greatest.z, greatest.w));
    // A compiler that assumes finite numbers may have dropped the floor at LOWEST.
    let maximum = max(state.x, select(of_block, LOWEST, bitcast<u32>(of_block) == BITS_NEGATIVE_INFINITY));
    var all = vec4<f32>(0.0);
    var below = vec4<f32>(0.0);
    for (var k = 0u; k < VECTORS; k++) {
        let e = exp_nonpositive(((*block)[k] - maximum) * parameters.logit_scale);
        all += e;
        below += select(e, vec4<f32>(0.0), e == vec4<f32>(1.0));
    }
    // Elements equal to the maximum are counted, not summed, so that r is not rounded to their size.
    let sum_below = (below.x + below.y) + (below.z + below.w);
    let at_maximum = round((all.x + all.y) + (all.z + all.w) - sum_below);
    let rescale = exp_apart(state.x, maximum);
    let r = fma(state.y, rescale, sum_below) + ((at_maximum - 1.0) + rescale);
    let signed = max(max(largest_signed.x, largest_signed.y), max(largest_signed.z, largest_signed.w));
    let unsigned = max(max(largest_unsigned.x, largest_unsigned.y), max(largest_unsigned.z, largest_unsigned.w));
    let infinite = select(0.0, R_INFINITE, signed == i32(BITS_INFINITY));
    let seen = select(infinite, R_NAN, signed > i32(BITS_INFINITY) || unsigned > BITS_NEGATIVE_INFINITY);
    let special = min(state.y, seen);
    return vec2<f32>(maximum, select(r, special, special < -1.5));
}
