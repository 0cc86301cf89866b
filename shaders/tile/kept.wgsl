// No gradient: nothing to write.
fn tile_empty(lane: u32, first: u32, count: u32) {}
