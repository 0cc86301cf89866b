//! A table out of the winners and the built-in one.

use wgpu_loss::plan::{Capabilities, Entry, Tuning};

use super::candidates::same;
use super::list::{Band, List};

/// An entry that won a band.
#[derive(Clone, Copy, Debug)]
pub struct Winner {
    /// The band.
    pub band: Band,
    /// The entry.
    pub entry: Entry,
}

/// The winners of ascending bands, between them what the built-in table has for this device, and
/// behind them the whole built-in table, so that any device finds an entry.
pub fn merged(
    list: List,
    capabilities: &Capabilities,
    built_in: &Tuning,
    winners: &[Winner],
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut reached = 0;
    for Winner { band, entry } in winners {
        if reached + 1 < band.from_classes {
            entries.extend(between(list, capabilities, built_in, reached, band.from_classes - 1));
        }
        match entries.last_mut() {
            Some(last) if same(last, entry) => last.up_to_classes = band.up_to_classes,
            _ => entries.push(Entry { up_to_classes: band.up_to_classes, ..*entry }),
        }
        reached = band.up_to_classes;
    }
    entries.extend(list.of(built_in));
    entries
}

/// What the built-in table has for this device, for more than `reached` classes and up to `most`.
fn between(
    list: List,
    capabilities: &Capabilities,
    built_in: &Tuning,
    mut reached: u64,
    most: u64,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    for entry in list.of(built_in) {
        let clipped = Entry { up_to_classes: entry.up_to_classes.min(most), ..*entry };
        if reached >= clipped.up_to_classes {
            continue;
        }
        let alone = list.replaced(built_in, vec![clipped]);
        if list.choice(capabilities, &alone, clipped.up_to_classes).is_ok() {
            entries.push(clipped);
            reached = clipped.up_to_classes;
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use wgpu_loss::kernel::{Family, Geometry, Team};
    use wgpu_loss::plan::{AdapterClass, SubgroupSizes};

    fn device(class: AdapterClass, size: Option<u32>) -> Capabilities {
        Capabilities {
            subgroups: size.map(|size| SubgroupSizes { smallest: size, largest: size }),
            ..Capabilities::web_gpu(class)
        }
    }

    fn winner(from_classes: u64, up_to_classes: u64, rows: u32) -> Winner {
        let geometry = Geometry { lanes: 1, rows, vectors: 5 };
        let (family, team) = (Family::Streamed, Team::Lane);
        let entry = Entry { up_to_classes: u64::MAX, family, team, geometry };
        Winner { band: Band { from_classes, up_to_classes }, entry }
    }

    #[test]
    fn winners_rule_their_bands_and_the_built_in_table_the_rest() {
        for class in [AdapterClass::Software, AdapterClass::Discrete] {
            for size in [None, Some(4), Some(8), Some(32)] {
                let device = device(class, size);
                let built_in = Tuning::built_in(class);
                let winners = [winner(9, 10, 3), winner(65, 100, 5), winner(101, 128, 5)];
                let winners = [&winners[..], &[winner(600, 1000, 7)]].concat();
                let entries = merged(List::Entries, &device, &built_in, &winners);
                let tuned = Tuning { entries, ..built_in.clone() };
                for classes in (1..1500).chain([4096, 5000, 32_000, 1 << 20]) {
                    let found = List::Entries.choice(&device, &tuned, classes).unwrap();
                    let won = winners.iter().find(|winner| {
                        (winner.band.from_classes..=winner.band.up_to_classes).contains(&classes)
                    });
                    match won {
                        Some(winner) => assert_eq!(found.geometry, winner.entry.geometry),
                        None => {
                            let expected = List::Entries.choice(&device, &built_in, classes);
                            assert_eq!(Ok(found), expected, "{classes} classes, {device:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn neighbouring_bands_of_one_winner_are_one_entry() {
        let device = device(AdapterClass::Software, Some(8));
        let built_in = Tuning::built_in(AdapterClass::Software);
        let winners = [winner(1, 100, 5), winner(101, 128, 5)];
        let entries = merged(List::Entries, &device, &built_in, &winners);
        assert_eq!(entries.len(), 1 + built_in.entries.len());
        assert_eq!(entries[0].up_to_classes, 128);
    }

    #[test]
    fn without_winners_it_is_the_built_in_table() {
        let device = device(AdapterClass::Discrete, Some(32));
        let built_in = Tuning::built_in(AdapterClass::Discrete);
        for list in List::ALL {
            assert_eq!(&merged(list, &device, &built_in, &[]), list.of(&built_in));
        }
    }
}
