fn team_count(place: Place, count: u32) -> u32 {
    var all = count;
    for (var distance = 1u; distance < LANES; distance <<= 1u) {
        all += subgroupShuffleXor(all, distance);
    }
    return all;
}
