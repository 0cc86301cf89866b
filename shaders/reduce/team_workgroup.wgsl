// TEAM lanes share a result through workgroup memory; the first of them gets it.
var<workgroup> team_words: array<Words, LANES * ROWS>;

@compute @workgroup_size(LANES * ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    run(workgroup.x, index);
}

fn team_merge(index: u32, own: Partial) -> Partial {
    var merged = own;
    team_words[index] = partial_words(merged);
    for (var distance = TEAM / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if index % TEAM < distance {
            merged = partial_merge(merged, partial_from(team_words[index + distance]));
            team_words[index] = partial_words(merged);
        }
    }
    return merged;
}
