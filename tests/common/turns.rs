//! What takes turns in tests of devices, since each combination is a kernel to compile.

/// Runs all of it, where it is set.
const EVERY_OPERATION: &str = "WGPU_LOSS_EVERY_OPERATION";

/// Whether nothing takes turns.
pub fn everything_runs() -> bool {
    std::env::var_os(EVERY_OPERATION).is_some()
}
