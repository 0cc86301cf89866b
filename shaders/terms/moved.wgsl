// Sums of u_c (m - x_c) and of u_c, and the m they are relative to.
struct Terms {
    distance: f32,
    weight: f32,
    reference: f32,
}

fn terms_moved(terms: Terms, reference: f32) -> Terms {
    let moved = terms.distance + terms.weight * (reference - terms.reference);
    // Without weight nothing moves, however far.
    return Terms(select(moved, terms.distance, terms.weight == 0.0), terms.weight, reference);
}
