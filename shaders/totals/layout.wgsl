// The reduced results of a batch: four words.
const TOTALS_LOSS: u32 = 0u;               // f32
const TOTALS_DENOMINATOR: u32 = 1u;        // f32
const TOTALS_COUNTED: u32 = 2u;            // u32
const TOTALS_FIRST_INVALID_ROW: u32 = 3u;  // u32, 0xffffffff where every target is valid
