// No gradient: one sweep, nothing written but the row's results.

fn gradient_from_block(place: Place, row: Row, summary: Summary, maximum: f32, block: ptr<function, Block>) {}

fn gradient_from_logits(place: Place, row: Row, summary: Summary) {}
