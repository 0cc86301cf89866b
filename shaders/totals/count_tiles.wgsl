// Of each tile of targets: how many rows count, and the first whose target is no class.
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> partial_counts: array<vec2<u32>>;

fn count_rows(first: u32, lane: u32) -> vec2<u32> {
    var counted = vec2<u32>(0u, 0xffffffffu);
    let end = min(first + TILE, parameters.rows);
    for (var row = first + lane; row < end; row += LANES) {
        let label = targets[parameters.targets_offset + row];
        if parameters.has_ignore_index == 0u || label != parameters.ignore_index {
            counted.x += 1u;
            if label < 0 || u32(label) >= parameters.classes {
                counted.y = min(counted.y, parameters.first_row + row);
            }
        }
    }
    return counted;
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let merged = merge_counts(lane, count_rows(workgroup.x * TILE, lane));
    if lane == 0u {
        partial_counts[parameters.first_tile + workgroup.x] = merged;
    }
}
