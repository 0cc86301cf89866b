// The lane's logits of a block; -inf beyond the row's end.
fn operand_block(block: ptr<function, Block>, start: u32, first: u32, lane: u32, end: u32) {
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, lane);
        var bits = vec4<u32>(BITS_NEGATIVE_INFINITY);
        if column < end {
            bits = operand_load4(start, column, end);
        }
        (*block)[k] = bitcast<vec4<f32>>(bits);
    }
}

// The state of a lane that has seen all its columns, without the rounding of x - m where that would
// show: where all but the maximum lie far below it. Rare.
fn operand_refined(state: vec2<f32>, start: u32, lane: u32, end: u32) -> vec2<f32> {
    const STEP = 4u * LANES;
    const PART = 64u * STEP; // a sum of short sums
    var r = state.y;
    if r > 0.0 && r < 1e-9 {
        var sum = vec4<f32>(0.0);
        for (var part = lane_column(lane); part < end; part += PART) {
            var partial = vec4<f32>(0.0);
            for (var column = part; column < min(part + PART, end); column += STEP) {
                let x = bitcast<vec4<f32>>(operand_load4(start, column, end));
                let is_far = (x - state.x) * parameters.logit_scale < vec4<f32>(-1.0);
                partial += select(vec4<f32>(0.0), exp_distance(x, vec4<f32>(state.x)), is_far);
            }
            sum += partial;
        }
        r = (sum.x + sum.y) + (sum.z + sum.w);
    }
    return vec2<f32>(state.x, r);
}
