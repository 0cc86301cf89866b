fn argmax_see(bits: vec4<u32>, column: u32) {}

fn argmax_close(place: Place, row: Row) {}
