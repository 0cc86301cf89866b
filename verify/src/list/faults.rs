//! Calls that have to be refused.

use wgpu_loss::{CrossEntropy, Element, Input, LogSumExp, Reduction, RowOutputs, Shape, Softmax};

use super::List;
use crate::call::Operation;
use crate::case::{Case, Fault};
use crate::content::Content;
use crate::operands::{Factor, Ignored, Integer, Probabilities, Targets, Weights};

const USUAL: CrossEntropy = CrossEntropy {
    reduction: Reduction::Mean,
    ignore_index: Some(-100),
    label_smoothing: 0.0,
    z_loss: 0.0,
    logit_scale: 1.0,
    softcap: None,
    input: Input::Logits,
    mode: wgpu_loss::Mode::Strict,
    rows: NOTHING,
    correct: false,
    top_k: 1,
    gradient_element: None,
};

const NOTHING: RowOutputs = RowOutputs {
    loss: false,
    log_sum_exp: false,
    target_log_probability: false,
    entropy: false,
    argmax: false,
    target_rank: false,
    z_loss: false,
};

const PROBABILITIES: Targets =
    Targets::Probabilities { kind: Probabilities::Normal, element: Element::F32, gap: 0 };

impl List {
    /// Everything that every engine refuses.
    pub(super) fn faults(&mut self) {
        self.faulty_targets();
        self.faulty_lengths();
        self.faulty_options();
    }

    fn call(&mut self, operation: Operation) -> &mut Case {
        let shape = Shape::new(5, 10);
        self.push(operation, shape, Content::Normal, Factor::Scalar(1.0))
    }

    /// The first row with a bad target is named, and a later one is not; whatever the type.
    fn faulty_targets(&mut self) {
        let parts = Operation::MergedParts { options: USUAL, parts: 2 };
        let whole = Operation::CrossEntropy(USUAL);
        for (operation, upstream, integer, row, value) in [
            (whole, Factor::None, Integer::I32, 0, 10),
            (whole, Factor::Scalar(1.0), Integer::I32, 3, -1),
            (whole, Factor::None, Integer::I32, 700, i64::from(i32::MAX)),
            (whole, Factor::Scalar(1.0), Integer::I32, 998, i64::from(i32::MIN)),
            (whole, Factor::Scalar(1.0), Integer::I32, 999, 11),
            // Beyond i32; the second and third would be a class and the ignore index there.
            (whole, Factor::None, Integer::I64, 3, 1 << 40),
            (whole, Factor::Scalar(1.0), Integer::I64, 5, (1 << 32) + 3),
            (whole, Factor::Scalar(1.0), Integer::I64, 6, (1 << 32) - 100),
            (whole, Factor::None, Integer::I64, 7, -101),
            (whole, Factor::None, Integer::U32, 8, u32::MAX.into()),
            (whole, Factor::Scalar(1.0), Integer::U32, 9, (1 << 32) - 100),
            (whole, Factor::None, Integer::U8, 10, 255),
            (parts, Factor::None, Integer::I32, 11, 10),
            (parts, Factor::Scalar(1.0), Integer::I64, 12, -1),
        ] {
            let shape = Shape::new(1000, 10);
            let case = self.push(operation, shape, Content::Normal, upstream);
            // -100 is refused where the integers have no sign.
            case.targets = Targets::Classes { ignored: Ignored::No, integer };
            case.fault = Some(Fault::Target { row, value });
        }
    }

    fn faulty_lengths(&mut self) {
        let mean = Operation::CrossEntropy(USUAL);
        let parts = Operation::MergedParts { options: USUAL, parts: 2 };
        let none = CrossEntropy { reduction: Reduction::None, ..USUAL };
        let sum = CrossEntropy { reduction: Reduction::Sum, ..USUAL };
        for operation in [mean, parts] {
            self.call(operation).fault = Some(Fault::MissingTarget);
            let case = self.call(operation);
            (case.class_weights, case.fault) =
                (Some(Weights::Positive), Some(Fault::MissingClassWeight));
            let case = self.call(operation);
            (case.row_weights, case.fault) = (Some(Weights::Positive), Some(Fault::SpareRowWeight));
        }
        for operation in [
            Operation::CrossEntropy(none),
            Operation::MergedParts { options: none, parts: 3 },
            Operation::LogSumExp(LogSumExp::default()),
        ] {
            let case = self.call(operation);
            (case.upstream, case.fault) = (Factor::PerRow, Some(Fault::SpareFactor));
        }
        // A factor for each row although the loss is one value.
        self.call(Operation::CrossEntropy(sum)).upstream = Factor::PerRow;
        let case = self.call(mean);
        (case.targets, case.fault) = (PROBABILITIES, Some(Fault::WideProbabilities));
        for log in [false, true] {
            let case = self.call(Operation::Softmax(Softmax { log, element: None }));
            case.upstream = Factor::Matrix { element: Element::F32, gap: 0 };
            case.fault = Some(Fault::TallUpstream);
        }
        self.call(parts).fault = Some(Fault::SparePart);
        self.call(parts).fault = Some(Fault::SpareState);
    }

    fn faulty_options(&mut self) {
        let smoothing =
            [-0.1, 1.5, f32::NAN].map(|it| CrossEntropy { label_smoothing: it, ..USUAL });
        let softcap = [0.0, -1.0, f32::INFINITY, f32::NAN]
            .map(|it| CrossEntropy { softcap: Some(it), ..USUAL });
        let others = [
            CrossEntropy { z_loss: f32::INFINITY, ..USUAL },
            CrossEntropy { logit_scale: f32::NAN, ..USUAL },
            CrossEntropy { top_k: 0, correct: true, ..USUAL },
            CrossEntropy { top_k: 11, correct: true, ..USUAL },
        ];
        for options in smoothing.into_iter().chain(softcap).chain(others) {
            self.call(Operation::CrossEntropy(options));
        }
        let log_probability = RowOutputs { target_log_probability: true, ..NOTHING };
        let rank = RowOutputs { target_rank: true, ..NOTHING };
        for options in [
            CrossEntropy { ignore_index: Some(3), ..USUAL },
            CrossEntropy { rows: log_probability, ..USUAL },
            CrossEntropy { rows: rank, ..USUAL },
            CrossEntropy { correct: true, ..USUAL },
        ] {
            self.call(Operation::CrossEntropy(options)).targets = PROBABILITIES;
        }
        let of_log_probabilities = CrossEntropy { input: Input::LogProbabilities, ..USUAL };
        let rows = |rows| CrossEntropy { rows, ..of_log_probabilities };
        for options in [
            CrossEntropy { label_smoothing: 0.1, ..of_log_probabilities },
            CrossEntropy { z_loss: 0.1, ..of_log_probabilities },
            CrossEntropy { logit_scale: 2.0, ..of_log_probabilities },
            CrossEntropy { softcap: Some(1.0), ..of_log_probabilities },
            CrossEntropy { correct: true, ..of_log_probabilities },
            rows(RowOutputs { log_sum_exp: true, ..NOTHING }),
            rows(RowOutputs { entropy: true, ..NOTHING }),
            rows(RowOutputs { argmax: true, ..NOTHING }),
            rows(rank),
        ] {
            self.call(Operation::CrossEntropy(options));
        }
        self.call(Operation::CrossEntropy(of_log_probabilities)).targets = PROBABILITIES;
        let of_rank = CrossEntropy { rows: rank, ..USUAL };
        for options in [of_log_probabilities, of_rank] {
            self.call(Operation::MergedParts { options, parts: 2 });
        }
    }
}

#[cfg(test)]
mod tests {
    use wgpu_loss::cpu;

    use super::*;

    #[test]
    fn all_of_them_are_refused() {
        let mut list = List::new();
        list.faults();
        list.faulty_reductions();
        list.faulty_losses();
        list.faulty_softmax_losses();
        for case in &list.cases {
            let result = case.check(&cpu::Oracle);
            assert!(result.refused && result.passed(), "{case}: {:?}", result.failure);
        }
    }
}
