// No gradient: the logits are read alone. Shorter than others: there is nothing to write. gradient_write is for of_class and of_terms, which define row_finish.
@group(0) @binding(1) var<storage, read> logits: array<logits_Stored>;

fn gradient_write(place: Place, row: Row, column: u32, values: vec4<f32>, is_nan: bool) {}
