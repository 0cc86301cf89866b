fn row_at(position: u32) -> u32 {
    return position;
}
