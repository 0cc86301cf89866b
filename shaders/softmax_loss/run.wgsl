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

// The gradient of four classes.
fn gradient_write(place: Place, row: Row, column: u32, values: vec4<f32>, is_nan: bool) {
    let bits = select(bitcast<vec4<u32>>(values), vec4<u32>(BITS_NAN), vec4<bool>(is_nan));
    store4(gradient_start(place.row), column, row.end, bits);
}

// A block: VECTORS vectors of four logits for each of the row's LANES lanes, as they are stored.

alias Block = array<vec4<f32>, VECTORS>;

const BLOCK_COLUMNS: u32 = 4u * VECTORS * LANES;

// Blocks whose sum is taken by itself before it joins the row's: the error of a long sum grows with
// the number of its terms.
const BLOCKS_OF_PART: u32 = 16u;

fn logits_start(row: u32) -> u32 {
    return part_start(row_start(parameters.logits_offset, parameters.logits_stride, row));
}

fn block_column(k: u32, lane: u32) -> u32 {
    return 4u * (k * LANES) + lane_column(lane);
}

fn block_count(row: Row) -> u32 {
    if HELD { return 1u; }
    return (row.end + BLOCK_COLUMNS - 1u) / BLOCK_COLUMNS;
}

// `state` after the block. NaN and +inf are told by their bits.
fn block_state(block: ptr<function, Block>, state: vec2<f32>) -> vec2<f32> {
    var greatest = vec4<f32>(LOWEST);
    var largest_signed = vec4<i32>(i32(-0x80000000));
    var largest_unsigned = vec4<u32>(0u);
    for (var k = 0u; k < VECTORS; k++) {
        let bits = bitcast<vec4<u32>>((*block)[k]);
        greatest = max(greatest, (*block)[k]);
        largest_signed = max(largest_signed, bitcast<vec4<i32>>(bits));
        largest_unsigned = max(largest_unsigned, bits);
    }
    let of_block = max(max(greatest.x, greatest.y), max(greatest.z, greatest.w));
    // A compiler that assumes finite numbers may have dropped the floor at LOWEST.
    let maximum = max(state.x, select(of_block, LOWEST, bitcast<u32>(of_block) == BITS_NEGATIVE_INFINITY));
    var all = vec4<f32>(0.0);
    var below = vec4<f32>(0.0);
    for (var k = 0u; k < VECTORS; k++) {
        let e = exp_nonpositive(((*block)[k] - maximum) * parameters.logit_scale);
        all += e;
        below += select(e, vec4<f32>(0.0), e == vec4<f32>(1.0));
    }
    // Elements equal to the maximum are counted, not summed, so that r is not rounded to their size.
    let sum_below = (below.x + below.y) + (below.z + below.w);
    let at_maximum = round((all.x + all.y) + (all.z + all.w) - sum_below);
    let rescale = exp_apart(state.x, maximum);
    let r = fma(state.y, rescale, sum_below) + ((at_maximum - 1.0) + rescale);
    let signed = max(max(largest_signed.x, largest_signed.y), max(largest_signed.z, largest_signed.w));
    let unsigned = max(max(largest_unsigned.x, largest_unsigned.y), max(largest_unsigned.z, largest_unsigned.w));
    let infinite = select(0.0, R_INFINITE, signed == i32(BITS_INFINITY));
    let seen = select(infinite, R_NAN, signed > i32(BITS_INFINITY) || unsigned > BITS_NEGATIVE_INFINITY);
    let special = min(state.y, seen);
    return vec2<f32>(maximum, select(r, special, special < -1.5));
}
