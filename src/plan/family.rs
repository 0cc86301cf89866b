//! The choice of family, team and geometry. It depends on the number of classes alone, never on the
//! number of rows: a row's bits must not depend on its batch.

use super::{Capabilities, Entry, Tuning};
use crate::error::{Error, Result};
use crate::kernel::{Family, Geometry, Team};

use super::AdapterClass;

/// Mesa's software drivers end every loop of an invocation, without a word, once all its loops
/// together have run this often.
const SOFTWARE_LOOP_ITERATIONS: u64 = 65_535;

/// What the planner chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Choice {
    /// How rows are read.
    pub family: Family,
    /// How lanes meet.
    pub team: Team,
    /// Lanes, rows and vectors.
    pub geometry: Geometry,
    /// Rows are cut into parts of the tuning's `part_classes`.
    pub split: bool,
    /// Rows are staged in workgroup memory where they are packed.
    pub tile: bool,
}

/// What a kernel goes over its rows for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To reduce them, with or without a gradient.
    Reduce,
    /// The same, where no row can be cut into parts.
    ReduceWhole,
    /// For the gradient alone, from saved states.
    FromState,
    /// For the target's log-probability alone; `gradient`: and to write a gradient of zeros.
    Gather {
        /// There is a gradient.
        gradient: bool,
    },
}

/// The first entry of the tuning that is for as many classes and that the device can run;
/// `strided`: rows lie side by side, and the classes of each apart.
///
/// # Errors
/// [`Error::Limit`] where the device can run none of them.
pub fn choose(
    capabilities: &Capabilities,
    tuning: &Tuning,
    classes: u64,
    strided: bool,
    purpose: Purpose,
) -> Result<Choice> {
    if purpose == (Purpose::Gather { gradient: false }) {
        let geometry = Geometry { lanes: 1, rows: 64, vectors: 1 };
        let (family, team) = (Family::Gathered, Team::Lane);
        return Ok(Choice { family, team, geometry, split: false, tile: false });
    }
    let entries = match (strided, purpose) {
        (true, _) => &tuning.strided,
        (false, Purpose::Reduce | Purpose::ReduceWhole) => &tuning.entries,
        (false, Purpose::FromState | Purpose::Gather { .. }) => &tuning.from_state,
    };
    let mut least = u32::MAX;
    let mut fewest_iterations = u64::MAX;
    let may_split = matches!(purpose, Purpose::Reduce | Purpose::FromState);
    let is_for = |entry: &&Entry| {
        classes <= entry.up_to_classes
            && (entry.family != Family::Split || (may_split && tuning.splits()))
    };
    for entry in entries.iter().filter(is_for) {
        let Some(choice) = fit(capabilities, entry) else {
            least = least.min(entry.geometry.invocations());
            continue;
        };
        let of_part = if choice.split { tuning.part_classes } else { u64::MAX };
        let iterations = loop_iterations(&choice, classes.min(of_part));
        let is_bounded = capabilities.class == AdapterClass::Software;
        if !is_bounded || iterations <= SOFTWARE_LOOP_ITERATIONS {
            return Ok(choice.for_purpose(purpose));
        }
        fewest_iterations = fewest_iterations.min(iterations);
    }
    if fewest_iterations < u64::MAX {
        return Err(Error::Limit {
            operation: "planning",
            limit: "loop iterations of a software driver",
            needed: fewest_iterations,
            available: SOFTWARE_LOOP_ITERATIONS,
        });
    }
    Err(Error::Limit {
        operation: "planning",
        limit: "max_compute_invocations_per_workgroup",
        needed: least.into(),
        available: capabilities.max_invocations.into(),
    })
}

impl Choice {
    /// The same geometry without an exchange between lanes, where the purpose needs none.
    pub(super) fn for_purpose(self, purpose: Purpose) -> Self {
        let (family, tile) = match purpose {
            Purpose::Reduce | Purpose::ReduceWhole => return self,
            Purpose::FromState => (Family::FromState, self.tile),
            Purpose::Gather { .. } => (Family::Gathered, false),
        };
        Self { family, team: Team::Lane, tile, ..self }
    }
}

/// Iterations of all loops of an invocation, if the driver unrolls none: three sweeps over the
/// blocks (the first in parts, the second rare, the third for the gradient), with three, one and two
/// loops over a lane's vectors: to load them, for terms of every class, for exponentials.
fn loop_iterations(choice: &Choice, classes: u64) -> u64 {
    let blocks = classes.div_ceil(choice.geometry.held());
    blocks * (4 + 6 * u64::from(choice.geometry.vectors))
}

/// Workgroup memory of [`Family::Tile`](Family): a word each, and one left out after every 32.
fn tile_bytes(geometry: &Geometry) -> u64 {
    let elements = geometry.held() * u64::from(geometry.rows);
    4 * (elements + elements / 32)
}

/// The entry as this device runs it, or `None` where it cannot.
pub(super) fn fit(capabilities: &Capabilities, entry: &Entry) -> Option<Choice> {
    let Entry { family, team, geometry, up_to_classes } = *entry;
    let invocations = geometry.invocations();
    let is_held = matches!(family, Family::Tile | Family::Team | Family::Resident);
    let holds = !is_held || up_to_classes <= geometry.held();
    let well_formed = geometry.lanes.is_power_of_two() && geometry.rows > 0 && geometry.vectors > 0;
    if !holds || !well_formed || invocations > capabilities.max_invocations {
        return None;
    }
    if family == Family::Tile {
        let fits = tile_bytes(&geometry) <= u64::from(capabilities.max_workgroup_bytes);
        let is_lane = team == Team::Lane && geometry.lanes == 1;
        // Halves that share a word must not be of two workgroups.
        let is_even = geometry.rows.is_multiple_of(2);
        let choice = Choice { family: Family::Team, team, geometry, split: false, tile: true };
        return (is_lane && is_even && fits).then_some(choice);
    }
    // A state, a value, four sums and flags for each invocation.
    let workgroup_bytes = (8 + 4 + 16 + 4) * invocations;
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
    Some(Choice { family, team, geometry, split: family == Family::Split, tile: false })
}

#[cfg(test)]
mod tests {
    use super::super::{AdapterClass, SubgroupSizes};
    use super::*;

    const CLASSES: [AdapterClass; 3] =
        [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete];

    fn devices() -> impl Iterator<Item = Capabilities> {
        let subgroups =
            [None, Some((4, 4)), Some((8, 8)), Some((8, 32)), Some((32, 32)), Some((64, 64))];
        CLASSES.into_iter().flat_map(move |class| {
            subgroups.into_iter().flat_map(move |sizes| {
                [64, 256, 1024].into_iter().map(move |max_invocations| Capabilities {
                    subgroups: sizes.map(|(smallest, largest)| SubgroupSizes { smallest, largest }),
                    max_invocations,
                    ..Capabilities::web_gpu(class)
                })
            })
        })
    }

    #[test]
    fn every_device_has_a_kernel_for_every_number_of_classes_that_holds_it() {
        for device in devices() {
            let tuning = Tuning::built_in(device.class);
            for classes in (0..5000).chain([8192, 8193, 32_768, 32_769, 1 << 20, 1 << 21]) {
                let choice = choose(&device, &tuning, classes, false, Purpose::Reduce).unwrap();
                let held = choice.geometry.held();
                if !matches!(choice.family, Family::Streamed | Family::Split) {
                    assert!(classes <= held, "{classes} classes in {choice:?}");
                }
                if choice.family == Family::Resident {
                    assert_eq!(choice.geometry.rows, 1);
                }
                assert!(choice.geometry.invocations() <= device.max_invocations);
                if device.class == AdapterClass::Software {
                    let of_part = if choice.split { tuning.part_classes } else { classes };
                    assert!(loop_iterations(&choice, of_part) <= SOFTWARE_LOOP_ITERATIONS);
                }
                let whole = choose(&device, &tuning, classes, false, Purpose::ReduceWhole).unwrap();
                assert!(!whole.split && whole.family != Family::Split, "{whole:?}");
                let strided = choose(&device, &tuning, classes, true, Purpose::Reduce).unwrap();
                assert!(matches!(strided.team, Team::Lane | Team::Workgroup), "{strided:?}");
                let backward =
                    choose(&device, &tuning, classes, false, Purpose::FromState).unwrap();
                assert_eq!(backward.family, Family::FromState);
            }
        }
    }

    #[test]
    fn subgroup_teams_fit_whole_subgroups() {
        for device in devices() {
            let tuning = Tuning::built_in(device.class);
            for classes in [1, 10, 100, 1000, 5000, 10_000, 100_000] {
                let choice = choose(&device, &tuning, classes, false, Purpose::Reduce).unwrap();
                match (choice.team, device.subgroups) {
                    (Team::Subgroup, Some(sizes)) => {
                        assert!(choice.geometry.lanes <= sizes.smallest);
                        assert!(choice.geometry.invocations().is_multiple_of(sizes.largest));
                    }
                    (Team::Subgroups { smallest }, Some(sizes)) => {
                        assert_eq!(smallest, sizes.smallest);
                        assert!(choice.geometry.lanes.is_multiple_of(sizes.largest));
                    }
                    (Team::Subgroup | Team::Subgroups { .. }, None) => panic!("{choice:?}"),
                    (Team::Lane | Team::Workgroup, _) => {}
                }
            }
        }
    }

    #[test]
    fn real_gpus_hold_rows_up_to_the_size_of_a_workgroup() {
        let device = Capabilities {
            subgroups: Some(SubgroupSizes { smallest: 32, largest: 32 }),
            max_invocations: 1024,
            ..Capabilities::web_gpu(AdapterClass::Discrete)
        };
        let tuning = Tuning::built_in(AdapterClass::Discrete);
        for (classes, family) in [
            (10, Family::Team),
            (1000, Family::Team),
            (1025, Family::Resident),
            (8192, Family::Resident),
            (32_768, Family::Resident),
            (32_769, Family::Split),
            (1 << 29, Family::Split),
        ] {
            let choice = choose(&device, &tuning, classes, false, Purpose::Reduce).unwrap();
            assert_eq!(choice.family, family, "{classes} classes: {choice:?}");
        }
    }

    #[test]
    fn rows_too_long_for_a_software_driver_are_refused() {
        let software = Capabilities::web_gpu(AdapterClass::Software);
        let tuning = Tuning::built_in(AdapterClass::Software);
        assert!(choose(&software, &tuning, 9_000_000, false, Purpose::ReduceWhole).is_ok());
        let error =
            choose(&software, &tuning, 100_000_000, false, Purpose::ReduceWhole).unwrap_err();
        assert!(matches!(error, Error::Limit { available: 65_535, .. }), "{error}");
        // Parts are short, however many there are.
        for purpose in [Purpose::Reduce, Purpose::FromState] {
            assert!(choose(&software, &tuning, 100_000_000, false, purpose).unwrap().split);
        }
        // lavapipe's 1024 invocations reach further.
        let lavapipe =
            Capabilities { max_invocations: 1024, max_workgroup_bytes: 1 << 15, ..software };
        assert!(choose(&lavapipe, &tuning, 1 << 24, false, Purpose::ReduceWhole).is_ok());
        let discrete = Capabilities::web_gpu(AdapterClass::Discrete);
        assert!(
            choose(
                &discrete,
                &Tuning::built_in(AdapterClass::Discrete),
                1 << 29,
                false,
                Purpose::ReduceWhole
            )
            .is_ok()
        );
    }

    #[test]
    fn a_tuning_that_no_entry_of_fits_is_refused_by_name() {
        let device =
            Capabilities { max_invocations: 64, ..Capabilities::web_gpu(AdapterClass::Discrete) };
        let mut tuning = Tuning::built_in(AdapterClass::Discrete);
        tuning.entries.retain(|entry| entry.geometry.invocations() > 64);
        let error = choose(&device, &tuning, 100_000, false, Purpose::Reduce).unwrap_err();
        let Error::Limit { limit, available, needed, .. } = error else { panic!("{error:?}") };
        assert_eq!((limit, available), ("max_compute_invocations_per_workgroup", 64));
        assert_eq!(needed, 256);
    }
}
