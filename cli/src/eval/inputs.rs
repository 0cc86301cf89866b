//! What all files of a call have in common: standard input, which only one of them can be, and what
//! the result has to say of them.

use std::cell::RefCell;

use serde::Serialize;

use super::dtype::Dtype;
use crate::failure::{Failure, Result};
use crate::output::Output;

/// The files of a call.
#[derive(Default)]
pub struct Inputs {
    /// The operand that is read from standard input.
    stdin: RefCell<Option<String>>,
    remarks: RefCell<Remarks>,
}

/// What is said of the files beside the results.
#[derive(Clone, Default, Serialize)]
pub struct Remarks {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    converted: Vec<Conversion>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    llama_cpp: Vec<Clamp>,
}

/// An operand whose elements were rounded.
#[derive(Clone, Debug, Serialize)]
struct Conversion {
    operand: &'static str,
    from: &'static str,
    to: &'static str,
    /// Finite numbers that became infinite.
    beyond: usize,
}

/// An operand with log-probabilities that llama.cpp stored.
#[derive(Clone, Debug, Serialize)]
struct Clamp {
    operand: &'static str,
    values: usize,
    /// Those with the least code of their row.
    lowest: usize,
    /// Those of them that may be further below the most likely class than is stored.
    clamped: usize,
    /// Rows whose target is among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    clamped_targets: Option<usize>,
}

impl Inputs {
    /// Takes standard input for an operand, once.
    pub fn take_stdin(&self, operand: &str) -> Result<()> {
        match self.stdin.borrow_mut().replace(operand.to_owned()) {
            None => Ok(()),
            Some(first) => Err(Failure::Usage(format!(
                "standard input: expected at most one operand `-`, found {first} and {operand}"
            ))),
        }
    }

    /// Says that an operand was rounded to single precision.
    pub fn rounded(&self, operand: &'static str, from: &Dtype, beyond: usize) {
        if *from != Dtype::F64 {
            return;
        }
        let converted = &mut self.remarks.borrow_mut().converted;
        match converted.iter_mut().find(|it| it.operand == operand) {
            Some(before) => before.beyond += beyond,
            None => converted.push(Conversion { operand, from: "f64", to: "f32", beyond }),
        }
    }

    /// Says how many of an operand's values are the least of their row, and how many of these may
    /// be less than is stored.
    pub fn clamped(&self, operand: &'static str, values: usize, (lowest, clamped): (usize, usize)) {
        let clamps = &mut self.remarks.borrow_mut().llama_cpp;
        match clamps.iter_mut().find(|it| it.operand == operand) {
            Some(before) => {
                before.values += values;
                before.lowest += lowest;
                before.clamped += clamped;
            }
            None => {
                clamps.push(Clamp { operand, values, lowest, clamped, clamped_targets: None });
            }
        }
    }

    /// Says for how many rows that is the target.
    pub fn clamped_targets(&self, operand: &'static str, targets: usize) {
        let clamps = &mut self.remarks.borrow_mut().llama_cpp;
        if let Some(clamp) = clamps.iter_mut().find(|it| it.operand == operand) {
            *clamp.clamped_targets.get_or_insert(0) += targets;
        }
    }

    /// What is to be said.
    pub fn remarks(&self) -> Remarks {
        self.remarks.borrow().clone()
    }
}

impl Remarks {
    /// As lines for people.
    pub fn print(&self, out: &mut Output) -> Result<()> {
        for Conversion { operand, from, to, beyond } in &self.converted {
            let more = match beyond {
                0 => String::new(),
                1 => "; 1 number beyond it is infinite".to_owned(),
                several => format!("; {several} numbers beyond it are infinite"),
            };
            out.field("rounded", format_args!("{operand}, once, from {from} to {to}{more}"))?;
        }
        for Clamp { operand, values, clamped, clamped_targets, .. } in &self.llama_cpp {
            out.field(
                "clamped",
                format_args!("{clamped} of {values} {operand}, stored as 16 below the row's most"),
            )?;
            if let Some(targets @ 1..) = clamped_targets {
                let rows = if *targets == 1 { "row" } else { "rows" };
                out.field(
                    "bounds",
                    format_args!("{targets} {rows} with such a target: no less than this loss"),
                )?;
            }
        }
        Ok(())
    }
}
