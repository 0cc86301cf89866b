fn logits_start(row: u32) -> u32 {
    return parameters.logits_offset + row * parameters.logits_stride;
}
