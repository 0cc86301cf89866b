// One read and one write of every element: the ceiling of what writes to another buffer. All
// loads of a lane come before its first store, so that they are in flight together.

override lanes: u32;

@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> destination: array<vec4<u32>>;

@compute @workgroup_size(lanes)
fn tile_1(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (id.x + id.y * count.x) * lanes * 1u + lane;
    let a = source[first];
    destination[first] = a;
}

@compute @workgroup_size(lanes)
fn tile_4(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (id.x + id.y * count.x) * lanes * 4u + lane;
    let a = source[first];
    let b = source[first + lanes];
    let c = source[first + 2u * lanes];
    let d = source[first + 3u * lanes];
    destination[first] = a;
    destination[first + lanes] = b;
    destination[first + 2u * lanes] = c;
    destination[first + 3u * lanes] = d;
}

@compute @workgroup_size(lanes)
fn tile_8(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (id.x + id.y * count.x) * lanes * 8u + lane;
    let a = source[first];
    let b = source[first + lanes];
    let c = source[first + 2u * lanes];
    let d = source[first + 3u * lanes];
    let e = source[first + 4u * lanes];
    let f = source[first + 5u * lanes];
    let g = source[first + 6u * lanes];
    let h = source[first + 7u * lanes];
    destination[first] = a;
    destination[first + lanes] = b;
    destination[first + 2u * lanes] = c;
    destination[first + 3u * lanes] = d;
    destination[first + 4u * lanes] = e;
    destination[first + 5u * lanes] = f;
    destination[first + 6u * lanes] = g;
    destination[first + 7u * lanes] = h;
}

// Few workgroups, each of which takes every count.x-th tile of 4 vectors a lane.
@compute @workgroup_size(lanes)
fn grid(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = arrayLength(&source) / (lanes * 4u);
    for (var tile = id.x; tile < tiles; tile += count.x) {
        let first = tile * lanes * 4u + lane;
        let a = source[first];
        let b = source[first + lanes];
        let c = source[first + 2u * lanes];
        let d = source[first + 3u * lanes];
        destination[first] = a;
        destination[first + lanes] = b;
        destination[first + 2u * lanes] = c;
        destination[first + 3u * lanes] = d;
    }
}
