// Reduces columns: lanes that are neighbours take neighbouring columns, and where there are few of
// them several lanes share a column, each with every depth-th row.

var<workgroup> column_words: array<Words, LANES>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    run(workgroup.x, index);
}

// A column's rows, and where row 0 of it has its operands.
struct Span {
    first: u32,
    end: u32,
    column: Column,
}

fn present_at(span: Span, position: u32) -> u32 {
    return min((span.end - position + parameters.depth - 1u) / parameters.depth, 4u);
}

fn scan(accumulator: ptr<function, Accumulator>, span: Span, is_cleared: bool) {
    let stride = 4u * parameters.depth;
    for (var block = span.first; block < span.end; block += VECTORS * stride) {
        if LOOKS_AHEAD {
            for (var k = 0u; k < VECTORS; k++) {
                let position = block + k * stride;
                if position < span.end {
                    var terms = terms_at(span, position);
                    if is_cleared { terms = terms_cleared(accumulator, terms); }
                    look_ahead(accumulator, terms.bits, terms.weights);
                }
            }
            take_ahead(accumulator);
        }
        for (var k = 0u; k < VECTORS; k++) {
            let position = block + k * stride;
            if position < span.end {
                var terms = terms_at(span, position);
                if is_cleared || READS_ONCE { terms = terms_cleared(accumulator, terms); }
                accumulate(accumulator, terms.bits, terms.weights, present_at(span, position));
            }
        }
    }
}

fn run(group: u32, index: u32) {
    begin_terms(index);
    let unit = group % parameters.units;
    let part = parameters.first_part + group / parameters.units % parameters.parts;
    let outer = group / parameters.units / parameters.parts;
    // Pieces of segments that share a workgroup; else there is one of each.
    let of_piece = parameters.width * parameters.depth;
    let pieces = LANES / of_piece;
    let piece = part * pieces + index / of_piece;
    let lane = index % of_piece / parameters.width;
    let column = unit * parameters.width + index % parameters.width;
    let is_used = index / of_piece < pieces && column < parameters.columns && piece < parameters.runs;

    var range = vec2<u32>(0u);
    if is_used { range = row_range(piece, part); }
    let start = Span(
        range.x,
        range.y,
        column_at(outer, column),
    );
    var pivot = 0.0;
    if HAS_PIVOT && range.x < range.y {
        let terms = terms_at(start, range.x);
        pivot = pivot_of(terms.bits, terms.weights, present_at(start, range.x));
    }
    var span = start;
    span.first += lane;
    var accumulator = accumulator_new(pivot);
    scan(&accumulator, span, false);
    if !READS_ONCE {
        let is_unusual = accumulator_is_unusual(accumulator);
        if is_unusual { accumulator = accumulator_new(pivot); }
        var again = span;
        again.end = select(0u, span.end, is_unusual);
        scan(&accumulator, again, true);
    }
    finish_terms(index);

    var merged = partial_of(accumulator);
    if !IS_SHALLOW {
        column_words[index] = partial_words(merged);
        var distance = 1u;
        while distance < parameters.depth { distance <<= 1u; }
        for (distance >>= 1u; distance > 0u; distance >>= 1u) {
            workgroupBarrier();
            if is_used && lane < distance && lane + distance < parameters.depth {
                merged = partial_merge(merged, partial_from(column_words[index + distance * parameters.width]));
                column_words[index] = partial_words(merged);
            }
        }
    }
    if is_used && lane == 0u {
        emit(outer * parameters.output_outer + column * parameters.output_inner + output_piece(piece, part) * parameters.output_part, merged);
    }
}
