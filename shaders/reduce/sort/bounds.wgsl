// Where each segment starts among the sorted keys.
@group(0) @binding(4) var<storage, read_write> found_offsets: array<u32>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let segment = parameters.first_part + workgroup.x * LANES + lane;
    if segment > parameters.segments { return; }
    var low = 0u;
    var high = parameters.rows;
    while low < high {
        let middle = (low + high) / 2u;
        if key_at(middle) < segment { low = middle + 1u; } else { high = middle; }
    }
    found_offsets[segment] = low;
}
