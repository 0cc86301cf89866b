//! The choice of family, team and geometry. It depends on the number of classes alone, never on the
//! number of rows: a row's bits must not depend on its batch.

use super::{Capabilities, Entry, Tuning};
use crate::kernel::{Family, Geometry, Team};
use crate::{Error, Result};

/// What the planner chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Choice {
    /// How rows are read.
    pub family: Family,
    /// How lanes meet.
    pub team: Team,
    /// Lanes, rows and vectors.
    pub geometry: Geometry,
}

/// The first entry of the tuning that is for as many classes and that the device can run;
/// `from_state` chooses among the entries for a backward from saved states.
///
/// # Errors
/// [`Error::Limit`] where the device can run none of them.
pub fn choose(
    capabilities: &Capabilities,
    tuning: &Tuning,
    classes: u64,
    from_state: bool,
) -> Result<Choice> {
    let entries = if from_state { &tuning.from_state } else { &tuning.entries };
    let mut least = u32::MAX;
    for entry in entries.iter().filter(|entry| classes <= entry.up_to_classes) {
        if let Some(choice) = fit(capabilities, entry) {
            return Ok(choice);
        }
        least = least.min(entry.geometry.invocations());
    }
    Err(Error::Limit {
        operation: "planning",
        limit: "max_compute_invocations_per_workgroup",
        needed: least.into(),
        available: capabilities.max_invocations.into(),
    })
}

/// The entry as this device runs it, or `None` where it cannot.
pub(super) fn fit(capabilities: &Capabilities, entry: &Entry) -> Option<Choice> {
    let Entry { family, team, geometry, up_to_classes } = *entry;
    let invocations = geometry.invocations();
    let holds =
        !matches!(family, Family::Team | Family::Resident) || up_to_classes <= geometry.held();
    let well_formed = geometry.lanes.is_power_of_two() && geometry.rows > 0 && geometry.vectors > 0;
    if !holds || !well_formed || invocations > capabilities.max_invocations {
        return None;
    }
    // A state and a value for each invocation.
    let workgroup_bytes = 12 * invocations;
    let team = match team {
        Team::Lane if family == Family::FromState || geometry.lanes == 1 => team,
        Team::Lane => return None,
        Team::Workgroup if workgroup_bytes <= capabilities.max_workgroup_bytes => team,
        Team::Workgroup => return None,
        Team::Subgroup => {
            let sizes = capabilities.subgroups?;
            let whole = invocations.is_multiple_of(sizes.largest);
            if geometry.lanes > sizes.smallest || !whole {
                return None;
            }
            team
        }
        Team::Subgroups { .. } => {
            let sizes = capabilities.subgroups?;
            if geometry.rows != 1 || !geometry.lanes.is_multiple_of(sizes.largest) {
                return None;
            }
            Team::Subgroups { smallest: sizes.smallest }
        }
    };
    Some(Choice { family, team, geometry })
}
