//! The geometries that compete.

use wgpu_loss::kernel::{Family, Geometry, Team};
use wgpu_loss::plan::{AdapterClass, Capabilities, Entry, Tuning};

use super::list::List;

/// Invocations of a workgroup, unless neighbours vary them.
fn usual_invocations(capabilities: &Capabilities) -> u32 {
    match capabilities.class {
        AdapterClass::Software => 64,
        _ => 256,
    }
}

/// Most vectors that a lane holds: on a GPU they are registers.
fn most_vectors(capabilities: &Capabilities) -> u32 {
    match capabilities.class {
        AdapterClass::Software => 32,
        _ => 16,
    }
}

/// Iterations of a lone lane on a row that streams, beyond which more lanes always win.
const LONGEST_OF_A_LANE: u64 = 4096;

/// Collects what the device can run, each once.
struct Candidates<'a> {
    capabilities: &'a Capabilities,
    list: List,
    classes: u64,
    found: Vec<Entry>,
}

impl Candidates<'_> {
    fn push(&mut self, family: Family, team: Team, lanes: u32, rows: u32, vectors: u32) {
        let geometry = Geometry { lanes, rows, vectors };
        let is_held = matches!(family, Family::Tile | Family::Team | Family::Resident);
        let up_to_classes = if is_held { geometry.held() } else { u64::MAX };
        self.push_entry(Entry { up_to_classes, family, team, geometry });
    }

    /// Whether most lanes would idle, or meet at barriers where a subgroup would do.
    fn is_hopeless(&self, entry: &Entry) -> bool {
        let lanes = u64::from(entry.geometry.lanes);
        let idle = lanes > 4 && 2 * lanes > self.classes;
        let barriers = entry.team == Team::Workgroup
            && self.list == List::Entries
            && self.capabilities.subgroups.is_some();
        idle || barriers
    }

    fn push_entry(&mut self, entry: Entry) {
        let Self { capabilities, list, classes, .. } = *self;
        if entry.geometry.vectors > most_vectors(capabilities) || entry.up_to_classes < classes {
            return;
        }
        let alone = list.replaced(&Tuning::built_in(capabilities.class), vec![entry]);
        let runs = list.choice(capabilities, &alone, classes).is_ok();
        if runs && !self.found.iter().any(|other| same(other, &entry)) {
            self.found.push(entry);
        }
    }
}

/// Whether two entries are the same kernel.
pub fn same(a: &Entry, b: &Entry) -> bool {
    (a.family, a.team, a.geometry) == (b.family, b.team, b.geometry)
}

/// A first choice of every kind of geometry for so many classes.
pub fn candidates(list: List, capabilities: &Capabilities, classes: u64) -> Vec<Entry> {
    let mut them = Candidates { capabilities, list, classes, found: Vec::new() };
    // What tables name for any adapter: families unknown here take part too.
    for class in [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete] {
        let tuning = Tuning::built_in(class);
        let mut kinds = Vec::new();
        for entry in list.of(&tuning).iter().filter(|entry| classes <= entry.up_to_classes) {
            let Entry { family, team, geometry: Geometry { lanes, rows, vectors }, .. } = *entry;
            let kind = (family, team);
            if kinds.contains(&kind) || them.is_hopeless(entry) {
                continue;
            }
            kinds.push(kind);
            match family {
                Family::Tile
                | Family::Team
                | Family::Resident
                | Family::Streamed
                | Family::FromState => {
                    them.push(family, team, lanes, rows, vectors);
                }
                _ => them.push_entry(*entry),
            }
        }
    }
    match list {
        List::Entries => reduced(&mut them),
        List::FromState => from_state(&mut them),
        List::Strided => strided(&mut them),
    }
    them.found
}

/// The geometries next to one: half and twice the rows, lanes and vectors.
pub fn neighbours(
    list: List,
    capabilities: &Capabilities,
    classes: u64,
    entry: &Entry,
) -> Vec<Entry> {
    let mut them = Candidates { capabilities, list, classes, found: Vec::new() };
    let Entry { family, team, geometry: Geometry { lanes, rows, vectors }, .. } = *entry;
    for rows in [rows / 8, rows / 2, 2 * rows, 8 * rows] {
        them.push(family, team, lanes, rows, vectors);
    }
    match family {
        // A lane a row, of as many vectors as it needs.
        Family::Tile => {}
        Family::Team | Family::Resident => {
            // Fewer lanes that hold more each, and more that hold less.
            for lanes in [lanes / 2, 2 * lanes].into_iter().filter(|lanes| *lanes > 0) {
                let vectors = vectors_for(classes, lanes);
                them.push(family, team, lanes, rows, vectors);
            }
        }
        _ => {
            for vectors in [vectors / 2, 2 * vectors] {
                them.push(family, team, lanes, rows, vectors);
            }
        }
    }
    them.found.retain(|other| !same(other, entry));
    them.found
}

/// Vectors that lanes need to hold a row.
fn vectors_for(classes: u64, lanes: u32) -> u32 {
    u32::try_from(classes.div_ceil(4 * u64::from(lanes)).max(1)).unwrap_or(u32::MAX)
}

fn powers(least: u32, most: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(least), |lanes| lanes.checked_mul(2))
        .take_while(move |lanes| *lanes <= most)
}

fn reduced(them: &mut Candidates<'_>) {
    let (capabilities, classes) = (*them.capabilities, them.classes);
    let usual = usual_invocations(&capabilities);
    let rows_of = |lanes: u32| (usual / lanes).max(1);
    let subgroups = capabilities.subgroups;
    // Lanes that have something to do.
    let busy = |lanes: u32| u64::from(lanes) <= classes.div_ceil(2).max(1);

    them.push(Family::Team, Team::Lane, 1, rows_of(1), vectors_for(classes, 1));
    them.push(Family::Tile, Team::Lane, 1, rows_of(1), vectors_for(classes, 1));
    let largest_team = subgroups.map_or(64, |sizes| sizes.smallest);
    let team = if subgroups.is_some() { Team::Subgroup } else { Team::Workgroup };
    for lanes in powers(2, largest_team).filter(|lanes| busy(*lanes)) {
        let least = subgroups.map_or(1, |sizes| sizes.largest.div_ceil(lanes));
        let rows = rows_of(lanes).max(least);
        them.push(Family::Team, team, lanes, rows, vectors_for(classes, lanes));
        for vectors in [4, 8] {
            let geometry = Geometry { lanes, rows, vectors };
            if classes > geometry.held() && (lanes == largest_team || subgroups.is_none()) {
                them.push(Family::Streamed, team, lanes, rows, vectors);
                them.push(Family::Streamed, team, lanes, least, vectors);
            }
        }
    }
    if classes <= LONGEST_OF_A_LANE {
        for vectors in [4, 8].into_iter().filter(|vectors| classes > 4 * vectors) {
            them.push(Family::Streamed, Team::Lane, 1, rows_of(1), vectors as u32);
        }
    }
    let whole = if subgroups.is_some() { Team::Subgroups { smallest: 1 } } else { Team::Workgroup };
    for lanes in powers(64, 1024).filter(|lanes| 2 * u64::from(*lanes) <= classes) {
        them.push(Family::Resident, whole, lanes, 1, vectors_for(classes, lanes));
        if classes > 16 * u64::from(lanes) {
            them.push(Family::Streamed, whole, lanes, 1, 4);
        }
    }
}

fn from_state(them: &mut Candidates<'_>) {
    let (capabilities, classes) = (*them.capabilities, them.classes);
    let usual = usual_invocations(&capabilities);
    them.push(Family::Tile, Team::Lane, 1, usual, vectors_for(classes, 1));
    for lanes in powers(1, 1024).filter(|lanes| u64::from(*lanes) <= classes.div_ceil(2).max(1)) {
        let rows = (usual / lanes).max(1);
        let vectors = vectors_for(classes, lanes).min(4);
        if lanes > 1 || classes <= LONGEST_OF_A_LANE {
            them.push(Family::FromState, Team::Lane, lanes, rows, vectors);
        }
    }
}

fn strided(them: &mut Candidates<'_>) {
    let (capabilities, classes) = (*them.capabilities, them.classes);
    let usual = usual_invocations(&capabilities);
    them.push(Family::Team, Team::Lane, 1, usual, vectors_for(classes, 1));
    for vectors in [2, 4, 8].into_iter().filter(|vectors| classes > 4 * vectors) {
        them.push(Family::Streamed, Team::Lane, 1, usual, vectors as u32);
    }
    for lanes in [4, 8, 16].into_iter().filter(|lanes| 16 * u64::from(*lanes) <= classes) {
        them.push(Family::Streamed, Team::Workgroup, lanes, (usual / lanes).max(1), 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu_loss::plan::SubgroupSizes;

    fn devices() -> Vec<Capabilities> {
        let mut devices = Vec::new();
        for class in [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete] {
            for sizes in [None, Some((4, 4)), Some((8, 8)), Some((8, 32)), Some((32, 32))] {
                devices.push(Capabilities {
                    subgroups: sizes.map(|(smallest, largest)| SubgroupSizes { smallest, largest }),
                    ..Capabilities::web_gpu(class)
                });
            }
        }
        devices
    }

    #[test]
    fn every_device_has_several_that_it_can_run() {
        for device in devices() {
            let built_in = Tuning::built_in(device.class);
            for list in List::ALL {
                for classes in list.grid(&built_in, false) {
                    let found = candidates(list, &device, classes);
                    assert!(!found.is_empty(), "{list:?}, {classes} classes, {device:?}");
                    assert!(found.len() <= 36, "{} for {classes} classes", found.len());
                    for (index, entry) in found.iter().enumerate() {
                        assert!(!found[..index].iter().any(|other| same(other, entry)));
                        let alone = list.replaced(&built_in, vec![*entry]);
                        let choice = list.choice(&device, &alone, classes).unwrap();
                        assert_eq!(choice.geometry, entry.geometry);
                    }
                }
            }
        }
    }

    #[test]
    fn neighbours_can_run_and_are_others() {
        for device in devices() {
            let built_in = Tuning::built_in(device.class);
            for list in List::ALL {
                for entry in candidates(list, &device, 100) {
                    for other in neighbours(list, &device, 100, &entry) {
                        assert!(!same(&other, &entry));
                        let alone = list.replaced(&built_in, vec![other]);
                        assert!(list.choice(&device, &alone, 100).is_ok(), "{other:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn long_rows_of_few_lanes_are_no_candidates_where_loops_are_bounded() {
        let software = Capabilities::web_gpu(AdapterClass::Software);
        for entry in candidates(List::FromState, &software, 1 << 18) {
            // Parts are short.
            assert!(entry.geometry.lanes >= 8 || entry.family == Family::Split, "{entry:?}");
        }
    }
}
