// Nothing is kept of a row. The files of saved_state/ that write define state_save, once a row and by the lane
// that closes it, and for what a state may hold beside it state_save_argmax, state_save_rank and
// state_save_merged; those that read, state_read.
fn state_save(place: Place, row: Row, all: Summary) {}

fn state_save_argmax(place: Place, column: u32) {}

fn state_save_rank(place: Place, row: Row, rank: u32) {}

fn state_save_merged(place: Place, merged: PartialState) {}
