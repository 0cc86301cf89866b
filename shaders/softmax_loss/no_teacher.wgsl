fn others_block(block: ptr<function, Block>, place: Place, first: u32, end: u32) {}

fn others_refined(state: vec2<f32>, place: Place, end: u32) -> vec2<f32> {
    return state;
}
