fn row_of(position: u32) -> u32 {
    return position;
}
