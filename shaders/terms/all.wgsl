// The loss has a term for every class: their sums, block after block.
var<private> row_terms: ClassTerms = ClassTerms(Exact(0.0, 0.0), Exact(0.0, 0.0), LOWEST);
var<private> flags: u32;

fn terms_see(place: Place, row: Row, block: ptr<function, Block>, seen: Seen, first: u32) {
    let reference = max(row_terms.reference, seen_maximum(seen));
    let before = class_terms_moved(row_terms, reference);
    var distance = vec4<f32>(0.0);
    var weight = vec4<f32>(0.0);
    for (var k = 0u; k < VECTORS; k++) {
        let column = first + block_column(k, place.lane);
        if column < row.end {
            let x = block_logits(block, k, column, row.end);
            let u = coefficients4(place, column, row.end);
            let columns = columns4(column);
            let is_inside = columns < vec4<u32>(row.end);
            let is_infinite = bitcast<vec4<u32>>(x) == vec4<u32>(BITS_NEGATIVE_INFINITY);
            distance += select(u * (reference - x), vec4<f32>(0.0), is_infinite);
            weight += u;
            if any(u != vec4<f32>(0.0)) { flags |= FLAG_CONTRIBUTES; }
            if any(is_infinite & is_inside) {
                if is_infinite.x { flags |= infinite_flag(u.x); }
                if is_infinite.y && is_inside.y { flags |= infinite_flag(u.y); }
                if is_infinite.z && is_inside.z { flags |= infinite_flag(u.z); }
                if is_infinite.w && is_inside.w { flags |= infinite_flag(u.w); }
            }
        }
    }
    row_terms = ClassTerms(
        class_sum(before.distance, Exact((distance.x + distance.y) + (distance.z + distance.w), 0.0)),
        class_sum(before.weight, Exact((weight.x + weight.y) + (weight.z + weight.w), 0.0)),
        reference,
    );
}

fn terms_at(maximum: f32) -> vec2<f32> {
    let moved = class_terms_moved(row_terms, maximum);
    return vec2<f32>(moved.distance.high, moved.weight.high);
}

fn terms_flags() -> u32 {
    return flags;
}
