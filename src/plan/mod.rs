//! Planning: pure functions from (operation, shape, capabilities, tuning) to kernels, geometry and
//! dispatches. No wgpu call, so every decision is tested without a device.

mod capabilities;
mod chunks;
mod family;
mod menu;
mod pieces;
mod program;
pub mod reduce;
mod softmax_losses;
mod tuning;
mod tuning_check;
#[cfg(feature = "serde")]
mod tuning_file;

pub use capabilities::{AdapterClass, Capabilities, SubgroupSizes};
pub use chunks::{Chunk, RowOperand, row_chunks};
pub use family::{Choice, Purpose, choose};
pub use menu::every_variant;
pub use pieces::{Piece, Segment};
pub use program::{
    BindingAccess, BufferRole, Program, ProgramBinding, ProgramBuffer, ProgramDispatch,
    ProgramKernel, ProgramRange,
};
pub use tuning::{Entry, ReduceTuning, Tuning};
#[cfg(feature = "serde")]
pub use tuning_file::{TunedAdapter, TuningFile};
