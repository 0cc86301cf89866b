// f32: a value is a word, and kernels compute with its bits. Each type's file defines Vector_, PER_WORD_,
// widened_, vector_widened_ and vector_narrowed_ of its name, for the files that load and store.
alias Vector_f32 = vec4<u32>; // four values
const PER_WORD_f32: u32 = 1u;

fn widened_f32(word: u32, element: u32) -> u32 {
    return word;
}

fn vector_widened_f32(stored: vec4<u32>) -> vec4<u32> {
    return stored;
}

fn vector_narrowed_f32(bits: vec4<u32>) -> vec4<u32> {
    return bits;
}
