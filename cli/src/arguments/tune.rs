//! The command line of `tune`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Options of `tune`.
#[derive(Debug, Args)]
pub struct TuneOptions {
    /// Few numbers of classes, small batches, few runs: about a minute
    #[arg(long)]
    pub quick: bool,
    /// Write the tuning to this file instead of the one that the program finds by itself
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Measure at these numbers of classes alone, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub classes: Vec<u64>,
    /// Measure these tables alone, separated by commas
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub tables: Vec<TuneTable>,
}

/// The tables that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TuneTable {
    /// Forward and fused passes over rows of neighbouring classes
    Entries,
    /// Backward from saved states
    FromState,
    /// Forward and fused passes with the class axis in the middle
    Strided,
}
