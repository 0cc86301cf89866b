fn others_block(block: ptr<function, Block>, place: Place, first: u32, end: u32) {}

fn row_shift(
    place: Place,
    row: Row,
    student: Softmax,
    teacher: Softmax,
    held: ptr<function, Block>,
    others: ptr<function, Block>,
) -> f32 {
    return 0.0;
}

fn others_refined(state: vec2<f32>, place: Place, end: u32) -> vec2<f32> {
    return state;
}
