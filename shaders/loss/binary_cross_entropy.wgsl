// Binary cross-entropy of a probability, with PyTorch's bounds.
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    var value = not_a_number();
    if x >= 0.0 && x <= 1.0 {
        let log_x = select(max(log_positive(x, x - 1.0), -100.0), -100.0, x == 0.0);
        let log_rest = select(max(log_positive(1.0 - x, -x), -100.0), -100.0, x == 1.0);
        value = -(t * log_x + (1.0 - t) * log_rest);
    }
    return Loss(value, (x - t) / max(x * (1.0 - x), 1e-12), 0.0);
}

fn bounded_log_bits(x: u32) -> u32 {
    let log = log_bits(x);
    return select(log, bitcast<u32>(-100.0), is_less_bits(log, bitcast<u32>(-100.0)));
}

fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let rest = add_bits(BITS_ONE, negative_bits(x));
    let of_rest = multiply_bits(add_bits(BITS_ONE, negative_bits(t)), bounded_log_bits(rest));
    let value = add_bits(multiply_bits(t, bounded_log_bits(x)), of_rest);
    let variance = multiply_bits(x, rest);
    let least = bitcast<u32>(1e-12);
    let divisor = select(variance, least, is_less_bits(variance, least));
    return SpecialLoss(negative_bits(value), divide_bits(add_bits(x, negative_bits(t)), divisor), 0u);
}
