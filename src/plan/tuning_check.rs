//! Whether a tuning can be trusted: one that somebody wrote, or read from a file.

use super::family::fit;
use super::reduce::{RunEntry, run_geometry};
use super::{AdapterClass, Capabilities, Entry, ReduceTuning, SubgroupSizes, Tuning};
use crate::error::{Error, Result};
use crate::kernel::{Family, Geometry, Team};

/// Most entries of a table.
const MOST_ENTRIES: usize = 1024;
/// Most invocations of a workgroup: more than any device has.
const MOST_INVOCATIONS: u32 = 4096;
/// Most vectors of a lane: more do not compile in reasonable time.
const MOST_VECTORS: u32 = 64;
/// Longest part of a reduction.
const LONGEST_PART: u64 = 1 << 20;
/// What a software driver's invocation gets through, see [`choose`](super::choose).
const LOOP_ITERATIONS: u64 = 65_535;

impl Tuning {
    /// Refuses what no planner could use, or what would make a kernel wrong.
    ///
    /// # Errors
    /// [`Error::Tuning`], which names the field, what was expected and what was found.
    pub fn validate(&self) -> Result<()> {
        let is_reducing = |entry: &Entry| !is_without_exchange(entry.family);
        let is_from_state = |entry: &Entry| {
            matches!(entry.family, Family::FromState | Family::Split | Family::Tile)
        };
        let families = "a family that reduces rows";
        entries("entries", &self.entries, families, is_reducing)?;
        entries("from_state", &self.from_state, "from_state, tile or split", is_from_state)?;
        let families = "team, resident or streamed, of lanes or a workgroup";
        entries("strided", &self.strided, families, |entry| {
            matches!(entry.family, Family::Team | Family::Resident | Family::Streamed)
                && matches!(entry.team, Team::Lane | Team::Workgroup)
        })?;
        if !self.part_classes.is_multiple_of(4) || !(4..=LONGEST_PART).contains(&self.part_classes)
        {
            let expected = format!("a multiple of four up to {LONGEST_PART}");
            return Err(refused("part_classes", expected, self.part_classes));
        }
        let lanes = self.totals_lanes;
        // Fewer would have too many partial sums each.
        if !lanes.is_power_of_two() || !(64..=1024).contains(&lanes) {
            return Err(refused("totals_lanes", "a power of two from 64 to 1024", lanes));
        }
        self.reduce.validate()
    }
}

/// Whether it is for kernels that need no maximum and no sum.
fn is_without_exchange(family: Family) -> bool {
    matches!(family, Family::FromState | Family::Gathered)
}

fn refused(field: impl ToString, expected: impl ToString, found: impl ToString) -> Error {
    Error::Tuning {
        place: "tuning".to_owned(),
        field: field.to_string(),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

/// A device that runs whatever any device runs.
fn any_device() -> Capabilities {
    Capabilities {
        subgroups: Some(SubgroupSizes { smallest: 128, largest: 1 }),
        max_invocations: MOST_INVOCATIONS,
        max_workgroup_bytes: u32::MAX,
        ..Capabilities::web_gpu(AdapterClass::Discrete)
    }
}

fn entries(
    table: &str,
    entries: &[Entry],
    families: &str,
    is_family: impl Fn(&Entry) -> bool,
) -> Result<()> {
    complete(table, entries.len(), entries.last().map(|entry| entry.up_to_classes), "classes")?;
    // What cannot be cut into parts needs an entry too.
    if entries.iter().all(|entry| entry.up_to_classes < u64::MAX || entry.family == Family::Split) {
        return Err(refused(table, "an entry for any number of classes that is not split", "none"));
    }
    for (index, entry) in entries.iter().enumerate() {
        let field = |name: &str| format!("{table}[{index}]{name}");
        let Entry { up_to_classes, family, team, geometry: numbers } = *entry;
        if up_to_classes == 0 {
            return Err(refused(field(".up_to_classes"), "at least 1", up_to_classes));
        }
        geometry(&field(".geometry"), numbers)?;
        if !is_family(entry) {
            return Err(refused(field(".family"), families, format!("{family:?} {team:?}")));
        }
        if family == Family::Resident && numbers.rows != 1 {
            return Err(refused(field(".geometry.rows"), "1 of a resident row", numbers.rows));
        }
        let held = numbers.held();
        let is_held = matches!(family, Family::Tile | Family::Team | Family::Resident);
        if is_held && up_to_classes > held {
            let expected = format!("at most the {held} classes that its lanes hold");
            return Err(refused(field(".up_to_classes"), expected, up_to_classes));
        }
        if fit(&any_device(), entry).is_none() {
            let found = format!("{family:?} {team:?} {numbers:?}");
            return Err(refused(field(""), "a geometry that some device can run", found));
        }
    }
    Ok(())
}

/// Refuses a table that is empty, or that leaves somebody without an entry.
fn complete(table: &str, count: usize, last: Option<u64>, unit: &str) -> Result<()> {
    if !(1..=MOST_ENTRIES).contains(&count) {
        let expected = format!("1 to {MOST_ENTRIES} entries");
        return Err(refused(table, expected, format_args!("{count} entries")));
    }
    match last {
        Some(u64::MAX) => Ok(()),
        last => {
            let expected = format!("a last entry for any number of {unit}");
            let found = last.map_or_else(String::new, |last| format!("one for up to {last}"));
            Err(refused(table, expected, found))
        }
    }
}

fn geometry(field: &str, numbers: Geometry) -> Result<()> {
    let Geometry { lanes, rows, vectors } = numbers;
    if !lanes.is_power_of_two() || lanes > MOST_INVOCATIONS {
        let expected = format!("a power of two up to {MOST_INVOCATIONS}");
        return Err(refused(format_args!("{field}.lanes"), expected, lanes));
    }
    let most = MOST_INVOCATIONS / lanes;
    for (name, number, most) in [("rows", rows, most), ("vectors", vectors, MOST_VECTORS)] {
        if !(1..=most).contains(&number) {
            let expected = format!("1 to {most}");
            return Err(refused(format_args!("{field}.{name}"), expected, number));
        }
    }
    Ok(())
}

impl ReduceTuning {
    fn validate(&self) -> Result<()> {
        let Self { part_length, column_lanes, rows_per_lane, .. } = *self;
        if part_length % 4 != 0 || !(4..=LONGEST_PART).contains(&part_length) {
            let expected = format!("a multiple of four up to {LONGEST_PART}");
            return Err(refused("reduce.part_length", expected, part_length));
        }
        if !column_lanes.is_power_of_two() || column_lanes > 1024 {
            return Err(refused("reduce.column_lanes", "a power of two up to 1024", column_lanes));
        }
        if !(1..=1024).contains(&rows_per_lane) {
            return Err(refused("reduce.rows_per_lane", "1 to 1024", rows_per_lane));
        }
        // Lanes without a team tell each other nothing: of a result they must be alone.
        let alone = |entry: &RunEntry| match entry.team {
            Team::Lane => entry.geometry.lanes == 1,
            Team::Subgroup | Team::Workgroup => true,
            Team::Subgroups { .. } => false,
        };
        let meeting = |entry: &RunEntry| matches!(entry.team, Team::Subgroup | Team::Workgroup);
        let lanes = |entry: &RunEntry| entry.team == Team::Lane;
        runs("runs", &self.runs, "one lane, a subgroup or a workgroup", alone)?;
        runs("grouped", &self.grouped, "a subgroup or a workgroup", meeting)?;
        runs("gradients", &self.gradients, "lanes", lanes)?;
        for (table, entries) in
            [("runs", &self.runs), ("grouped", &self.grouped), ("gradients", &self.gradients)]
        {
            self.loops(table, entries)?;
        }
        Ok(())
    }

    /// Refuses lanes that loop more often than a software driver lets them.
    fn loops(&self, table: &str, entries: &[RunEntry]) -> Result<()> {
        let is_grouped = table == "grouped";
        let subgroups = |size| SubgroupSizes { smallest: size, largest: size };
        let sizes = [None, Some(4), Some(8), Some(32)].map(|size| size.map(subgroups));
        let bounds = entries.iter().map(|entry| entry.up_to_length);
        let lengths = bounds.flat_map(|length| [length, length.saturating_add(1)]);
        let lengths: Vec<_> =
            lengths.chain([1]).map(|length| length.min(self.part_length)).collect();
        for subgroups in sizes {
            for max_invocations in [256, 1024] {
                let software = Capabilities::web_gpu(AdapterClass::Software);
                let device = Capabilities { subgroups, max_invocations, ..software };
                for &length in &lengths {
                    if is_grouped && 2 * length > self.part_length {
                        continue;
                    }
                    let Ok(entry) = run_geometry(&device, entries, length, is_grouped) else {
                        continue;
                    };
                    let iterations = self.iterations(&entry, length, is_grouped);
                    if iterations > LOOP_ITERATIONS {
                        let expected = format!(
                            "lanes that loop at most {LOOP_ITERATIONS} times for a length of {length}"
                        );
                        return Err(refused(format_args!("reduce.{table}"), expected, iterations));
                    }
                }
            }
        }
        Ok(())
    }

    /// Iterations of a lane, counted as the planner does, with half of the vectors where each value
    /// takes more room.
    fn iterations(&self, entry: &RunEntry, length: u64, is_grouped: bool) -> u64 {
        let Geometry { lanes, rows, vectors } = entry.geometry;
        let rounds = match is_grouped {
            true => (self.part_length / (u64::from(rows) * length)).max(1),
            false => 1,
        };
        let of = |vectors: u32| {
            let held = 4 * u64::from(lanes) * u64::from(vectors);
            rounds * length.div_ceil(held) * (4 + 6 * u64::from(vectors))
        };
        of(vectors).max(of((vectors / 2).max(1)))
    }
}

fn runs(
    table: &str,
    entries: &[RunEntry],
    teams: &str,
    is_team: impl Fn(&RunEntry) -> bool,
) -> Result<()> {
    let table = format!("reduce.{table}");
    complete(&table, entries.len(), entries.last().map(|entry| entry.up_to_length), "values")?;
    for (index, entry) in entries.iter().enumerate() {
        let field = |name: &str| format!("{table}[{index}]{name}");
        if entry.up_to_length == 0 {
            return Err(refused(field(".up_to_length"), "at least 1", entry.up_to_length));
        }
        geometry(&field(".geometry"), entry.geometry)?;
        if !is_team(entry) {
            let lanes = entry.geometry.lanes;
            let found = format_args!("{:?} of {lanes} lanes", entry.team).to_string();
            return Err(refused(field(".team"), teams, found));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_tables_are_valid() {
        for class in [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete] {
            assert_eq!(Tuning::built_in(class).validate(), Ok(()), "{class:?}");
        }
    }

    #[track_caller]
    fn refuses(change: impl FnOnce(&mut Tuning), field: &str) {
        let mut tuning = Tuning::built_in(AdapterClass::Software);
        change(&mut tuning);
        match tuning.validate() {
            Err(Error::Tuning { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_would_make_a_kernel_wrong_is_refused_by_field() {
        refuses(|it| it.entries.clear(), "entries");
        refuses(|it| it.from_state.truncate(1), "from_state");
        refuses(|it| it.entries = vec![it.entries[0]; 1025], "entries");
        refuses(|it| it.entries[2].up_to_classes = 0, "entries[2].up_to_classes");
        refuses(|it| it.entries[1].up_to_classes = 1 << 20, "entries[1].up_to_classes");
        refuses(|it| it.entries[0].geometry.lanes = 0, "entries[0].geometry.lanes");
        refuses(|it| it.entries[0].geometry.lanes = 1 << 31, "entries[0].geometry.lanes");
        refuses(|it| it.strided[0].geometry.rows = u32::MAX, "strided[0].geometry.rows");
        refuses(|it| it.strided[0].geometry.rows = 0, "strided[0].geometry.rows");
        refuses(|it| it.from_state[0].geometry.vectors = 65, "from_state[0].geometry.vectors");
        refuses(|it| it.entries[0].family = Family::FromState, "entries[0].family");
        refuses(|it| it.entries[0].family = Family::Gathered, "entries[0].family");
        refuses(|it| it.from_state[0].family = Family::Streamed, "from_state[0].family");
        refuses(|it| it.strided[0].team = Team::Subgroup, "strided[0].family");
        refuses(|it| it.entries[0].family = Family::Resident, "entries[0].geometry.rows");
        // Eight lanes that tell each other nothing.
        refuses(|it| it.entries[9].team = Team::Lane, "entries[9]");
        refuses(|it| it.totals_lanes = 0, "totals_lanes");
        refuses(|it| it.totals_lanes = 100, "totals_lanes");
        refuses(|it| it.reduce.part_length = 0, "reduce.part_length");
        refuses(|it| it.reduce.part_length = 4098, "reduce.part_length");
        refuses(|it| it.reduce.part_length = u64::MAX - 3, "reduce.part_length");
        refuses(|it| it.reduce.column_lanes = 0, "reduce.column_lanes");
        refuses(|it| it.reduce.rows_per_lane = 0, "reduce.rows_per_lane");
        refuses(|it| it.reduce.runs[0].geometry.lanes = 8, "reduce.runs[0].team");
        refuses(|it| it.reduce.grouped[0].team = Team::Lane, "reduce.grouped[0].team");
        refuses(|it| it.reduce.gradients[0].team = Team::Workgroup, "reduce.gradients[0].team");
        // A software driver would end these loops without a word.
        refuses(|it| it.reduce.part_length = 1 << 20, "reduce.runs");
        refuses(|it| it.reduce.grouped.retain(|it| it.up_to_length > 64), "reduce.grouped");
    }
}
