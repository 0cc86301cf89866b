//! A row of the table: three classes of interest, among as many ordinary ones as are wanted.

use wgpu_loss::{CrossEntropy, Element, Input, Mode};

use super::expect::Is;

/// A logit so low that its probability is 0; exact in every element type.
pub const LOW: f32 = -8192.0;

/// What the row is compared with. Classes are counted among the three of interest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    Class(usize),
    /// The ignore index, which is no class.
    Ignored,
    /// A class that is the ignore index.
    IgnoredClass(usize),
    /// Of the three classes; 0 for all others.
    Probabilities([f32; 3]),
}

/// Where the most likely class is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argmax {
    /// One of the three.
    Column(usize),
    /// The first of all classes.
    First,
}

/// What depends on the mode: the loss without z-loss, and the gradient at each of the three classes
/// and at every other one, for an upstream gradient of 1.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub loss: Is,
    pub gradient: [Is; 4],
}

impl Outcome {
    pub const fn new(loss: Is, gradient: [Is; 4]) -> Self {
        Self { loss, gradient }
    }

    /// The same for every class.
    pub const fn all(loss: Is, gradient: Is) -> Self {
        Self::new(loss, [gradient; 4])
    }
}

/// A NaN loss with NaN gradients.
pub const NAN: Outcome = Outcome::all(Is::Nan, Is::Nan);
/// A loss of 0 without gradients.
pub const NOTHING: Outcome = Outcome::all(Is::Zero, Is::Zero);
/// What the textbook says.
pub const ORDINARY: Outcome = Outcome::all(Is::Textbook, Is::Textbook);

/// A row, its options, and what is to come of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub logits: [f32; 3],
    /// The logit of every other class.
    pub others: f32,
    pub target: Target,
    pub row_weight: f32,
    /// Of the three classes; 1 for all others.
    pub class_weights: Option<[f32; 3]>,
    /// Reduction, mode, ignore index and row outputs are the runner's.
    pub options: CrossEntropy,
    pub elements: &'static [Element],
    pub strict: Outcome,
    pub masked: Outcome,
    pub log_sum_exp: Is,
    pub entropy: Is,
    pub target_log_probability: Is,
    pub argmax: Argmax,
}

const OPTIONS: CrossEntropy = CrossEntropy {
    reduction: wgpu_loss::Reduction::None,
    ignore_index: Some(-100),
    label_smoothing: 0.0,
    z_loss: 0.0,
    logit_scale: 1.0,
    softcap: None,
    input: Input::Logits,
    mode: Mode::Strict,
    rows: wgpu_loss::RowOutputs {
        loss: false,
        log_sum_exp: false,
        target_log_probability: false,
        entropy: false,
        argmax: false,
        target_rank: false,
        z_loss: false,
    },
    correct: false,
    top_k: 1,
    gradient_element: None,
};

/// A row to start others from: an ordinary one.
pub const ROW: Row = Row {
    name: "an ordinary row",
    logits: [0.0, 1.0, -1.0],
    others: LOW,
    target: Target::Class(0),
    row_weight: 1.0,
    class_weights: None,
    options: OPTIONS,
    elements: &Element::ALL,
    strict: ORDINARY,
    masked: ORDINARY,
    log_sum_exp: Is::Textbook,
    entropy: Is::Textbook,
    target_log_probability: Is::Textbook,
    argmax: Argmax::Column(1),
};

impl Row {
    pub const fn smoothed(self, label_smoothing: f32) -> Self {
        Self { options: CrossEntropy { label_smoothing, ..self.options }, ..self }
    }

    pub const fn weighing(self, class_weights: [f32; 3]) -> Self {
        Self { class_weights: Some(class_weights), ..self }
    }

    pub const fn led_by(self, column: usize) -> Self {
        Self { argmax: Argmax::Column(column), ..self }
    }

    pub const fn with_z_loss(self, z_loss: f32) -> Self {
        Self { options: CrossEntropy { z_loss, ..self.options }, ..self }
    }

    pub const fn scaled(self, logit_scale: f32) -> Self {
        Self { options: CrossEntropy { logit_scale, ..self.options }, ..self }
    }

    pub const fn capped(self, softcap: f32) -> Self {
        Self { options: CrossEntropy { softcap: Some(softcap), ..self.options }, ..self }
    }

    pub const fn with_input(self, input: Input) -> Self {
        Self { options: CrossEntropy { input, ..self.options }, ..self }
    }

    /// What is to come of it in both modes.
    pub const fn gives(self, outcome: Outcome) -> Self {
        Self { strict: outcome, masked: outcome, ..self }
    }

    /// What is to come of it in each mode.
    pub const fn gives_each(self, strict: Outcome, masked: Outcome) -> Self {
        Self { strict, masked, ..self }
    }

    /// A row whose softmax is undefined.
    pub const fn undefined(self, log_sum_exp: Is, argmax: Argmax) -> Self {
        let (entropy, target_log_probability) = (Is::Nan, Is::Nan);
        Self { log_sum_exp, argmax, entropy, target_log_probability, ..self }.gives(NAN)
    }

    pub fn outcome(&self, mode: Mode) -> Outcome {
        match mode {
            Mode::Strict => self.strict,
            Mode::Masked => self.masked,
        }
    }

    pub fn is_ignored(&self) -> bool {
        matches!(self.target, Target::Ignored | Target::IgnoredClass(_))
    }

    /// The weight of one of the three classes.
    pub fn class_weight(&self, class: usize) -> f64 {
        self.class_weights.map_or(1.0, |weights| weights[class].into())
    }

    /// An ordinary row that shares a batch with this one, under the same options.
    pub fn companion(&self) -> Self {
        let weighs = |&class: &usize| self.class_weight(class) > 0.0;
        let target = (0..3).find(weighs).unwrap_or(0);
        let leading = if self.options.logit_scale < 0.0 { 2 } else { 1 };
        Self {
            name: "its neighbour",
            target: match self.target {
                Target::Probabilities(_) => Target::Probabilities([0.5, 0.125, 0.375]),
                // Not the class that is ignored.
                Target::IgnoredClass(0) => Target::Class(1),
                _ => Target::Class(target),
            },
            others: if self.options.logit_scale < 0.0 { -LOW } else { LOW },
            class_weights: self.class_weights,
            options: self.options,
            elements: self.elements,
            argmax: match self.options.logit_scale == 0.0 {
                true => Argmax::First,
                false => Argmax::Column(leading),
            },
            ..ROW
        }
    }
}
