//! The operations on the CPU: [`Oracle`] in double precision, obviously right, and [`Fast`] in
//! single precision on all cores.

mod fast;
mod oracle;

pub use fast::Fast;
pub use oracle::Oracle;
