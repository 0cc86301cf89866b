// A sum that may hold infinities and NaN: the finite part, and which of them were met.
struct Sum {
    finite: f32,
    met: u32, // MET_POSITIVE, MET_NEGATIVE, MET_NAN
}

const MET_POSITIVE: u32 = 1u;
const MET_NEGATIVE: u32 = 2u;
const MET_NAN: u32 = 4u;

// Three levels of 16 terms: the error does not grow with the number of terms, and no compiler can
// simplify it away, as it may a compensated sum.
struct Cascade {
    levels: vec3<f32>,
    terms: u32,
    met: u32,
}

fn cascade_add(cascade: ptr<function, Cascade>, bits: u32) {
    let magnitude = bits & 0x7fffffffu;
    if magnitude >= 0x7f800000u {
        let infinite = select(MET_NEGATIVE, MET_POSITIVE, bits == 0x7f800000u);
        (*cascade).met |= select(infinite, MET_NAN, magnitude > 0x7f800000u);
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

fn sum_bits(sum: Sum) -> u32 {
    if sum.met == 0u { return bitcast<u32>(sum.finite); }
    if sum.met == MET_POSITIVE { return 0x7f800000u; }
    if sum.met == MET_NEGATIVE { return 0xff800000u; }
    return 0x7fc00000u;
}

var<workgroup> lane_sums: array<Sum, LANES>;

// The result is lane 0's.
fn merge_sums(lane: u32, own: Sum) -> Sum {
    workgroupBarrier(); // the result of an earlier call has been read
    lane_sums[lane] = own;
    for (var distance = LANES / 2u; distance > 0u; distance >>= 1u) {
        workgroupBarrier();
        if lane < distance {
            let other = lane_sums[lane + distance];
            lane_sums[lane] = Sum(lane_sums[lane].finite + other.finite, lane_sums[lane].met | other.met);
        }
    }
    return lane_sums[lane];
}
