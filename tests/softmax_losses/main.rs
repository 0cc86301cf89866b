//! Focal loss and divergences of logits: the oracle against known values and finite differences,
//! every other engine against the oracle.

#[path = "../common/gpus.rs"]
mod gpus;
mod great_gammas;
#[path = "../common/memory.rs"]
mod memory;
mod oracle;
mod plans;
mod problem;
mod refusals;
mod special;
mod temperatures;

use gpus::{gpu, gpu_without_subgroups};
use problem::{Against, Problem};
use wgpu_loss::{Element, Engine, Mode, Reduction, cpu};

/// Around vectors, lanes, what is held and parts.
const SIZES: [usize; 22] = [
    1, 2, 3, 4, 5, 8, 17, 32, 63, 64, 65, 100, 128, 255, 256, 257, 1000, 1024, 1025, 4099, 8192,
    16_390,
];

const REDUCTIONS: [Reduction; 5] = [
    Reduction::Mean,
    Reduction::Sum,
    Reduction::None,
    Reduction::BatchMean,
    Reduction::ElementMean,
];

/// Problems whose options take turns, so that every option meets every size and loss.
fn problems() -> Vec<Problem> {
    let mut list = Vec::new();
    let mut turn = 0usize;
    let mut of = |count: usize| {
        turn = turn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) & 0xffff_ffff;
        (turn >> 16) % count
    };
    for classes in SIZES {
        for against in Against::ALL {
            let inner = [1, 1, 1, 5][of(4)];
            list.push(Problem {
                rows: [3, 7][of(2)] * inner,
                classes,
                inner,
                gap: [0, 0, 4, 3][of(4)],
                against,
                element: Element::ALL[of(3)],
                other_element: Element::ALL[of(3)],
                gradient_element: [None, None, Some(Element::F32), Some(Element::Bf16)][of(4)],
                temperature: [1.0, 1.0, 2.0, 0.5, 3.0][of(5)],
                gamma: [2.0, 0.0, 0.5, 1.0, 2.5][of(5)],
                class_weights: of(2) == 0,
                row_weights: of(2) == 0,
                reduction: REDUCTIONS[of(REDUCTIONS.len())],
                mode: [Mode::Strict, Mode::Masked][of(2)],
                upstream: [1.0, -2.5][of(2)],
                closeness: [1.0, 1.0, 1e-3][of(3)],
                seed: list.len() as u64,
            });
        }
    }
    list
}

/// Every so many of the problems, from the first on.
fn agrees_with_the_oracle(engine: &dyn Engine, first: usize, every: usize) {
    for problem in problems().iter().skip(first).step_by(every) {
        problem.check(engine);
    }
}

#[test]
fn the_cpu_agrees_with_the_oracle() {
    agrees_with_the_oracle(&cpu::Fast, 0, 1);
}

#[test]
fn the_gpu_agrees_with_the_oracle() {
    // Compiling takes far longer than running: each size, and each loss, several times.
    agrees_with_the_oracle(gpu(), 0, 4);
}

#[test]
fn the_gpu_without_subgroups_agrees_with_the_oracle() {
    agrees_with_the_oracle(gpu_without_subgroups(), 2, 4);
}

/// A vocabulary, and rows that no workgroup holds.
#[test]
fn long_rows() {
    for (turn, against) in Against::ALL.into_iter().enumerate() {
        for classes in [50_257, 140_000] {
            let problem = Problem {
                rows: 2,
                classes,
                element: Element::ALL[turn % 3],
                ..Problem::plain(against)
            };
            let device = if turn % 2 == 0 { gpu() } else { gpu_without_subgroups() };
            let engines: [&dyn Engine; 2] = [&cpu::Fast, device];
            engines.into_iter().for_each(|engine| problem.check(engine));
        }
    }
}

/// So many rows that threads and workgroups share them.
#[test]
fn many_rows() {
    for against in Against::ALL {
        let problem = Problem { rows: 5000, classes: 10, ..Problem::plain(against) };
        let engines: [&dyn Engine; 2] = [&cpu::Fast, gpu()];
        engines.into_iter().for_each(|engine| problem.check(engine));
    }
}
