//! Modules of element-wise losses.

use super::bindings::is_in_place;
use super::{LossGradient, LossKind, LossTerm, LossesVariant};
use crate::element::Element;
use crate::kernel::link::Module;
use crate::kernel::modules::{load_modules, module, narrow_module, store_module, stored_module};
use crate::kernel::reduce::WeightsKind;
use crate::kernel::reduce::link::{
    broadcast_modules, common_modules, value_modules, weight_modules,
};
use crate::kernel::{Access, GradientKind};

/// What the modules are told.
pub(in crate::kernel) fn flags(term: &LossTerm, is_weighted: bool) -> [(&'static str, bool); 4] {
    [
        ("HAS_GRADIENT", term.gradient.is_some()),
        ("HAS_WEIGHTS", is_weighted),
        ("IS_DIVIDED", term.gradient.is_some_and(|gradient| gradient.divides)),
        ("IS_SMOOTHED", term.smoothed),
    ]
}

fn loss_modules(kind: LossKind) -> Vec<Module> {
    let mut modules = vec![module!("loss/interface.wgsl")];
    modules.push(match kind {
        LossKind::BinaryCrossEntropyWithLogits => {
            module!("loss/binary_cross_entropy_with_logits.wgsl")
        }
        LossKind::BinaryCrossEntropy => module!("loss/binary_cross_entropy.wgsl"),
        LossKind::SigmoidFocal => module!("loss/sigmoid_focal.wgsl"),
        LossKind::KlDivergence { log_target: false } => module!("loss/kl_divergence.wgsl"),
        LossKind::KlDivergence { log_target: true } => {
            module!("loss/kl_divergence_of_logarithms.wgsl")
        }
        LossKind::SquaredError => module!("loss/squared_error.wgsl"),
        LossKind::AbsoluteError => module!("loss/absolute_error.wgsl"),
        LossKind::Huber => module!("loss/huber.wgsl"),
        LossKind::PoissonNll { log_input: true, .. } => module!("loss/poisson_of_logarithms.wgsl"),
        LossKind::PoissonNll { log_input: false, .. } => module!("loss/poisson.wgsl"),
        LossKind::GaussianNll => module!("loss/gaussian.wgsl"),
        LossKind::Entropy => module!("loss/entropy.wgsl"),
        LossKind::CrossEntropyOfProbabilities => {
            module!("loss/cross_entropy_of_probabilities.wgsl")
        }
        LossKind::KlDivergenceOfProbabilities => {
            module!("loss/kl_divergence_of_probabilities.wgsl")
        }
        // The module of the caller's itself is linked under other names.
        LossKind::Custom(_) => module!("loss/custom_functions.wgsl"),
    });
    match kind {
        LossKind::PoissonNll { full: true, .. } => modules.push(module!("loss/stirling.wgsl")),
        LossKind::PoissonNll { full: false, .. } => modules.push(module!("loss/no_stirling.wgsl")),
        LossKind::BinaryCrossEntropyWithLogits | LossKind::SigmoidFocal => {
            modules.push(module!("loss/cross_entropy_bits.wgsl"));
        }
        LossKind::Custom(custom) => modules.push(match custom.handles_special() {
            true => module!("loss/custom_special.wgsl"),
            false => module!("loss/undefined.wgsl"),
        }),
        _ => {}
    }
    modules
}

/// The modules of a loss and of its operands but input and weights.
fn operand_modules(term: &LossTerm, access: Access) -> Vec<Module> {
    let mut modules = vec![
        module!("numeric.wgsl"),
        module!("bits.wgsl"),
        module!("special.wgsl"),
        module!("functions.wgsl"),
        module!("elementwise/losses.wgsl"),
    ];
    modules.extend(loss_modules(term.kind));
    match term.target {
        None => modules.push(module!("elementwise/no_target.wgsl")),
        Some(element) => {
            modules.extend(load_modules(access, element, "targets", false));
            modules.push(module!("elementwise/target.wgsl"));
        }
    }
    modules.extend(broadcast_modules(access, term.third, "third"));
    if term.third != WeightsKind::None {
        modules.push(module!("elementwise/third.wgsl"));
    }
    match term.counts {
        true => modules.push(module!("elementwise/counts.wgsl")),
        false => {
            modules.push(module!("elementwise/uncounted.wgsl"));
            modules.push(module!("reduce/uncounted.wgsl"));
        }
    }
    modules
}

/// What gradients are multiplied by and divided by, and what they are stored in.
fn factor_modules(gradient: &LossGradient, access: Access) -> Vec<Module> {
    let mut modules = vec![match gradient.divides {
        true => module!("elementwise/denominator.wgsl"),
        false => module!("elementwise/no_denominator.wgsl"),
    }];
    modules.extend(broadcast_modules(access, gradient.upstream, "upstream"));
    if gradient.upstream != WeightsKind::None {
        modules.push(module!("elementwise/upstream.wgsl"));
    }
    if let GradientKind::Separate(element) = gradient.place {
        modules.push(module!("reduce/gradient/separate.wgsl"));
        modules.push(stored_module(access, element, "gradient"));
    }
    if let Some(element) = gradient.of_third {
        modules.push(module!("elementwise/third_gradient.wgsl"));
        modules.push(stored_module(access, element, "third_gradient"));
        modules.extend(narrow_module(element));
    }
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
    let Some(gradient) = term.gradient else {
        return vec![
            module!("elementwise/no_gradient.wgsl"),
            module!("elementwise/no_denominator.wgsl"),
        ];
    };
    let mut modules = factor_modules(&gradient, access);
    modules.push(module!("elementwise/gradient.wgsl"));
    let (element, operand) = stored_in(&gradient, element);
    modules.push(store_module(access, element, operand));
    modules.push(module!("element/store.wgsl" for operand));
    modules.extend(narrow_module(element));
    match gradient.of_third {
        None => modules.push(module!("elementwise/no_third_gradient.wgsl")),
        Some(element) => {
            modules.push(module!("elementwise/write_third_gradient.wgsl"));
            modules.push(store_module(access, element, "third_gradient"));
        }
    }
    modules
}

/// Gradients of columns are in single precision: neighbours that share a word are other lanes'.
fn column_gradient_modules(term: &LossTerm) -> Vec<Module> {
    let Some(gradient) = term.gradient else {
        return vec![
            module!("elementwise/no_column_gradient.wgsl"),
            module!("elementwise/no_denominator.wgsl"),
        ];
    };
    let mut modules = factor_modules(&gradient, Access::Scalar);
    modules.push(module!("elementwise/column_gradient.wgsl"));
    let (_, operand) = stored_in(&gradient, Element::F32);
    modules.push(module!("element/store_f32_apart.wgsl" for operand));
    modules.push(module!("element/store_apart.wgsl" for operand));
    match gradient.of_third {
        None => modules.push(module!("elementwise/no_column_third_gradient.wgsl")),
        Some(_) => {
            modules.push(module!("elementwise/write_column_third_gradient.wgsl"));
            modules.push(module!("element/store_f32_apart.wgsl" for "third_gradient"));
        }
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
    modules.push(module!("elementwise/run_terms.wgsl"));
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
    match variant.writes_losses {
        false => modules.push(module!("elementwise/no_losses.wgsl")),
        true => {
            modules.push(module!("elementwise/write_losses.wgsl"));
            modules.push(module!("elementwise/losses_written.wgsl"));
            modules.extend(narrow_module(Element::F32));
            modules.push(store_module(*access, Element::F32, "losses"));
            modules.push(stored_module(*access, Element::F32, "losses"));
        }
    }
    modules.extend([
        module!("elementwise/run.wgsl"),
        module!("elementwise/write.wgsl"),
        module!("reduce/starts.wgsl"),
        module!("reduce/gradient/main.wgsl"),
    ]);
    modules
}
