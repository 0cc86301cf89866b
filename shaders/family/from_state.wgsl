// Backward from the states that a forward saved: nothing to reduce.
fn run(place: Place) {
    let row = row_open(place);
    if row.end == 0u { return; }
    gradient_from_logits(place, row, state_read(place, row));
}

// Blocks are not loaded for what there is to see in them.
fn argmax_see(bits: vec4<u32>, column: u32) {}

fn target_rank_see(bits: vec4<u32>, column: u32) {}
