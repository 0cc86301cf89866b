//! Any bytes as a .npz file.
#![no_main]

#[path = "../eval/mod.rs"]
mod eval;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eval::any_bytes::npz(bytes));
