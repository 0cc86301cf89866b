//! Any bytes as a .safetensors file.
#![no_main]

#[path = "../eval/mod.rs"]
mod eval;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eval::any_bytes::safetensors(bytes));
