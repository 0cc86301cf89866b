// What the gradient of a row is made of.
struct GradientFactors {
    scale: f32,     // of exp(x_c - m)
    direct: f32,    // of what every class has of its own
    at_target: f32, // known to the lane that holds the target's column
    is_nan: bool,   // the whole row's gradient is NaN
}

const NO_GRADIENT = GradientFactors(0.0, 0.0, 0.0, false);
