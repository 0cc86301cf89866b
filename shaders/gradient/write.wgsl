// The gradient of a row, from exponentials or from the logits, by the row_gradient and the gradient_values
// of its operation.

// What the gradient of a row is made of.
struct GradientFactors {
    scale: f32,     // of exp(x_c - m)
    direct: f32,    // of what every class has of its own
    at_target: f32, // known to the lane that holds the target's column
    is_nan: bool,   // the whole row's gradient is NaN
}

const NO_GRADIENT = GradientFactors(0.0, 0.0, 0.0, false);

fn gradient_store(
    place: Place,
    row: Row,
    factors: GradientFactors,
    start: u32,
    column: u32,
    stored: vec4<u32>,
    x: vec4<f32>,
    scaled: vec4<f32>,
) {
    var values = gradient_values(place, factors, column, row.end, x, scaled);
    let is_target = columns4(column) == vec4<u32>(row.target_column);
    values = select(values, vec4<f32>(factors.at_target), is_target);
    let bits = bitcast<vec4<u32>>(chained(values, stored));
    store4(start, column, row.end, select(bits, vec4<u32>(BITS_NAN), vec4<bool>(factors.is_nan)));
}

// From exponentials that are held, relative to the lane's own `maximum`; or from stored logits.
fn gradient_from_block(place: Place, row: Row, summary: Summary, maximum: f32, block: ptr<function, Block>) {
    let factors = row_gradient(place, row, summary);
    let start = gradient_start(place.row);
    let scale = factors.scale * exp_difference_scalar(maximum, summary.state.x);
    let end = gradient_end(row, summary);
    for (var k = 0u; k < VECTORS; k++) {
        let column = block_column(k, place.lane);
        if column < end {
            if KEEPS_STORED {
                let x = block_logits(block, k, column, row.end);
                let scaled = factors.scale * exp_nonpositive(x - summary.state.x);
                gradient_store(place, row, factors, start, column, bitcast<vec4<u32>>((*block)[k]), x, scaled);
            } else {
                gradient_store(place, row, factors, start, column, vec4<u32>(0u), vec4<f32>(0.0), scale * (*block)[k]);
            }
        }
    }
    gradient_exception(place, row, summary, start);
}

// From the logits, read again: from the last block to the first, so that what the first sweep read
// last, and the cache still has, comes first.
fn gradient_from_logits(place: Place, row: Row, summary: Summary) {
    let factors = row_gradient(place, row, summary);
    let source = logits_start(place.row);
    let start = gradient_start(place.row);
    // Vectors start at a column less the shift, which wraps below column 0.
    let shift = gradient_shift(place.row);
    let columns = gradient_end(row, summary);
    let end = select(columns + shift, 0u, columns == 0u);
    let blocks = (end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
    var block: array<vec4<u32>, VECTORS>;
    for (var b = blocks; b > 0u; b--) {
        let first = (b - 1u) * BLOCK_COLUMNS;
        for (var k = 0u; k < VECTORS; k++) {
            let column = first + block_column(k, place.lane);
            if column < end {
                block[k] = logits_load4(source, column - shift, row.end);
            }
        }
        for (var k = 0u; k < VECTORS; k++) {
            let shifted = first + block_column(k, place.lane);
            if shifted < end {
                let column = shifted - shift;
                let x = bitcast<vec4<f32>>(transformed(block[k], column, row.end));
                let scaled = factors.scale * exp_nonpositive(x - summary.state.x);
                gradient_store(place, row, factors, start, column, block[k], x, scaled);
            }
        }
    }
    gradient_exception(place, row, summary, start);
}

// A row of log-sum-exp with +inf and without NaN: exp(x - lse) is NaN at +inf and 0 elsewhere, as PyTorch's.
fn is_infinite_row(summary: Summary) -> bool {
    return IS_LOG_SUM_EXP && summary.state.y == R_INFINITE;
}

// Columns whose gradient is written in the usual way.
fn gradient_end(row: Row, summary: Summary) -> u32 {
    return select(row.end, 0u, is_infinite_row(summary));
}

// Rare, and reads the logits again before it writes over them: a loop of dynamic bounds, which a
// driver that runs both sides of a branch runs no round of.
fn gradient_exception(place: Place, row: Row, summary: Summary, start: u32) {
    if !IS_LOG_SUM_EXP { return; }
    let end = select(0u, row.end, is_infinite_row(summary));
    for (var column = lane_column(place.lane); column < end; column += 4u * LANES) {
        let bits = logits_load4(logits_start(place.row), column, end);
        let is_infinite = bits == vec4<u32>(BITS_INFINITY);
        store4(start, column, end, select(vec4<u32>(0u), vec4<u32>(BITS_NAN), is_infinite));
    }
}

// Of log-probabilities: it does not depend on them but for the target's.
fn gradient_constant(place: Place, row: Row, summary: Summary) {
    let factors = row_gradient(place, row, summary);
    let start = gradient_start(place.row);
    for (var column = lane_column(place.lane); column < row.end; column += 4u * LANES) {
        gradient_store(place, row, factors, start, column, vec4<u32>(0u), vec4<f32>(0.0), vec4<f32>(0.0));
    }
}
