fn store4(start: u32, column: u32, end: u32, bits: vec4<u32>) {
    let first = start + column;
    store(first, bits.x);
    if column + 1u < end { store(first + 1u, bits.y); }
    if column + 2u < end { store(first + 2u, bits.z); }
    if column + 3u < end { store(first + 3u, bits.w); }
}
