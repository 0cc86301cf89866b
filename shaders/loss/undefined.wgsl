// Of a module that says nothing of operands that are not finite.
fn special_loss_of(x: u32, t: u32, third: u32) -> SpecialLoss {
    return SpecialLoss(BITS_NAN, BITS_NAN, BITS_NAN);
}
