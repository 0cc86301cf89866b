// Results from partial states: a lane merges those of a row, in the order of the parts, and closes
// it.
@group(0) @binding(1) var<storage, read> parts: array<PartialState>;

// NaN before +inf before the greater maximum; the lower class where they are alike.
fn partial_rank(state: PartialState) -> u32 {
    if state.rest < -3.0 { return 3u; }
    if state.rest < -1.5 { return 2u; }
    return select(1u, 0u, state.rest < -0.5);
}

fn partial_leads(a: PartialState, b: PartialState) -> bool {
    let rank_a = partial_rank(a);
    let rank_b = partial_rank(b);
    if rank_a != rank_b { return rank_a > rank_b; }
    if rank_a == 1u && a.maximum != b.maximum { return a.maximum > b.maximum; }
    return a.argmax <= b.argmax;
}

// Parts that are merged, with what rounding took off the sums of their classes' terms.
struct Merged {
    state: PartialState,
    terms: ClassTerms,
}

fn merged_of(part: PartialState) -> Merged {
    return Merged(part, ClassTerms(Exact(part.distance, 0.0), Exact(part.weight, 0.0), part.maximum));
}

fn partial_merge(left: Merged, right: Merged) -> Merged {
    let a = left.state;
    let b = right.state;
    let state_a = vec2<f32>(a.maximum, a.rest);
    let state_b = vec2<f32>(b.maximum, b.rest);
    let state = state_merge(state_a, state_b);
    let terms_a = class_terms_moved(left.terms, state.x);
    let terms_b = class_terms_moved(right.terms, state.x);
    let distance = class_sum(terms_a.distance, terms_b.distance);
    let weight = class_sum(terms_a.weight, terms_b.weight);
    let merged = PartialState(
        state.x,
        state.y,
        distance.high,
        weight.high,
        entropy_moved(a.spread, state_a, state.x) + entropy_moved(b.spread, state_b, state.x),
        select(b.argmax, a.argmax, partial_leads(a, b)),
        select(b.target_bits, a.target_bits, (a.flags & FLAG_HOLDS_TARGET) != 0u),
        ((a.flags | b.flags) & FLAGS) + (a.flags & ~FLAGS) + (b.flags & ~FLAGS),
    );
    return Merged(merged, ClassTerms(distance, weight, state.x));
}

// A sum of short sums, whose error grows slower than that of a long one.
const GROUP: u32 = 16u;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let place = Place(workgroup.x * LANES + index, 0u, 0u);
    if place.row >= parameters.rows { return; }
    var row = row_open(place);
    let first = parameters.logits_offset + place.row;
    var all: Merged;
    for (var group = 0u; group < parameters.parts; group += GROUP) {
        var of_group = merged_of(parts[first + group * parameters.part_stride]);
        for (var part = group + 1u; part < min(group + GROUP, parameters.parts); part++) {
            of_group = partial_merge(of_group, merged_of(parts[first + part * parameters.part_stride]));
        }
        if group == 0u {
            all = of_group;
        } else {
            all = partial_merge(all, of_group);
        }
    }
    let merged = all.state;
    row.target_bits = merged.target_bits;
    let state = vec2<f32>(merged.maximum, merged.rest);
    row_close(place, row, Summary(state, merged.distance, merged.weight, merged.spread, merged.flags & FLAGS));
    record_write(place, WORD_ARGMAX, merged.argmax);
    if RANKS_TARGET {
        target_rank_write(place, row, merged.flags / CLASSES_BEFORE);
    } else {
        record_write(place, WORD_CORRECT, select(0u, 1u, row.is_counted && merged.argmax == row.target_column));
    }
    state_save_merged(place, merged);
}
