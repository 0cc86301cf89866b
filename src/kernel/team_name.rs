//! A team as a tuning's JSON names it.

use serde::{Deserialize, Serialize};

use super::variant::Team;

/// How lanes meet, without the device's numbers.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TeamName {
    Lane,
    Subgroup,
    Workgroup,
    Subgroups,
}

impl From<TeamName> for Team {
    fn from(name: TeamName) -> Self {
        match name {
            TeamName::Lane => Self::Lane,
            TeamName::Subgroup => Self::Subgroup,
            TeamName::Workgroup => Self::Workgroup,
            // The planner fills in the device's.
            TeamName::Subgroups => Self::Subgroups { smallest: 1 },
        }
    }
}

impl From<Team> for TeamName {
    fn from(team: Team) -> Self {
        match team {
            Team::Lane => Self::Lane,
            Team::Subgroup => Self::Subgroup,
            Team::Workgroup => Self::Workgroup,
            Team::Subgroups { .. } => Self::Subgroups,
        }
    }
}
