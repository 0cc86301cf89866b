// (m, r): all that a backward needs of a row whose loss has the target's term alone.
@group(0) @binding(7) var<storage, read_write> states: array<vec2<f32>>;

fn state_save(place: Place, row: Row, all: Summary) {
    states[state_index(place)] = all.state;
}

fn state_save_argmax(place: Place, column: u32) {}

fn state_save_rank(place: Place, row: Row, rank: u32) {}

fn state_save_merged(place: Place, merged: PartialState) {}
