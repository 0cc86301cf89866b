// A mean of the finite ones among four values, by the magnitude of their weights.
fn pivot_of(terms: Terms, present: u32) -> f32 {
    var sum = 0.0;
    var total = 0.0;
    var lowest = 0.0;
    var highest = 0.0;
    for (var k = 0u; k < min(present, 4u); k++) {
        var weight = BITS_ONE;
        if IS_WEIGHTED { weight = terms.weights[k] & 0x7fffffffu; }
        if met_by(terms.bits[k]) == 0u && met_by(weight) == 0u {
            // So that neither overflows.
            let share = min(bitcast<f32>(weight), 1e18);
            let x = bitcast<f32>(terms.bits[k]);
            lowest = select(min(lowest, x), x, total == 0.0);
            highest = select(max(highest, x), x, total == 0.0);
            sum = fma(share, 0.25 * x * 1e-19, sum);
            total += share * 0.25e-19;
        }
    }
    let pivot = sum / total;
    let is_one = total > 0.0 && met_by(bitcast<u32>(pivot)) == 0u;
    // Not beside them where they are all the same: nothing of the distances is left then.
    return select(0.0, min(max(pivot, lowest), highest), is_one);
}
