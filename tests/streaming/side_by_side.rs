//! Pieces of a single one of the rows that lie side by side.

use wgpu_loss::partial::ClassRange;
use wgpu_loss::{
    CrossEntropy, Engine, Gpu, LogSumExp, Logits, Softmax, SoftmaxAgainst, SoftmaxFunction,
    SoftmaxLoss, Streaming, Targets, Upstream,
};

use super::{gpu, values};

/// A row alone is not taken for one of a batch without others beside it, whose kernel is another.
#[test]
fn a_row_alone_has_the_bits_of_those_beside_it() {
    let (outer, classes, inner) = (4, 40, 3);
    let stored = values(outer * classes * inner);
    let logits = Logits::with_class_axis(&stored, outer, classes, inner).expect("a shape");
    // Pieces of two rows, so that the third is one of its own.
    let streaming = Streaming { submission_bytes: 8 * classes as u64, ..Streaming::default() };
    let in_pieces = gpu().with_streaming(streaming);
    let assert_same = |call: &dyn Fn(&Gpu) -> Vec<u8>, name: &str| {
        assert!(call(&in_pieces) == call(gpu()), "{name}");
    };

    let upstream = Upstream::Scalar(0.75);
    let options = LogSumExp::default();
    let log_sum_exp = |gpu: &Gpu| {
        let out = gpu.log_sum_exp_with_gradient(logits, upstream, &options).expect("a call");
        let gradient = out.gradient.expect("a gradient");
        [bytemuck::cast_slice(&out.log_sum_exp), gradient.values().bytes()].concat()
    };
    assert_same(&log_sum_exp, "log-sum-exp");

    let options = SoftmaxLoss::new(SoftmaxFunction::Focal { gamma: 1.5 });
    let ids = vec![2i32; outer * inner];
    let targets = Targets::classes(&ids);
    let focal = |gpu: &Gpu| {
        let against = SoftmaxAgainst::Targets(targets);
        let out = gpu.softmax_loss_with_gradient(logits, against, upstream, &options);
        let out = out.expect("a call");
        let gradient = out.gradient.expect("a gradient");
        [&out.loss.to_ne_bytes(), gradient.values().bytes()].concat()
    };
    assert_same(&focal, "focal loss");

    let options = CrossEntropy::default();
    let range = ClassRange { first: 1, total: classes + 1 };
    let of_part = |gpu: &Gpu| {
        let states = gpu.partial_states(logits, range, targets, &options).expect("a call");
        let gradient = gpu.partial_gradient(logits, range, &states, targets, upstream, &options);
        let gradient = gradient.expect("a call");
        [bytemuck::cast_slice(&states), gradient.values().bytes()].concat()
    };
    assert_same(&of_part, "a part");

    let cross_entropy = |gpu: &Gpu| {
        let out = gpu.cross_entropy_with_gradient(logits, targets, upstream, &options);
        let out = out.expect("a call");
        let gradient = out.gradient.expect("a gradient");
        [&out.loss.to_ne_bytes(), gradient.values().bytes()].concat()
    };
    assert_same(&cross_entropy, "cross-entropy");

    let softmax = |gpu: &Gpu| {
        let out = gpu.softmax(logits, &Softmax::default()).expect("a call");
        out.values().bytes().to_vec()
    };
    assert_same(&softmax, "softmax");
}
