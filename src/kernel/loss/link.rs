//! Modules of element-wise losses.

use super::bindings::is_in_place;
use super::{LossGradient, LossKind, LossTerm, LossesVariant};
use crate::element::Element;
use crate::kernel::link::Module;
use crate::kernel::modules::{load_modules, module, store_modules, word_modules};
use crate::kernel::reduce::WeightsKind;
use crate::kernel::reduce::link::{
    broadcast_flag, broadcast_modules, common_modules, value_modules, weight_modules,
};
use crate::kernel::{Access, GradientKind};

/// What the modules are told.
pub(in crate::kernel) fn flags(term: &LossTerm, weights: WeightsKind) -> Vec<(&'static str, bool)> {
    let gradient = term.gradient;
    let mut flags = vec![
        ("HAS_GRADIENT", gradient.is_some()),
        ("HAS_THIRD_GRADIENT", gradient.is_some_and(|gradient| gradient.of_third.is_some())),
        ("HAS_WEIGHTS", weights != WeightsKind::None),
        ("IS_DIVIDED", gradient.is_some_and(|gradient| gradient.divides)),
        ("IS_SMOOTHED", term.smoothed),
    ];
    flags.extend(broadcast_flag("third_IS_OF_RUN", term.third));
    let upstream = gradient.and_then(|each| broadcast_flag("upstream_IS_OF_RUN", each.upstream));
    flags.extend(upstream);
    flags.extend(kind_flags(term.kind));
    flags
}

/// What tells the losses of a file apart.
fn kind_flags(kind: LossKind) -> Vec<(&'static str, bool)> {
    match kind {
        LossKind::BinaryCrossEntropyWithLogits | LossKind::BinaryCrossEntropy => {
            vec![("IS_OF_PROBABILITIES", kind == LossKind::BinaryCrossEntropy)]
        }
        LossKind::SigmoidFocal => Vec::new(),
        LossKind::SquaredError | LossKind::AbsoluteError | LossKind::Huber => vec![
            ("IS_SQUARED_ERROR", kind == LossKind::SquaredError),
            ("IS_HUBER", kind == LossKind::Huber),
        ],
        LossKind::GaussianNll => {
            vec![("IS_GAUSSIAN", true), ("IS_OF_LOGARITHMS", false), ("HAS_STIRLING", false)]
        }
        LossKind::PoissonNll { log_input, full } => {
            vec![("IS_GAUSSIAN", false), ("IS_OF_LOGARITHMS", log_input), ("HAS_STIRLING", full)]
        }
        LossKind::KlDivergence { .. }
        | LossKind::Entropy
        | LossKind::CrossEntropyOfProbabilities
        | LossKind::KlDivergenceOfProbabilities => vec![
            ("IS_ENTROPY", kind == LossKind::Entropy),
            ("IS_CROSS_ENTROPY", kind == LossKind::CrossEntropyOfProbabilities),
            ("IS_DIVERGENCE_OF_PROBABILITIES", kind == LossKind::KlDivergenceOfProbabilities),
            ("IS_DIVERGENCE_OF_LOGARITHMS", kind == LossKind::KlDivergence { log_target: true }),
        ],
        LossKind::Custom(custom) => vec![("HANDLES_SPECIAL", custom.handles_special())],
    }
}

fn loss_modules(kind: LossKind) -> Vec<Module> {
    match kind {
        LossKind::BinaryCrossEntropyWithLogits | LossKind::BinaryCrossEntropy => {
            vec![module!("loss/binary.wgsl"), module!("loss/cross_entropy_bits.wgsl")]
        }
        LossKind::SigmoidFocal => {
            vec![module!("loss/sigmoid_focal.wgsl"), module!("loss/cross_entropy_bits.wgsl")]
        }
        LossKind::SquaredError | LossKind::AbsoluteError | LossKind::Huber => {
            vec![module!("loss/errors.wgsl")]
        }
        LossKind::GaussianNll | LossKind::PoissonNll { .. } => {
            vec![module!("loss/likelihoods.wgsl")]
        }
        LossKind::KlDivergence { .. }
        | LossKind::Entropy
        | LossKind::CrossEntropyOfProbabilities
        | LossKind::KlDivergenceOfProbabilities => vec![module!("loss/entropies.wgsl")],
        // The module of the caller's itself is linked under other names.
        LossKind::Custom(custom) => {
            let mut modules = vec![module!("loss/custom.wgsl")];
            if !custom.handles_special() {
                modules.push(module!("loss/custom_undefined.wgsl"));
            }
            modules
        }
    }
}

/// The modules of a loss and of its operands but input and weights.
fn operand_modules(term: &LossTerm, access: Access) -> Vec<Module> {
    let mut modules = vec![
        module!("numeric.wgsl"),
        module!("special.wgsl"),
        module!("functions.wgsl"),
        module!("elementwise/losses.wgsl"),
    ];
    modules.extend(loss_modules(term.kind));
    match term.target {
        None => modules.push(module!("operand/absent.wgsl" for "targets")),
        Some(element) => {
            modules.extend(load_modules(access, element, "targets", false));
            modules.push(module!("operand/read.wgsl" for "targets"));
        }
    }
    modules.extend(broadcast_modules(access, term.third, "third"));
    modules.push(match term.counts {
        true => module!("elementwise/counts.wgsl"),
        false => module!("elementwise/uncounted.wgsl"),
    });
    modules
}

/// What gradients are multiplied by and divided by, and what they are stored in.
fn factor_modules(term: &LossTerm, access: Access) -> Vec<Module> {
    let gradient = term.gradient;
    let upstream = gradient.map_or(WeightsKind::None, |gradient| gradient.upstream);
    let mut modules = broadcast_modules(access, upstream, "upstream");
    let is_divided = gradient.is_some_and(|gradient| gradient.divides);
    modules.extend(word_modules(is_divided, "forward_results"));
    match gradient.map(|gradient| gradient.place) {
        None => modules.push(module!("operand/absent.wgsl" for "gradient")),
        Some(GradientKind::InPlace) => {}
        Some(GradientKind::Separate(_)) => {
            modules.push(module!("operand/written.wgsl" for "gradient"));
        }
    }
    modules.push(match gradient.and_then(|gradient| gradient.of_third) {
        None => module!("operand/absent.wgsl" for "third_gradient"),
        Some(_) => module!("operand/written.wgsl" for "third_gradient"),
    });
    modules
}

/// The gradient's element type, and the operand that it is stored in.
fn stored_in(gradient: &LossGradient, element: Element) -> (Element, &'static str) {
    match gradient.place {
        GradientKind::InPlace => (element, "values"),
        GradientKind::Separate(element) => (element, "gradient"),
    }
}

fn gradient_modules(term: &LossTerm, element: Element, access: Access) -> Vec<Module> {
    let mut modules = factor_modules(term, access);
    let Some(gradient) = term.gradient else {
        modules.push(module!("element/store.wgsl" for "gradient"));
        return modules;
    };
    let (element, operand) = stored_in(&gradient, element);
    modules.extend(store_modules(access, element, operand));
    modules.push(module!("element/store.wgsl" for operand));
    if let Some(of_third) = gradient.of_third {
        modules.extend(store_modules(access, of_third, "third_gradient"));
    }
    modules
}

/// Gradients of columns are in single precision: neighbours that share a word are other lanes'.
fn column_gradient_modules(term: &LossTerm) -> Vec<Module> {
    let mut modules = factor_modules(term, Access::Scalar);
    let Some(gradient) = term.gradient else {
        modules.push(module!("element/store_apart.wgsl" for "gradient"));
        return modules;
    };
    let (_, operand) = stored_in(&gradient, Element::F32);
    modules.push(module!("element/store_f32_apart.wgsl" for operand));
    modules.push(module!("element/store_apart.wgsl" for operand));
    if gradient.of_third.is_some() {
        modules.push(module!("element/store_f32_apart.wgsl" for "third_gradient"));
    }
    modules
}

/// What stands for the terms of a reduction over runs.
pub(in crate::kernel) fn run_modules(
    term: &LossTerm,
    element: Element,
    access: Access,
) -> Vec<Module> {
    let mut modules = operand_modules(term, access);
    modules.extend(gradient_modules(term, element, access));
    modules.push(module!("elementwise/run.wgsl"));
    modules
}

/// What stands for the terms of a reduction over columns.
pub(in crate::kernel) fn column_modules(term: &LossTerm) -> Vec<Module> {
    let mut modules = operand_modules(term, Access::Scalar);
    modules.extend(column_gradient_modules(term));
    modules.push(module!("elementwise/column.wgsl"));
    modules
}

/// The kernel that writes each element's loss or gradient.
pub(in crate::kernel) fn losses_modules(variant: &LossesVariant) -> Vec<Module> {
    let LossesVariant { term, element, access, .. } = variant;
    let mut modules = common_modules();
    modules.extend(value_modules(*access, *element, is_in_place(term)));
    modules.extend(weight_modules(*access, variant.weights));
    modules.extend(operand_modules(term, *access));
    modules.extend(gradient_modules(term, *element, *access));
    if variant.writes_losses {
        modules.push(module!("operand/written.wgsl" for "results"));
        modules.extend(store_modules(*access, Element::F32, "results"));
    } else {
        modules.push(module!("operand/absent.wgsl" for "results"));
    }
    modules.extend([module!("elementwise/run.wgsl"), module!("elementwise/write.wgsl")]);
    modules
}
