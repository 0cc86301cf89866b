fn gradient_constant(place: Place, row: Row, summary: Summary) {
    let factors = row_gradient(place, row, summary);
    let start = gradient_start(place.row);
    for (var column = lane_column(place.lane); column < row.end; column += 4u * LANES) {
        gradient_store(place, row, factors, start, column, vec4<u32>(0u), vec4<f32>(0.0), vec4<f32>(0.0));
    }
}
