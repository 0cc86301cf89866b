// How lanes meet. Each alternative defines
//   main        calls `run` with the workgroup and the lane's place in it
//   team_merge  what all lanes of a team found, for its first lane: called by all of them, at the end
//
// Lanes that share nothing.
@compute @workgroup_size(LANES * ROWS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    run(workgroup.x, index);
}

fn team_merge(index: u32, own: Partial) -> Partial {
    return own;
}
