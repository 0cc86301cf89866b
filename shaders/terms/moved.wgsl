// Sums of u_c (m - x_c) and of u_c, relative to the greatest logit seen so far, beside the softmax's own.
// What rounding takes off them is kept: it would be the same for each of very many blocks and parts where
// the coefficients are.
struct ClassTerms {
    distance: Exact,
    weight: Exact,
    reference: f32,
}

// Where a sum leaves the range of f32 there is no error to keep.
fn class_sum(a: Exact, b: Exact) -> Exact {
    let sum = a.high + b.high;
    if abs(sum) > 0x1p+120f { return Exact(sum, 0.0); }
    return exact_sum(a, b);
}

// Relative to a greater logit. Without weight nothing moves, however far.
fn class_terms_moved(terms: ClassTerms, reference: f32) -> ClassTerms {
    if reference == terms.reference || terms.weight.high == 0.0 {
        return ClassTerms(terms.distance, terms.weight, reference);
    }
    let by = reference - terms.reference;
    // Where products leave the range of f32 there is no error to keep.
    if by > 0x1p+60f || abs(terms.weight.high) > 0x1p+60f {
        return ClassTerms(Exact(terms.distance.high + terms.weight.high * by, 0.0), terms.weight, reference);
    }
    return ClassTerms(class_sum(terms.distance, exact_product(terms.weight, Exact(by, 0.0))), terms.weight, reference);
}
