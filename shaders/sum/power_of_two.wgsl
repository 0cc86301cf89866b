// 2^n, for n that have one in the range of f32; the nearest of them for others.
fn power_of_two(n: i32) -> f32 {
    return bitcast<f32>(bitcast<u32>(clamp(n, -126, 127) + 127) << 23u);
}

// x * 2^n, rounded once.
fn times_power_of_two(x: f32, n: i32) -> f32 {
    let half = clamp(n, -252, 252) / 2;
    return x * power_of_two(half) * power_of_two(clamp(n, -252, 252) - half);
}
