//! Any bytes as a call: planned, bound and recorded on a device that checks it all.
#![no_main]

#[path = "../../tests/common/planned/mod.rs"]
mod planned;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    planned::check(bytes);
});
