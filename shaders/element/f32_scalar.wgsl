// f32 logits read one by one, for rows that start or end between vectors. The same lane gets the
// same columns as with vectors, so the bits of a result do not depend on where its row stands.
alias Stored = u32;

fn load4(start: u32, column: u32, end: u32) -> vec4<u32> {
    let first = start + column;
    var bits = vec4<u32>(logits[first], BITS_NEGATIVE_INFINITY, BITS_NEGATIVE_INFINITY, BITS_NEGATIVE_INFINITY);
    if column + 3u < end {
        bits = vec4<u32>(bits.x, logits[first + 1u], logits[first + 2u], logits[first + 3u]);
    } else {
        if column + 1u < end { bits.y = logits[first + 1u]; }
        if column + 2u < end { bits.z = logits[first + 2u]; }
    }
    return bits;
}

fn load1(start: u32, column: u32) -> u32 {
    return logits[start + column];
}
