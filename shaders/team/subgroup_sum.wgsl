// Every lane adds the same pairs in the same order up to exchange, so all get the same bits.
fn team_sum(place: Place, values: vec4<f32>) -> vec4<f32> {
    var sum = values;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        sum += subgroupShuffleXor(sum, distance);
    }
    return sum;
}

fn team_or(place: Place, flags: u32) -> u32 {
    var all = flags;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        all |= subgroupShuffleXor(all, distance);
    }
    return all;
}
