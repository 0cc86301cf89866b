//! Whatever can go wrong with a device: each fault is an `Err` of its kind, nothing panics, nothing
//! waits for ever, and the process goes on with a new device. Needs an adapter.

mod dropped;
mod late;
mod lost;
mod memory;
mod refused;
mod scene;
mod watchdog;
