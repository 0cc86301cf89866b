// Softmax cross-entropy against a class or against probabilities.

// The target's own coefficient in the loss, beside what label smoothing gives to every class.
fn target_coefficient(row: Row) -> f32 {
    return parameters.target_share * row.class_weight;
}

// Whether any coefficient of the row is not 0.
fn contributes(row: Row, summary: Summary) -> bool {
    return (summary.flags & FLAG_CONTRIBUTES) != 0u || (!IS_MERGED && target_coefficient(row) != 0.0);
}
