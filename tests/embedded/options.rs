//! Every option of cross-entropy, alone and all together, in every pass and place, against the
//! oracle.

use wgpu_loss::{Element, Input, Mode, Reduction, RowOutputs, Shape};
use wgpu_loss_verify::{Case, Content, Factor, Probabilities, Targets, Weights};

use crate::calls::{check, cross_entropy, engines, options};
use crate::device::gpu;
use crate::problem::{ALL, ALL_OF_PROBABILITIES};

/// A row in a lane, in several, streamed.
const SHAPES: [(usize, usize); 3] = [(71, 3), (19, 104), (5, 4097)];

fn probabilities(case: &mut Case, element: Element, gap: usize) {
    case.targets = Targets::Probabilities { kind: Probabilities::Normal, element, gap };
}

fn outputs(case: &mut Case, ask: fn(&mut RowOutputs)) {
    ask(&mut options(case).rows);
}

/// An option's name and what turns it on.
pub type Change = (&'static str, fn(&mut Case));

/// Every option, as a change to a call of default options.
pub fn changes() -> Vec<Change> {
    vec![
        ("the defaults", |_| {}),
        ("no gradient", |case| case.upstream = Factor::None),
        ("class weights", |case| case.class_weights = Some(Weights::Positive)),
        ("class weights of either sign", |case| case.class_weights = Some(Weights::Signed)),
        ("row weights", |case| case.row_weights = Some(Weights::Positive)),
        ("both weights", |case| {
            case.class_weights = Some(Weights::SomeZero);
            case.row_weights = Some(Weights::SomeZero);
        }),
        ("smoothing", |case| options(case).label_smoothing = 0.1),
        ("smoothing with class weights", |case| {
            options(case).label_smoothing = 0.3;
            case.class_weights = Some(Weights::Positive);
        }),
        ("nothing but smoothing", |case| options(case).label_smoothing = 1.0),
        ("probabilities", |case| probabilities(case, Element::F32, 0)),
        ("probabilities with gaps", |case| probabilities(case, Element::F32, 3)),
        ("f16 probabilities", |case| probabilities(case, Element::F16, 1)),
        ("bf16 probabilities", |case| probabilities(case, Element::Bf16, 4)),
        ("smoothed and weighted probabilities", |case| {
            probabilities(case, Element::Bf16, 0);
            options(case).label_smoothing = 0.2;
            case.class_weights = Some(Weights::Positive);
            case.row_weights = Some(Weights::Positive);
        }),
        ("z-loss", |case| options(case).z_loss = 0.01),
        ("z-loss of rows", |case| {
            options(case).z_loss = 0.01;
            outputs(case, |rows| rows.z_loss = true);
            case.row_weights = Some(Weights::Positive);
        }),
        ("a scale", |case| options(case).logit_scale = 0.5),
        ("a negative scale", |case| options(case).logit_scale = -1.5),
        ("a softcap", |case| options(case).softcap = Some(3.0)),
        ("a scale and a softcap", |case| {
            options(case).logit_scale = 2.0;
            options(case).softcap = Some(5.0);
        }),
        ("the sum", |case| options(case).reduction = Reduction::Sum),
        ("each row", |case| {
            options(case).reduction = Reduction::None;
            case.upstream = Factor::PerRow;
        }),
        ("no ignore index", |case| {
            options(case).ignore_index = None;
            case.targets = Targets::PLAIN;
        }),
        ("a class as the ignore index", |case| options(case).ignore_index = Some(1)),
        ("masked", |case| {
            options(case).mode = Mode::Masked;
            case.content = Content::MaskedTarget;
            case.class_weights = Some(Weights::SomeZero);
        }),
        ("strict", |case| {
            case.content = Content::MaskedTarget;
            case.class_weights = Some(Weights::SomeZero);
        }),
        ("losses", |case| outputs(case, |rows| rows.loss = true)),
        ("log-sum-exps", |case| outputs(case, |rows| rows.log_sum_exp = true)),
        ("log-probabilities of targets", |case| {
            outputs(case, |rows| rows.target_log_probability = true);
        }),
        ("entropies", |case| outputs(case, |rows| rows.entropy = true)),
        ("argmax", |case| outputs(case, |rows| rows.argmax = true)),
        ("ranks of targets", |case| outputs(case, |rows| rows.target_rank = true)),
        ("rows correct by the first three classes", |case| {
            options(case).correct = true;
            options(case).top_k = 3;
        }),
        ("correct rows", |case| options(case).correct = true),
        ("correct rows of each row", |case| {
            options(case).correct = true;
            options(case).reduction = Reduction::None;
        }),
        ("every value of a row", |case| {
            options(case).rows = ALL;
            options(case).correct = true;
        }),
        ("log-probabilities", |case| {
            options(case).input = Input::LogProbabilities;
            outputs(case, |rows| rows.target_log_probability = true);
        }),
        ("weighted log-probabilities", |case| {
            options(case).input = Input::LogProbabilities;
            case.class_weights = Some(Weights::Positive);
            case.row_weights = Some(Weights::Positive);
        }),
        ("a gradient of bf16", |case| options(case).gradient_element = Some(Element::Bf16)),
        ("everything on classes", |case| {
            everything(case);
            options(case).rows = ALL;
            options(case).correct = true;
        }),
        ("everything on probabilities", |case| {
            everything(case);
            probabilities(case, Element::F16, 1);
            options(case).rows = ALL_OF_PROBABILITIES;
        }),
    ]
}

/// What both kinds of targets have.
fn everything(case: &mut Case) {
    let all = options(case);
    all.label_smoothing = 0.1;
    all.z_loss = 0.02;
    all.logit_scale = 1.25;
    all.softcap = Some(6.0);
    all.mode = Mode::Masked;
    all.gradient_element = Some(Element::F16);
    case.class_weights = Some(Weights::SomeZero);
    case.row_weights = Some(Weights::SomeZero);
}

/// Every option with these shapes, of halves with one of them by turns, and with one of the ways to
/// compute it: each is a kernel to compile.
fn check_every_option(shapes: [(usize, usize); 2], element: Element) {
    let gpu = gpu();
    for (turn, (what, change)) in changes().into_iter().enumerate() {
        for (other, (rows, classes)) in shapes.into_iter().enumerate() {
            if element != Element::F32 && turn % 2 != other {
                continue;
            }
            let engines = engines(&gpu);
            let at = turn / 2 + other;
            let engine = &engines[at % engines.len()];
            let gap = [0, 1, 4][at % 3];
            let shape = Shape::new(rows, classes).with_row_stride(classes + gap);
            let mut case = cross_entropy(shape.with_element(element));
            change(&mut case);
            println!("{what}"); // shown where it fails
            check(&case, engine);
        }
    }
}

#[test]
fn every_option_of_f32() {
    check_every_option([SHAPES[0], SHAPES[1]], Element::F32);
}

#[test]
fn every_option_of_f16() {
    check_every_option([SHAPES[1], SHAPES[2]], Element::F16);
}

#[test]
fn every_option_of_bf16() {
    check_every_option([SHAPES[2], SHAPES[0]], Element::Bf16);
}
