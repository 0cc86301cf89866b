//! The tables of a tuning that are measured, and the numbers of classes they are measured at.

use serde::Serialize;
use wgpu_loss::plan::{Capabilities, Choice, Entry, Purpose, Tuning, choose};
use wgpu_loss::{GradientPlace, Kernels, Pass, Result, UpstreamSource};

/// A table of a [`Tuning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// Rows of neighbouring classes, reduced: forward and fused.
    Entries,
    /// Backward from saved states.
    FromState,
    /// Rows side by side: forward and fused.
    Strided,
}

/// More classes than this are left to the built-in table.
pub const MOST_CLASSES: u64 = 1 << 18;

/// Numbers of classes that people have.
const TYPICAL: [u64; 19] = [
    10, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 2048, 4096, 8192, 16_384, 32_000, 65_536,
    128_256, 262_144, 4,
];

impl List {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Entries, Self::FromState, Self::Strided];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entries => "forward and fused",
            Self::FromState => "backward from saved states",
            Self::Strided => "class axis in the middle, forward and fused",
        }
    }

    /// The passes whose times count.
    pub fn passes(self) -> &'static [Pass] {
        const UPSTREAM: UpstreamSource = UpstreamSource::Scalar;
        const GRADIENT: GradientPlace = GradientPlace::Separate;
        match self {
            Self::Entries | Self::Strided => &[
                Pass::Forward { save_state: false },
                Pass::Fused { gradient: GRADIENT, upstream: UPSTREAM },
            ],
            Self::FromState => &[Pass::Backward { gradient: GRADIENT, upstream: UPSTREAM }],
        }
    }

    /// Whether rows lie side by side.
    pub fn is_strided(self) -> bool {
        self == Self::Strided
    }

    /// This table.
    pub fn of(self, tuning: &Tuning) -> &Vec<Entry> {
        match self {
            Self::Entries => &tuning.entries,
            Self::FromState => &tuning.from_state,
            Self::Strided => &tuning.strided,
        }
    }

    /// The same tuning with another such table.
    pub fn replaced(self, tuning: &Tuning, entries: Vec<Entry>) -> Tuning {
        let mut tuning = tuning.clone();
        *match self {
            Self::Entries => &mut tuning.entries,
            Self::FromState => &mut tuning.from_state,
            Self::Strided => &mut tuning.strided,
        } = entries;
        tuning
    }

    /// What the planner takes from this table.
    pub fn choice(
        self,
        capabilities: &Capabilities,
        tuning: &Tuning,
        classes: u64,
    ) -> Result<Choice> {
        let purpose = match self {
            Self::FromState => Purpose::FromState,
            Self::Entries | Self::Strided => Purpose::Reduce,
        };
        choose(capabilities, tuning, classes, self.is_strided(), purpose)
    }

    /// Kernels that have nothing but this entry to choose from.
    pub fn kernels_of(self, kernels: &Kernels, entry: Entry) -> Result<Kernels> {
        let tuning = self.replaced(kernels.tuning(), vec![entry]);
        kernels.with_tuning(tuning)
    }

    /// The numbers of classes to measure at, ascending: where the built-in table changes its mind,
    /// and those that people have; `quick`: few of them.
    pub fn grid(self, built_in: &Tuning, quick: bool) -> Vec<u64> {
        if quick {
            return match self {
                Self::Entries => vec![10, 32, 128, 1000, 4096, 32_000],
                Self::FromState => vec![10, 1000],
                Self::Strided => vec![10, 100],
            };
        }
        let most = if self.is_strided() { 4096 } else { MOST_CLASSES };
        let boundaries = self.of(built_in).iter().map(|entry| entry.up_to_classes);
        let mut grid: Vec<_> =
            boundaries.chain(TYPICAL).filter(|classes| *classes <= most).collect();
        grid.sort_unstable();
        grid.dedup();
        grid
    }
}

/// Numbers of classes that share a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Band {
    /// The least.
    pub from_classes: u64,
    /// The largest, where candidates compete.
    pub up_to_classes: u64,
}

/// The bands below each of some ascending numbers of classes: down to the one before it, or to
/// where the built-in table changes its mind.
pub fn bands(built_in: &[Entry], grid: &[u64]) -> Vec<Band> {
    let mut before = 0;
    grid.iter()
        .map(|&up_to_classes| {
            let boundaries = built_in.iter().map(|entry| entry.up_to_classes);
            let boundary = boundaries.filter(|classes| *classes < up_to_classes).max();
            let from_classes = 1 + boundary.unwrap_or(0).max(before);
            before = up_to_classes;
            Band { from_classes, up_to_classes }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu_loss::plan::AdapterClass;

    #[test]
    fn a_full_grid_has_every_boundary_and_no_gap() {
        for class in [AdapterClass::Software, AdapterClass::Discrete] {
            let tuning = Tuning::built_in(class);
            for list in List::ALL {
                let grid = list.grid(&tuning, false);
                assert!(grid.is_sorted());
                let bands = bands(list.of(&tuning), &grid);
                let mut next = 1;
                for (band, classes) in bands.iter().zip(&grid) {
                    assert_eq!((band.from_classes, band.up_to_classes), (next, *classes));
                    next = classes + 1;
                }
                assert!(bands.len() > 8, "{list:?}");
            }
        }
    }

    #[test]
    fn a_band_ends_where_the_built_in_table_changes_its_mind() {
        let tuning = Tuning::built_in(AdapterClass::Software);
        let boundary = tuning.entries[1].up_to_classes;
        let found = bands(&tuning.entries, &[boundary + 1, 1 << 17]);
        assert_eq!(found[0], Band { from_classes: boundary + 1, up_to_classes: boundary + 1 });
        assert!(found[1].from_classes > boundary + 2, "{found:?}");
    }
}
