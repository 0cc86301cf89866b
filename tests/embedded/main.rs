//! The embedded interface: `plan`, `bind` and `record` on buffers of the caller's, against the
//! oracle, at every limit, with every mistake a caller can make.

mod bits;
mod device;
mod errors;
mod limits;
mod problem;
mod values;
