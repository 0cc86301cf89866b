// A sum that may hold +inf and NaN: the finite part, and which of them was met.
struct Sum {
    finite: f32,
    met: u32, // 0 neither, 1 +inf, 2 NaN
}

// Three levels of 16 terms: the error does not grow with the number of terms, and no compiler can
// simplify it away, as it may a compensated sum.
struct Cascade {
    levels: vec3<f32>,
    terms: u32,
    met: u32,
}

fn cascade_add(cascade: ptr<function, Cascade>, bits: u32) {
    if (bits & 0x7fffffffu) >= 0x7f800000u {
        (*cascade).met = max((*cascade).met, select(2u, 1u, bits == 0x7f800000u));
        return;
    }
    (*cascade).levels.x += bitcast<f32>(bits);
    (*cascade).terms += 1u;
    if (*cascade).terms % 16u == 0u {
        (*cascade).levels.y += (*cascade).levels.x;
        (*cascade).levels.x = 0.0;
    }
    if (*cascade).terms % 256u == 0u {
        (*cascade).levels.z += (*cascade).levels.y;
        (*cascade).levels.y = 0.0;
    }
}

fn cascade_sum(cascade: Cascade) -> Sum {
    return Sum(cascade.levels.z + (cascade.levels.y + cascade.levels.x), cascade.met);
}

// Losses are at least 0, so the sum overflows to +inf alone.
fn sum_bits(sum: Sum) -> u32 {
    if sum.met == 2u { return 0x7fc00000u; }
    if sum.met == 1u { return 0x7f800000u; }
    return bitcast<u32>(sum.finite);
}

var<workgroup> lane_sums: array<Sum, LANES>;

// The result is lane 0's.
fn merge_sums(lane: u32, own: Sum) -> Sum {
    lane_sums[lane] = own;
    for (var distance = LANES / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if lane < distance {
            let other = lane_sums[lane + distance];
            lane_sums[lane] = Sum(lane_sums[lane].finite + other.finite, max(lane_sums[lane].met, other.met));
        }
    }
    return lane_sums[lane];
}
