// A weight for each row.
@group(0) @binding(11) var<storage, read> row_weights: array<f32>;

fn row_weight(row: u32) -> f32 {
    return row_weights[parameters.row_weights_offset + row];
}
