// Merges the partial results of each result, in their order.
@group(0) @binding(1) var<storage, read> partials: array<vec4<u32>>;

fn partial_at(index: u32) -> Partial {
    var words = Words();
    words[0] = partials[index * PARTIAL_VECTORS];
    if PARTIAL_VECTORS == 2u {
        words[PARTIAL_VECTORS - 1u] = partials[index * PARTIAL_VECTORS + 1u];
    }
    return partial_from(words);
}

fn run(group: u32, index: u32) {
    let unit = (parameters.first_part + group) * ROWS + index / LANES;
    let result = unit / parameters.groups;
    let range = merged_range(result, unit % parameters.groups);
    var merged = partial_empty();
    for (var k = index % LANES; k < range.count; k += LANES) {
        merged = partial_merge(merged, partial_at(range.first + k * range.step));
    }
    merged = team_merge(index, merged);
    if index % LANES == 0u && result < parameters.results {
        emit(unit, merged);
    }
}
