//! Of the lanes that share a row, and of rows that are cut into parts.

use super::{Mutant, On};

pub const MUTANTS: &[Mutant] = &[
    Mutant::new(
        "subgroup-merges-half",
        "every lane of a subgroup's row takes part in its state",
        "team/subgroup.wgsl",
        "var merged = state;\n    for (var distance = 1u;",
        "var merged = state;\n    for (var distance = 2u;",
    )
    .on(On::Discrete),
    Mutant::new(
        "subgroup-sums-half",
        "every lane of a subgroup's row takes part in its sums",
        "team/subgroup.wgsl",
        "var sum = values;\n    for (var distance = 1u;",
        "var sum = values;\n    for (var distance = 2u;",
    )
    .on(On::Discrete),
    Mutant::new(
        "subgroup-counts-half",
        "every lane of a subgroup's row takes part in its target's rank",
        "team/subgroup.wgsl",
        "var all = count;\n    for (var distance = 1u;",
        "var all = count;\n    for (var distance = 2u;",
    )
    .on(On::Discrete),
    Mutant::new(
        "workgroup-merges-half",
        "every lane of a workgroup's row takes part in its state",
        "team/workgroup.wgsl",
        "team_states[own] = state;\n    for (var distance = LANES / 2u;",
        "team_states[own] = state;\n    for (var distance = LANES / 4u;",
    )
    .on(On::WithoutSubgroups),
    Mutant::new(
        "workgroup-sums-half",
        "every lane of a workgroup's row takes part in its sums",
        "team/workgroup.wgsl",
        "team_sums[own] = values;\n    for (var distance = LANES / 2u;",
        "team_sums[own] = values;\n    for (var distance = LANES / 4u;",
    )
    .on(On::WithoutSubgroups),
    Mutant::new(
        "workgroup-counts-half",
        "every lane of a workgroup's row takes part in its target's rank",
        "team/workgroup.wgsl",
        "team_counts[own] = count;\n    for (var distance = LANES / 2u;",
        "team_counts[own] = count;\n    for (var distance = LANES / 4u;",
    )
    .on(On::WithoutSubgroups),
    Mutant::new(
        "subgroups-merge-first",
        "every subgroup of a workgroup takes part in the state of its row",
        "team/subgroups.wgsl",
        "all = state_merge(all, team_states[other]);",
        "all = state_merge(all, team_states[0]);",
    )
    .on(On::Discrete),
    Mutant::new(
        "subgroups-sum-first",
        "every subgroup of a workgroup takes part in the sums of its row",
        "team/subgroups.wgsl",
        "all += team_sums[other];",
        "if other == 0u { all += team_sums[other]; }",
    )
    .on(On::Discrete),
    Mutant::new(
        "subgroups-count-first",
        "every subgroup of a workgroup takes part in the rank of its row's target",
        "team/subgroups.wgsl",
        "all += team_counts[other];",
        "if other == 0u { all += team_counts[other]; }",
    )
    .on(On::Discrete),
    Mutant::new(
        "interleaved-owner",
        "the lane that has the target's column reads its logit and writes its gradient",
        "columns.wgsl",
        "return column % LANES;",
        "return (column / 4u) % LANES;",
    )
    .on(On::Discrete),
    Mutant::new(
        "part-beyond-row",
        "a row's last part ends with the row",
        "row.wgsl",
        "return min(parameters.part_classes, parameters.classes - first_column());",
        "return parameters.part_classes;",
    )
    .on(On::Parts),
    Mutant::new(
        "groups-of-parts-not-merged",
        "every group of a row's parts takes part in its log-sum-exp",
        "family/merged_pairs.wgsl",
        "merged = state_merge(merged, of_group);",
        "merged = of_group;",
    )
    .on(On::Parts)
    .hint(&["log-sum-exp", "3 x 300 f32"]),
];
