// Lanes that tell each other nothing: one lane per row, or kernels that need no exchange.

@compute @workgroup_size(LANES * ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let at = place_of(index);
    run(place_at(workgroup.x * ROWS + at.x, at.x, at.y));
}
