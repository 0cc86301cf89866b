// One read of every element: the ceiling of what writes next to nothing.

override lanes: u32;

@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> sink: array<u32>;

// A store that the data never triggers, and that no compiler can rule out.
fn keep(value: vec4<u32>) {
    if (all(value == vec4<u32>(0x9e3779b9u, 0x7f4a7c15u, 0xf39cc060u, 0x5cedc834u))) {
        sink[0] = value.x;
    }
}

@compute @workgroup_size(lanes)
fn tile_1(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = (id.x + id.y * count.x) * lanes * 1u + lane;
    let a = source[first];
    keep(a);
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
    keep(a ^ b ^ c ^ d);
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
    keep(a ^ b ^ c ^ d ^ e ^ f ^ g ^ h);
}

// Few workgroups, each of which takes every count.x-th tile of 4 vectors a lane.
@compute @workgroup_size(lanes)
fn grid(
    @builtin(workgroup_id) id: vec3<u32>,
    @builtin(num_workgroups) count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var sum = vec4<u32>();
    let tiles = arrayLength(&source) / (lanes * 4u);
    for (var tile = id.x; tile < tiles; tile += count.x) {
        let first = tile * lanes * 4u + lane;
        let a = source[first];
        let b = source[first + lanes];
        let c = source[first + 2u * lanes];
        let d = source[first + 3u * lanes];
        sum ^= a ^ b ^ c ^ d;
    }
    keep(sum);
}
