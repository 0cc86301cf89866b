// Of a module of the caller's that says what becomes of operands that are not finite.
fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    let loss = caller_special_loss_of(bitcast<f32>(x), bitcast<f32>(t), bitcast<f32>(third));
    return SpecialLoss(bitcast<u32>(loss.value), bitcast<u32>(loss.derivative), bitcast<u32>(loss.of_third));
}
