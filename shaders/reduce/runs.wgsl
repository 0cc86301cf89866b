// Reduces runs of values that lie side by side: a run for each team of lanes, a part of a long run,
// or several short runs one after the other.

// Values that the lanes of a run read at a time.
const BLOCK: u32 = 4u * VECTORS * LANES;

// Which runs a team takes, and from where to where.
struct Span {
    outer: u32,
    first_run: u32,
    rounds: u32,
    first: u32,
    end: u32,
}

fn terms_at(span: Span, run: Run, column: u32, present: u32) -> Terms {
    let elements = elements_at(run, column, span.end, present);
    return terms_of(elements.bits, elements.weights, present, elements.results);
}

fn take(accumulator: ptr<function, Accumulator>, terms: Terms, present: u32, is_ahead: bool) {
    if is_ahead {
        look_ahead(accumulator, terms.bits, terms.weights);
    } else if READS_ONCE {
        let cleared = terms_cleared(accumulator, terms);
        accumulate(accumulator, cleared.bits, cleared.weights, present);
    } else {
        accumulate(accumulator, terms.bits, terms.weights, present);
    }
}

// A block that ends with its run.
fn scan_end(accumulator: ptr<function, Accumulator>, span: Span, run: Run, block: u32, lane: u32, is_ahead: bool) {
    for (var k = 0u; k < VECTORS; k++) {
        let column = block + 4u * (k * LANES + lane);
        if column < span.end {
            let present = min(span.end - column, 4u);
            take(accumulator, terms_at(span, run, column, present), present, is_ahead);
        }
    }
}

fn scan_run(accumulator: ptr<function, Accumulator>, span: Span, at: u32, lane: u32) {
    let whole = span.first + (span.end - span.first) / BLOCK * BLOCK;
    let run = run_at(span.outer, at);
    // Nothing is asked of whole blocks.
    for (var block = span.first; block < whole; block += BLOCK) {
        if LOOKS_AHEAD {
            for (var k = 0u; k < VECTORS; k++) {
                take(accumulator, terms_at(span, run, block + 4u * (k * LANES + lane), 4u), 4u, true);
            }
            take_ahead(accumulator);
        }
        for (var k = 0u; k < VECTORS; k++) {
            take(accumulator, terms_at(span, run, block + 4u * (k * LANES + lane), 4u), 4u, false);
        }
    }
    for (var block = whole; block < span.end; block += BLOCK) {
        if LOOKS_AHEAD {
            scan_end(accumulator, span, run, block, lane, true);
            take_ahead(accumulator);
        }
        scan_end(accumulator, span, run, block, lane, false);
    }
}

// The same, one vector at a time, without infinities and NaN but noting them.
fn scan_cleared(accumulator: ptr<function, Accumulator>, span: Span, at: u32, lane: u32) {
    let run = run_at(span.outer, at);
    for (var column = span.first + 4u * lane; column < span.end; column += 4u * LANES) {
        let present = min(span.end - column, 4u);
        let terms = terms_cleared(accumulator, terms_at(span, run, column, present));
        if LOOKS_AHEAD {
            take(accumulator, terms, present, true);
            take_ahead(accumulator);
        }
        take(accumulator, terms, present, false);
    }
}

fn scan(accumulator: ptr<function, Accumulator>, span: Span, lane: u32, is_cleared: bool) {
    if !IS_GROUPED {
        if is_cleared {
            scan_cleared(accumulator, span, span.first_run, lane);
        } else {
            scan_run(accumulator, span, span.first_run, lane);
        }
        return;
    }
    for (var round = 0u; round < span.rounds; round++) {
        let at = span.first_run + round * ROWS;
        if at >= parameters.runs { break; }
        if is_cleared {
            scan_cleared(accumulator, span, at, lane);
        } else {
            scan_run(accumulator, span, at, lane);
        }
    }
}

fn run(group: u32, index: u32) {
    var part = 0u;
    var unit = 0u;
    var outer = 0u;
    if ALONG_PARTS {
        part = group;
    } else if ALONG_UNITS {
        unit = group;
    } else {
        part = group % parameters.parts;
        unit = group / parameters.parts % parameters.units;
        outer = group / parameters.parts / parameters.units;
    }
    begin_terms(index);
    let slot = index / LANES;
    let lane = index % LANES;
    let first = part * parameters.part_length;
    let first_run = unit * ROWS * parameters.rounds + slot;
    // A team beyond the last run reads nothing, but meets the others.
    let length = select(parameters.length, 0u, first_run >= parameters.runs);
    let span = Span(outer, min(first_run, parameters.runs - 1u), parameters.rounds, first, max(first, min(first + parameters.part_length, length)));

    var pivot = 0.0;
    // The same for all lanes that meet.
    let pivot_run = select(span.first_run, unit * ROWS * parameters.rounds, IS_GROUPED);
    if HAS_PIVOT && first < parameters.length {
        let end = min(first + parameters.part_length, parameters.length);
        let present = min(end - first, 4u);
        let whole = Span(outer, pivot_run, 0u, first, end);
        let terms = terms_at(whole, run_at(outer, pivot_run), first, present);
        pivot = pivot_of(terms.bits, terms.weights, present);
    }
    var accumulator = accumulator_new(pivot);
    scan(&accumulator, span, lane, false);
    if !READS_ONCE {
        // Infinities and NaN are rare: the values are read again to tell them apart.
        var again = span;
        let is_unusual = accumulator_is_unusual(accumulator);
        again.end = select(first, span.end, is_unusual);
        if is_unusual { accumulator = accumulator_new(pivot); }
        scan(&accumulator, again, lane, true);
    }

    finish_terms(index);
    let merged = team_merge(index, partial_of(accumulator));
    if index % TEAM == 0u && first_run < parameters.runs {
        let at = select(first_run, unit, IS_GROUPED);
        emit(outer * parameters.output_outer + at * parameters.output_inner + part * parameters.output_part, merged);
    }
}
