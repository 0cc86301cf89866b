fn merged_range(result: u32, group: u32) -> MergedRange {
    if result >= parameters.results { return MergedRange(0u, 0u, 0u); }
    let segment = result / parameters.columns;
    let first = first_piece(segment);
    return MergedRange(
        first * parameters.columns + result % parameters.columns,
        parameters.columns,
        max(first_piece(segment + 1u), first) - first,
    );
}
