//! What drivers miss in the environment, and complain about on standard error.
#![allow(unsafe_code)]

use std::env;
use std::path::Path;

/// Completes the environment, before there are other threads.
///
/// Mesa's Vulkan layer that chooses a device asks Wayland which one it uses. Where there is no
/// `XDG_RUNTIME_DIR` there is no Wayland, which libwayland calls an error before right results. With
/// the name of something that is no display it finds none without a word.
pub fn complete() {
    let is_path = |name| env::var_os(name).is_some_and(|path| Path::new(&path).is_absolute());
    if cfg!(target_os = "linux") && !is_path("XDG_RUNTIME_DIR") && !is_path("WAYLAND_DISPLAY") {
        // SAFETY: this thread is the only one, so that nobody reads the environment meanwhile.
        unsafe { env::set_var("WAYLAND_DISPLAY", "/dev/null") };
    }
}
