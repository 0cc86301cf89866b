//! The time, where there is a clock: the web's is not in `std`.

use std::time::Duration;

#[cfg(not(target_arch = "wasm32"))]
pub(super) type Moment = std::time::Instant;
/// Never there.
#[cfg(target_arch = "wasm32")]
pub(super) type Moment = std::convert::Infallible;

/// The time.
pub(super) fn now() -> Option<Moment> {
    #[cfg(not(target_arch = "wasm32"))]
    return Some(Moment::now());
    #[cfg(target_arch = "wasm32")]
    None
}

/// Time since a moment.
pub(super) fn since(moment: Moment) -> Duration {
    #[cfg(not(target_arch = "wasm32"))]
    return moment.elapsed();
    #[cfg(target_arch = "wasm32")]
    match moment {}
}
