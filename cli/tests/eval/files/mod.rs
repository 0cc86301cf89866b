//! What is read: formats, element types, byte orders, pipes; and what is told of other files.

mod archives;
mod foreign;
mod llama;
mod operands;
#[cfg(unix)]
mod pipes;
mod types;

use std::f64::consts::LN_2;

use crate::{AHEAD_BY_2, AHEAD_BY_3};

/// The mean loss of [`crate::common::LOGITS`] with the targets 0, 1, 1.
const MEAN: f64 = (AHEAD_BY_2 + AHEAD_BY_3 + LN_2) / 3.0;
