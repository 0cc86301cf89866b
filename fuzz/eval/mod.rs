//! The program's readers of files.
#![allow(dead_code, reason = "the program uses more of them")]

#[path = "../../cli/src/eval/any_bytes.rs"]
pub mod any_bytes;
#[path = "../../cli/src/eval/bytes.rs"]
mod bytes;
#[path = "../../cli/src/eval/dtype.rs"]
mod dtype;
#[path = "../../cli/src/eval/layout.rs"]
mod layout;
#[path = "../../cli/src/eval/llama.rs"]
mod llama;
#[path = "../../cli/src/eval/memory.rs"]
mod memory;
#[path = "../../cli/src/eval/npy.rs"]
mod npy;
#[path = "../../cli/src/eval/npz.rs"]
mod npz;
#[path = "../../cli/src/eval/safetensors.rs"]
mod safetensors;
#[path = "../../cli/src/eval/tensor.rs"]
mod tensor;
