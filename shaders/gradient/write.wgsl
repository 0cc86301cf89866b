// The gradient of a row: scale exp(x_c - m), with another value at the target's column.
struct GradientFactors {
    scale: f32,
    at_target: f32, // known to the lane that holds the target's column
    is_nan: bool,   // the whole row's gradient is NaN
}

fn gradient_store(row: Row, factors: GradientFactors, start: u32, column: u32, values: vec4<f32>) {
    var bits = bitcast<vec4<u32>>(values);
    if row.target_column / 4u == column / 4u {
        let here = vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(row.target_column % 4u);
        bits = select(bits, vec4<u32>(bitcast<u32>(factors.at_target)), here);
    }
    store4(start, column, row.end, select(bits, vec4<u32>(BITS_NAN), vec4<bool>(factors.is_nan)));
}

// From exponentials that are held, relative to the lane's own `maximum`.
fn gradient_from_block(place: Place, row: Row, state: vec2<f32>, maximum: f32, block: ptr<function, array<vec4<f32>, VECTORS>>) {
    let factors = row_gradient(place, row, state);
    let start = gradient_start(place.row);
    let scale = factors.scale * exp_difference_scalar(maximum, state.x);
    for (var k = 0u; k < VECTORS; k++) {
        let column = block_column(k, place.lane);
        if column < row.end {
            gradient_store(row, factors, start, column, scale * (*block)[k]);
        }
    }
}

// From the logits, read again: from the last block to the first, so that what the first sweep read
// last, and the cache still has, comes first.
fn gradient_from_logits(place: Place, row: Row, state: vec2<f32>) {
    let factors = row_gradient(place, row, state);
    let source = logits_start(place.row);
    let start = gradient_start(place.row);
    let blocks = (row.end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
    var block: array<vec4<f32>, VECTORS>;
    for (var b = blocks; b > 0u; b--) {
        let first = (b - 1u) * BLOCK_COLUMNS;
        for (var k = 0u; k < VECTORS; k++) {
            let column = first + block_column(k, place.lane);
            if column < row.end {
                block[k] = bitcast<vec4<f32>>(load4(source, column, row.end));
            }
        }
        for (var k = 0u; k < VECTORS; k++) {
            let column = first + block_column(k, place.lane);
            if column < row.end {
                gradient_store(row, factors, start, column, factors.scale * exp_nonpositive(block[k] - state.x));
            }
        }
    }
}
