fn merged_range(result: u32, group: u32) -> MergedRange {
    if result >= parameters.results { return MergedRange(0u, 0u, 0u); }
    let first = group * parameters.group_length;
    let count = min(parameters.group_length, parameters.merged - first);
    return MergedRange(result * parameters.merged + first, 1u, count);
}
