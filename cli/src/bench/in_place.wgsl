// One read and one write of every element where it lies: the ceiling of what works in place.

override lanes: u32;

@group(0) @binding(0) var<storage, read_write> data: array<vec4<u32>>;

@compute @workgroup_size(lanes)
fn tile_1(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (id.x + id.y * count.x) * lanes * 1u + lane;
    let a = data[first];
    data[first] = ~a;
}

@compute @workgroup_size(lanes)
fn tile_4(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (id.x + id.y * count.x) * lanes * 4u + lane;
    let a = data[first];
    let b = data[first + lanes];
    let c = data[first + 2u * lanes];
    let d = data[first + 3u * lanes];
    data[first] = ~a;
    data[first + lanes] = ~b;
    data[first + 2u * lanes] = ~c;
    data[first + 3u * lanes] = ~d;
}

@compute @workgroup_size(lanes)
fn tile_8(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (id.x + id.y * count.x) * lanes * 8u + lane;
    let a = data[first];
    let b = data[first + lanes];
    let c = data[first + 2u * lanes];
    let d = data[first + 3u * lanes];
    let e = data[first + 4u * lanes];
    let f = data[first + 5u * lanes];
    let g = data[first + 6u * lanes];
    let h = data[first + 7u * lanes];
    data[first] = ~a;
    data[first + lanes] = ~b;
    data[first + 2u * lanes] = ~c;
    data[first + 3u * lanes] = ~d;
    data[first + 4u * lanes] = ~e;
    data[first + 5u * lanes] = ~f;
    data[first + 6u * lanes] = ~g;
    data[first + 7u * lanes] = ~h;
}

// Few workgroups, each of which takes every count.x-th tile of 4 vectors a lane.
@compute @workgroup_size(lanes)
fn grid(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = arrayLength(&data) / (lanes * 4u);
    for (var tile = id.x; tile < tiles; tile += count.x) {
        let first = tile * lanes * 4u + lane;
        let a = data[first];
        let b = data[first + lanes];
        let c = data[first + 2u * lanes];
        let d = data[first + 3u * lanes];
        data[first] = ~a;
        data[first + lanes] = ~b;
        data[first + 2u * lanes] = ~c;
        data[first + 3u * lanes] = ~d;
    }
}
