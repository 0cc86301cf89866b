fn target_rank_open(place: Place, row: Row) {}

fn target_rank_see(bits: vec4<u32>, column: u32) {}

fn target_rank_close(place: Place, row: Row) {}
