// In place of what a module of the caller's says of operands that are not finite, where it says
// nothing: it is never asked.
fn caller_special_loss_of(x: f32, t: f32, third: f32) -> Loss {
    return Loss(0.0, 0.0, 0.0);
}
