// The states of the row, and of the teacher's where there is one; then the loss and the gradient. A
// row that is HELD is read once; a longer one again, from the cache.
fn run(place: Place) {
    let row = row_open(place);
    let start = logits_start(place.row);
    let blocks = block_count(row);
    var held: Block;
    var others: Block;
    var student = STATE_EMPTY;
    var teacher = STATE_EMPTY;
    for (var part = 0u; part < blocks; part += BLOCKS_OF_PART) {
        var partial = STATE_EMPTY;
        var teacher_partial = STATE_EMPTY;
        for (var b = part; b < min(part + BLOCKS_OF_PART, blocks); b++) {
            let first = b * BLOCK_COLUMNS;
            logits_block(&held, start, first, place.lane, row.end);
            partial = block_state(&held, partial);
            if HAS_TEACHER {
                others_block(&others, place, first, row.end);
                teacher_partial = block_state(&others, teacher_partial);
            }
        }
        if HELD {
            student = partial;
            teacher = teacher_partial;
        } else {
            student = state_merge(student, partial);
            if HAS_TEACHER { teacher = state_merge(teacher, teacher_partial); }
        }
    }
    student = team_merge(place, logits_refined(student, start, place.lane, row.end));
    if HAS_TEACHER {
        if TEAM_MEETS_IN_MEMORY { workgroupBarrier(); } // the student's state has been read
        teacher = team_merge(place, others_refined(teacher, place, row.end));
    }
    row_finish(place, row, softmax_of(student), softmax_of(teacher), &held, &others);
}
