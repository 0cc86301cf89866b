fn record_write(place: Place, word: u32, bits: u32) {}
