// The reduced results of a batch: eight words.
const TOTALS_LOSS: u32 = 0u;               // f32
const TOTALS_Z_LOSS: u32 = 1u;             // f32, its part of the loss
const TOTALS_DENOMINATOR: u32 = 2u;        // f32, of the loss without the z-loss
const TOTALS_ROW_WEIGHT: u32 = 3u;         // f32, the denominator of the z-loss
const TOTALS_COUNTED: u32 = 4u;            // u32
const TOTALS_CORRECT: u32 = 5u;            // u32
const TOTALS_FIRST_INVALID_ROW: u32 = 6u;  // u32, 0xffffffff where every target is valid
const TOTALS_EXPONENTS: u32 = 7u;          // i16 each: the powers of two that multiply the denominators
