//! What the lists of cases promise.

use std::collections::HashSet;

use wgpu_loss::{Element, Input, Mode};
use wgpu_loss_verify::{Case, Content, Extent, Factor, Fault, Operation, Targets, cases};

fn elements(case: &Case) -> usize {
    case.shape.rows * case.shape.classes
}

#[test]
fn the_quick_list_is_short() {
    let quick = cases(Extent::Quick);
    assert!((80..=400).contains(&quick.len()), "{} cases", quick.len());
    let all: usize = quick.iter().map(elements).sum();
    assert!(all <= 1_250_000, "{all} elements");
}

#[test]
fn the_lists_hold_what_they_promise() {
    let broad = cases(Extent::Broad);
    assert!((200..=1000).contains(&broad.len()), "{} cases", broad.len());
    let all: usize = broad.iter().map(elements).sum();
    assert!(all <= 10_000_000, "{all} elements");
    let full = cases(Extent::Full);
    assert!((2500..=7500).contains(&full.len()), "{} cases", full.len());
    assert!(full.iter().any(|case| case.shape.classes == 1 << 20));
    for list in [&broad, &full] {
        let contents: HashSet<Content> = list.iter().map(|case| case.content).collect();
        assert!(Content::ALL.iter().all(|content| contents.contains(content)));
        assert!(list.iter().all(|case| elements(case) <= 4_000_000));
        assert!(list.iter().any(|case| matches!(case.fault, Some(Fault::Target { .. }))));
        // More first classes than there are is refused: that is tried once, and nowhere else.
        let top_k = |case: &&Case| match case.operation {
            Operation::CrossEntropy(options) => options.top_k as usize,
            _ => 1,
        };
        let is_beyond = |case: &&Case| case.shape.classes > 0 && top_k(case) > case.shape.classes;
        assert_eq!(list.iter().filter(is_beyond).count(), 1);
        assert!(list.iter().filter(|case| top_k(case) == 2).count() >= 10);
        let texts: HashSet<String> = list.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), list.len(), "two cases with one text");
    }
}

/// What the case is about; of parts or not makes no difference.
fn kind(case: &Case) -> &'static str {
    match case.operation {
        Operation::LogSumExp(_) => "log-sum-exp",
        Operation::Softmax(options) if options.log => "log-softmax",
        Operation::Softmax(_) => "softmax",
        Operation::CrossEntropy(options) if options.input == Input::LogProbabilities => {
            "log-probabilities"
        }
        Operation::Reduce(_) | Operation::ReduceSegments(_) => "reduction",
        Operation::Elementwise(_) => "element-wise loss",
        Operation::SoftmaxLoss(_) => "relative of cross-entropy",
        _ if matches!(case.targets, Targets::Classes { .. }) => "classes",
        _ => "probabilities",
    }
}

/// Every operation meets every type and every layout; what has no options meets all of these
/// together, forward and backward.
#[test]
fn the_broad_list_crosses_operations_types_and_layouts() {
    let broad = cases(Extent::Broad);
    let met: HashSet<_> = broad
        .iter()
        .filter(|case| case.fault.is_none() && elements(case) > 0)
        .map(|case| {
            (kind(case), case.shape.element, case.shape.inner > 1, case.upstream == Factor::None)
        })
        .collect();
    for of in ["log-sum-exp", "softmax", "log-softmax"] {
        for element in Element::ALL {
            for inner in [false, true] {
                for forward in [false, true] {
                    let all = (of, element, inner, forward);
                    assert!(met.contains(&all), "{all:?}");
                }
            }
        }
    }
    for of in ["classes", "probabilities", "log-probabilities"] {
        let of = || met.iter().filter(|it| it.0 == of);
        assert_eq!(of().map(|it| it.1).collect::<HashSet<_>>().len(), 3, "types");
        assert_eq!(of().map(|it| it.2).collect::<HashSet<_>>().len(), 2, "layouts");
        assert_eq!(of().map(|it| it.3).collect::<HashSet<_>>().len(), 2, "passes");
    }
    let times = |mode| {
        let options = broad.iter().filter_map(|case| case.operation.cross_entropy());
        options.filter(|options| options.mode == mode).count()
    };
    assert!(times(Mode::Strict) > 40 && times(Mode::Masked) > 40);
}

/// A case is reproduced from its fields alone.
#[test]
fn cases_are_the_same_every_time() {
    let texts = || cases(Extent::Broad).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(), texts());
    for case in cases(Extent::Broad).iter().filter(|case| elements(case) <= 100) {
        // As text: NaN differs from itself.
        assert_eq!(case.call().to_string(), case.call().to_string());
    }
}
