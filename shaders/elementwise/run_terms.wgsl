fn terms_at(span: Span, run: Run, column: u32, present: u32) -> Terms {
    let elements = elements_at(run, column, span.end, present);
    return terms_of(elements.losses.values, elements.weights, present, vec4<u32>(0u));
}
