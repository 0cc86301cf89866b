fn team_count(place: Place, count: u32) -> u32 {
    return count;
}
