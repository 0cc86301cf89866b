// Records of the rows, RECORD_WORDS words each: a word that is not asked for has no place.
@group(0) @binding(4) var<storage, read_write> records: array<u32>;

fn record_write(place: Place, word: u32, bits: u32) {
    if word < RECORD_WORDS {
        records[parameters.record_offset + place.row * RECORD_WORDS + word] = bits;
    }
}
