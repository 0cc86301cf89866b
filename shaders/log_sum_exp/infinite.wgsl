// A row with +inf and without NaN: exp(x - lse) is NaN at +inf and 0 elsewhere, as PyTorch's.
fn is_infinite_row(summary: Summary) -> bool {
    return summary.state.y == R_INFINITE;
}

// Columns whose gradient is written in the usual way.
fn gradient_end(row: Row, summary: Summary) -> u32 {
    return select(row.end, 0u, is_infinite_row(summary));
}

// Rare, and reads the logits again before it writes over them: a loop of dynamic bounds, which a
// driver that runs both sides of a branch runs no round of.
fn gradient_exception(place: Place, row: Row, summary: Summary, start: u32) {
    let end = select(0u, row.end, is_infinite_row(summary));
    for (var column = lane_column(place.lane); column < end; column += 4u * LANES) {
        let bits = logits_load4(logits_start(place.row), column, end);
        let is_infinite = bits == vec4<u32>(BITS_INFINITY);
        store4(start, column, end, select(vec4<u32>(0u), vec4<u32>(BITS_NAN), is_infinite));
    }
}
