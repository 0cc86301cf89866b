//! Geometry of the reduction kernels.

use crate::error::{Error, Result};
use crate::kernel::reduce::{ReducedValues, StatisticKind, WeightsKind};
use crate::kernel::{Geometry, Team};
use crate::plan::Capabilities;

/// A row of a tuning table of reductions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct RunEntry {
    /// The longest run this entry is for.
    #[cfg_attr(feature = "serde", serde(with = "crate::plan::tuning_file::limit"))]
    pub up_to_length: u64,
    /// How lanes meet.
    pub team: Team,
    /// Lanes of a run, runs of a workgroup, vectors a lane reads at a time.
    pub geometry: Geometry,
}

impl RunEntry {
    /// The same for values of which a lane can hold fewer, since it holds more of each.
    pub(crate) fn for_values(self, values: &ReducedValues) -> Self {
        let is_demanding = matches!(values.weights, WeightsKind::Along(_))
            || values.term.is_some()
            || matches!(
                values.statistic,
                StatisticKind::MeanAndVariance | StatisticKind::LogSumExp
            );
        let Geometry { lanes, rows, vectors } = self.geometry;
        let vectors = if is_demanding { (vectors / 2).max(1) } else { vectors };
        Self { geometry: Geometry { lanes, rows, vectors }, ..self }
    }
}

/// The first entry that is for as long runs and that the device can run. `grouped`: all runs of a
/// workgroup make up one result.
///
/// # Errors
/// [`Error::Limit`] where the device can run none of them.
pub fn run_geometry(
    capabilities: &Capabilities,
    entries: &[RunEntry],
    length: u64,
    grouped: bool,
) -> Result<RunEntry> {
    let long_enough = || entries.iter().filter(|entry| length <= entry.up_to_length);
    let found = long_enough().find(|entry| fits(capabilities, entry, grouped));
    found.copied().ok_or_else(|| Error::Limit {
        operation: "planning",
        limit: "max_compute_invocations_per_workgroup",
        needed: long_enough().map(|entry| entry.geometry.invocations()).min().unwrap_or(0).into(),
        available: capabilities.max_invocations.into(),
    })
}

/// Whether the device can run an entry.
pub(crate) fn fits(capabilities: &Capabilities, entry: &RunEntry, grouped: bool) -> bool {
    let Geometry { lanes, rows, vectors } = entry.geometry;
    let invocations = entry.geometry.invocations();
    let sized = lanes.is_power_of_two() && rows > 0 && vectors > 0;
    if !sized || invocations > capabilities.max_invocations {
        return false;
    }
    let team = if grouped { invocations } else { lanes };
    match entry.team {
        // Lanes that tell each other nothing.
        Team::Lane => !grouped,
        // Two vectors of four words for each invocation.
        Team::Workgroup => {
            team.is_power_of_two() && 32 * invocations <= capabilities.max_workgroup_bytes
        }
        Team::Subgroup => capabilities.subgroups.is_some_and(|sizes| {
            team.is_power_of_two()
                && team <= sizes.smallest
                && invocations.is_multiple_of(sizes.largest)
        }),
        Team::Subgroups { .. } => false,
    }
}

/// How lanes meet that merge so many partial results of each result, and their geometry.
pub fn merge_geometry(partials: u64) -> (Team, Geometry) {
    match partials {
        0..=4 => (Team::Lane, Geometry { lanes: 1, rows: 64, vectors: 1 }),
        5..=256 => (Team::Workgroup, Geometry { lanes: 16, rows: 4, vectors: 1 }),
        _ => (Team::Workgroup, Geometry { lanes: 64, rows: 1, vectors: 1 }),
    }
}
