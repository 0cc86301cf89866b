//! Any bytes as logits that llama.cpp wrote.
#![no_main]

#[path = "../eval/mod.rs"]
mod eval;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| eval::any_bytes::llama(bytes));
