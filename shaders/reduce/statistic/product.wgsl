// What a term w x, or w x^2, is: 0 where it is finite.
fn met_by_term(bits: u32, weight_bits: u32) -> u32 {
    let of_x = met_by(bits);
    let of_w = met_by(weight_bits);
    if (of_x | of_w) == 0u { return 0u; }
    let is_zero = (bits & 0x7fffffffu) == 0u || (weight_bits & 0x7fffffffu) == 0u;
    if ((of_x | of_w) & MET_NAN) != 0u || is_zero { return MET_NAN; }
    let sign = select(bits ^ weight_bits, weight_bits, IS_SQUARED);
    return select(MET_POSITIVE, MET_NEGATIVE, (sign & 0x80000000u) != 0u);
}
