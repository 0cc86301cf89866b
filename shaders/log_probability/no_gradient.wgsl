fn gradient_constant(place: Place, row: Row, summary: Summary) {}
