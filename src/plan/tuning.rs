//! Geometry as data: which family, team and geometry for how many classes, by class of adapter.

use super::AdapterClass;
use super::reduce::RunEntry;
use crate::kernel::{Family, Geometry, Team};

/// A row of a tuning table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Entry {
    /// The largest number of classes this entry is for.
    #[cfg_attr(feature = "serde", serde(with = "super::tuning_file::limit"))]
    pub up_to_classes: u64,
    /// How rows are read.
    pub family: Family,
    /// How lanes meet. `Subgroups` takes its `smallest` from the device.
    pub team: Team,
    /// Lanes, rows and vectors.
    pub geometry: Geometry,
}

/// The geometries to choose from. The planner takes the first entry that the device can run and
/// that is for at least as many classes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Tuning {
    /// By ascending number of classes; the last is for any number.
    pub entries: Vec<Entry>,
    /// For backward from saved states, where lanes need not meet. By ascending number of classes.
    pub from_state: Vec<Entry>,
    /// For rows that lie side by side, the classes of each apart: lanes that are neighbours read
    /// neighbouring rows, so teams are `Lane` or `Workgroup`. By ascending number of classes.
    pub strided: Vec<Entry>,
    /// Classes of a part of a row that is cut into parts, by [`Family::Split`]. A multiple of four.
    pub part_classes: u64,
    /// Bytes of logits that kernels of [`Family::Split`] go over together, so that the gradient's
    /// finds them in the cache; at the least one row.
    #[cfg_attr(feature = "serde", serde(with = "super::tuning_file::limit"))]
    pub chunk_bytes: u64,
    /// Lanes of the kernels that reduce over a batch.
    pub totals_lanes: u32,
    /// Weighted reductions.
    pub reduce: ReduceTuning,
}

/// The geometries of weighted reductions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct ReduceTuning {
    /// For runs that have a result each. By ascending length; the last is for any.
    pub runs: Vec<RunEntry>,
    /// For runs that make up one result. By ascending length; the last is for any.
    pub grouped: Vec<RunEntry>,
    /// For gradients; teams are `Lane`. By ascending length; the last is for any.
    pub gradients: Vec<RunEntry>,
    /// Values of a long run, or of a group of short ones, that a workgroup reduces. A multiple of
    /// four.
    pub part_length: u64,
    /// Invocations of a workgroup over columns.
    pub column_lanes: u32,
    /// Rows of a column that a lane reduces.
    pub rows_per_lane: u64,
}

/// An entry of a table of reductions.
const fn runs(up_to_length: u64, team: Team, lanes: u32, rows: u32, vectors: u32) -> RunEntry {
    RunEntry { up_to_length, team, geometry: Geometry { lanes, rows, vectors } }
}

const ANY: u64 = u64::MAX;
/// Classes that 8 lanes of a software driver get through before it ends their loops.
const SHORT: u64 = 1 << 18;

const fn entry(
    up_to_classes: u64,
    family: Family,
    team: Team,
    lanes: u32,
    rows: u32,
    vectors: u32,
) -> Entry {
    Entry { up_to_classes, family, team, geometry: Geometry { lanes, rows, vectors } }
}

const fn team(team: Team, lanes: u32, rows: u32, vectors: u32) -> Entry {
    let geometry = Geometry { lanes, rows, vectors };
    Entry { up_to_classes: geometry.held(), family: Family::Team, team, geometry }
}

const fn resident(team: Team, lanes: u32, vectors: u32) -> Entry {
    let geometry = Geometry { lanes, rows: 1, vectors };
    Entry { up_to_classes: geometry.held(), family: Family::Resident, team, geometry }
}

const fn tile(rows: u32, vectors: u32) -> Entry {
    let geometry = Geometry { lanes: 1, rows, vectors };
    let up_to_classes = geometry.held();
    Entry { up_to_classes, family: Family::Tile, team: Team::Lane, geometry }
}

/// The planner fills in the device's least subgroup size.
const SUBGROUPS: Team = Team::Subgroups { smallest: 1 };

impl Tuning {
    /// Whether rows can be cut into parts.
    pub(super) fn splits(&self) -> bool {
        self.part_classes > 0 && self.part_classes.is_multiple_of(4)
    }

    /// The built-in table of a class of adapters.
    pub fn built_in(class: AdapterClass) -> Self {
        match class {
            AdapterClass::Software => Self::software(),
            AdapterClass::Integrated | AdapterClass::Discrete => Self::hardware(),
        }
    }

    /// Barriers are costly where invocations are loops on a CPU, whose subgroups are its SIMD width;
    /// and a row that is streamed stays in the cache, so holding it gains nothing. Measured on
    /// Mesa's lavapipe.
    fn software() -> Self {
        Self {
            entries: vec![
                team(Team::Lane, 1, 64, 1),
                team(Team::Lane, 1, 64, 2),
                team(Team::Lane, 1, 64, 3),
                team(Team::Lane, 1, 64, 4),
                team(Team::Lane, 1, 64, 8),
                team(Team::Subgroup, 4, 8, 4),
                team(Team::Workgroup, 4, 8, 4),
                entry(32_768, Family::Streamed, Team::Lane, 1, 8, 4),
                entry(ANY, Family::Split, Team::Lane, 1, 8, 4),
                entry(SHORT, Family::Streamed, Team::Subgroup, 8, 1, 4),
                entry(SHORT, Family::Streamed, Team::Workgroup, 8, 1, 4),
                // More lanes only so that none of them loops too often; the planner counts.
                entry(8 * SHORT, Family::Streamed, Team::Workgroup, 64, 1, 4),
                entry(ANY, Family::Streamed, Team::Workgroup, 256, 1, 4),
                entry(ANY, Family::Streamed, Team::Workgroup, 1024, 1, 4),
            ],
            from_state: vec![
                entry(4, Family::FromState, Team::Lane, 1, 64, 1),
                entry(16, Family::FromState, Team::Lane, 1, 64, 4),
                entry(32_768, Family::FromState, Team::Lane, 1, 8, 4),
                entry(ANY, Family::Split, Team::Lane, 1, 8, 4),
                entry(SHORT, Family::FromState, Team::Lane, 8, 1, 4),
                entry(8 * SHORT, Family::FromState, Team::Lane, 64, 1, 4),
                entry(ANY, Family::FromState, Team::Lane, 256, 1, 4),
                entry(ANY, Family::FromState, Team::Lane, 1024, 1, 4),
            ],
            strided: vec![
                team(Team::Lane, 1, 64, 1),
                team(Team::Lane, 1, 64, 4),
                team(Team::Lane, 1, 64, 6),
                team(Team::Lane, 1, 64, 8),
                entry(32_768, Family::Streamed, Team::Lane, 1, 64, 4),
                entry(8 * SHORT, Family::Streamed, Team::Workgroup, 64, 1, 4),
                entry(ANY, Family::Streamed, Team::Workgroup, 256, 1, 4),
                entry(ANY, Family::Streamed, Team::Workgroup, 1024, 1, 4),
            ],
            part_classes: 2048,
            chunk_bytes: ANY,
            totals_lanes: 64,
            reduce: ReduceTuning {
                runs: vec![
                    runs(256, Team::Lane, 1, 64, 4),
                    runs(4096, Team::Lane, 1, 8, 4),
                    runs(ANY, Team::Subgroup, 8, 1, 8),
                    runs(ANY, Team::Workgroup, 8, 1, 8),
                ],
                grouped: vec![
                    runs(16, Team::Subgroup, 1, 8, 4),
                    runs(64, Team::Subgroup, 2, 4, 4),
                    runs(ANY, Team::Subgroup, 8, 1, 8),
                    runs(16, Team::Workgroup, 1, 8, 4),
                    runs(ANY, Team::Workgroup, 8, 1, 8),
                ],
                gradients: vec![
                    runs(64, Team::Lane, 1, 64, 1),
                    runs(512, Team::Lane, 8, 8, 1),
                    runs(ANY, Team::Lane, 64, 1, 1),
                ],
                part_length: 16_384,
                column_lanes: 64,
                rows_per_lane: 128,
            },
        }
    }

    /// Enough lanes to keep a row in at most 32 registers a lane, several rows a workgroup while
    /// rows are short. Designed for subgroups of 32; not yet measured.
    fn hardware() -> Self {
        Self {
            entries: vec![
                tile(128, 1),
                tile(128, 2),
                tile(64, 3),
                tile(64, 4),
                tile(64, 8),
                team(Team::Subgroup, 8, 32, 2),
                team(Team::Subgroup, 16, 16, 2),
                team(Team::Subgroup, 32, 8, 2),
                team(Team::Subgroup, 32, 8, 4),
                team(Team::Subgroup, 32, 8, 8),
                team(Team::Workgroup, 8, 32, 1),
                team(Team::Workgroup, 16, 16, 2),
                team(Team::Workgroup, 32, 8, 4),
                team(Team::Workgroup, 64, 4, 4),
                resident(SUBGROUPS, 128, 4),
                resident(SUBGROUPS, 256, 4),
                resident(SUBGROUPS, 256, 8),
                resident(SUBGROUPS, 512, 8),
                resident(SUBGROUPS, 1024, 8),
                resident(Team::Workgroup, 128, 4),
                resident(Team::Workgroup, 256, 4),
                resident(Team::Workgroup, 256, 8),
                entry(ANY, Family::Split, SUBGROUPS, 256, 1, 4),
                entry(ANY, Family::Split, Team::Workgroup, 256, 1, 4),
                entry(ANY, Family::Split, Team::Workgroup, 64, 1, 4),
                entry(ANY, Family::Streamed, SUBGROUPS, 256, 1, 4),
                entry(ANY, Family::Streamed, Team::Workgroup, 256, 1, 4),
                entry(ANY, Family::Streamed, Team::Workgroup, 64, 1, 4),
            ],
            from_state: vec![
                tile(64, 2),
                tile(64, 4),
                tile(64, 8),
                entry(64, Family::FromState, Team::Lane, 8, 32, 1),
                entry(1024, Family::FromState, Team::Lane, 32, 8, 2),
                entry(32_768, Family::FromState, Team::Lane, 256, 1, 4),
                entry(ANY, Family::Split, Team::Workgroup, 256, 1, 4),
                entry(ANY, Family::FromState, Team::Lane, 256, 1, 4),
                entry(ANY, Family::FromState, Team::Lane, 64, 1, 4),
            ],
            strided: vec![
                team(Team::Lane, 1, 64, 1),
                team(Team::Lane, 1, 64, 2),
                team(Team::Lane, 1, 64, 4),
                team(Team::Lane, 1, 64, 8),
                entry(512, Family::Streamed, Team::Lane, 1, 64, 8),
                entry(ANY, Family::Streamed, Team::Workgroup, 8, 32, 4),
                entry(ANY, Family::Streamed, Team::Workgroup, 8, 8, 4),
            ],
            part_classes: 8192,
            chunk_bytes: 1 << 24,
            totals_lanes: 256,
            reduce: ReduceTuning {
                runs: vec![
                    runs(4, Team::Lane, 1, 256, 1),
                    runs(4, Team::Lane, 1, 64, 1),
                    runs(32, Team::Subgroup, 8, 32, 1),
                    runs(32, Team::Workgroup, 8, 32, 1),
                    runs(128, Team::Subgroup, 32, 8, 1),
                    runs(128, Team::Workgroup, 32, 8, 1),
                    runs(2048, Team::Subgroup, 32, 8, 4),
                    runs(2048, Team::Workgroup, 32, 8, 4),
                    runs(ANY, Team::Workgroup, 256, 1, 4),
                    runs(ANY, Team::Workgroup, 64, 1, 4),
                ],
                grouped: vec![
                    runs(16, Team::Workgroup, 4, 64, 1),
                    runs(128, Team::Workgroup, 32, 8, 1),
                    runs(ANY, Team::Workgroup, 256, 1, 4),
                    runs(ANY, Team::Workgroup, 64, 1, 4),
                ],
                gradients: vec![
                    runs(32, Team::Lane, 8, 32, 1),
                    runs(512, Team::Lane, 32, 8, 1),
                    runs(ANY, Team::Lane, 256, 1, 1),
                    runs(ANY, Team::Lane, 64, 1, 1),
                ],
                part_length: 16_384,
                column_lanes: 256,
                rows_per_lane: 64,
            },
        }
    }
}
