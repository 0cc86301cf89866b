//! Any bytes as a tuning's file, and whatever it says as the planner's.
#![no_main]

#[path = "../../tests/common/tuned.rs"]
mod tuned;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tuned::check(bytes));
