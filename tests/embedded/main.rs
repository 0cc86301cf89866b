//! The embedded interface: `plan`, `bind` and `record` on buffers of the caller's, against the
//! oracle, at every limit, with every mistake a caller can make.

mod bits;
mod buffers;
mod calls;
mod canaries;
mod class_axis;
mod close;
mod device;
mod engine;
mod errors;
mod halves;
mod limits;
mod memory;
mod options;
mod parts;
mod problem;
mod reduce;
mod reduce_engine;
mod results;
mod softmax;
mod threads;
mod tile;
#[path = "../common/turns.rs"]
mod turns;
mod values;
