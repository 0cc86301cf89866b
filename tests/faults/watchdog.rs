//! A test that waits for ever is ended, with its name.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Longer than this no test here may take.
const LONGEST: Duration = Duration::from_secs(60);

/// Watches the test until it is dropped.
pub struct Watchdog(#[expect(dead_code, reason = "that it is dropped is the message")] Sender<()>);

/// Ends the process unless the test ends in time.
pub fn watch() -> Watchdog {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        if receiver.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{name} has not ended after {LONGEST:?}");
            std::process::abort();
        }
    });
    Watchdog(sender)
}
