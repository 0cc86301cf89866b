//! The verbs `plan`, `bind` and `record` on buffers of the caller's.

use wgpu_loss::{
    Element, Error, Gpu, GradientPlace, OwnedValues, Reduction, Shape, SoftmaxLossOperands,
    SoftmaxLossPass, Totals, UpstreamOperand, UpstreamSource, cpu,
};

use super::gpu;
use super::memory::{buffer, read};
use super::problem::{Against, Problem, close};

/// Elements before and behind each operand, which nothing may change.
const MARGIN: usize = 64;

/// A matrix within margins of -7.
fn within_margins(values: &[f32], element: Element) -> OwnedValues {
    let margin = [-7.0; MARGIN];
    OwnedValues::from_f32([&margin[..], values, &margin].concat(), element)
}

fn widened(bytes: &[u8], element: Element) -> Vec<f32> {
    match element {
        Element::F32 => bytemuck::pod_collect_to_vec(bytes),
        Element::F16 => OwnedValues::F16(bytemuck::pod_collect_to_vec(bytes)).into_f32(),
        Element::Bf16 => OwnedValues::Bf16(bytemuck::pod_collect_to_vec(bytes)).into_f32(),
    }
}

/// In place, apart and with gaps, from offsets that are no multiple of anything; the margins, and the
/// gaps of a gradient, stay as they are.
#[test]
fn gradients_go_where_they_are_planned() {
    let gpu = gpu();
    let places =
        [GradientPlace::InPlace, GradientPlace::Separate, GradientPlace::SeparateWithRowStride(20)];
    for (turn, against) in Against::ALL.into_iter().enumerate() {
        let place = places[turn % 3];
        let problem = Problem {
            rows: 5,
            classes: 17,
            gap: 3,
            element: [Element::F32, Element::Bf16, Element::F16][turn % 3],
            reduction: Reduction::Sum,
            ..Problem::plain(against)
        };
        let data = problem.data();
        let element = problem.element;
        let bytes = element.bytes() as u64;
        let logits = within_margins(&data.logits.clone().into_f32(), element);
        let logits = buffer(gpu, logits.values().bytes());
        let others = match against {
            Against::Class | Against::SmoothedClass => {
                buffer(gpu, bytemuck::cast_slice(&data.classes))
            }
            _ => buffer(gpu, data.others.values().bytes()),
        };
        let filled = within_margins(&vec![-7.0; 5 * 20], element);
        let gradient = buffer(gpu, filled.values().bytes());
        let upstream = buffer(gpu, bytemuck::bytes_of(&[9.0f32, -2.0]));
        let totals = buffer(gpu, &[0; 32]);
        let losses = buffer(gpu, &[0; 24]);

        let pass =
            SoftmaxLossPass::Fused { gradient: place, upstream: UpstreamSource::OneInBuffer };
        let layout = data.against(&problem).layout();
        let plan = data.options.plan(gpu.kernels(), data.shape, &layout, pass).unwrap();
        let start = MARGIN as u64 * bytes;
        let is_separate = place != GradientPlace::InPlace;
        let operands = SoftmaxLossOperands {
            gradient: is_separate.then(|| gradient.slice(start..)),
            loss_rows: Some(losses.slice(4..)),
            totals: Some(totals.slice(..)),
            upstream: UpstreamOperand::Buffer(upstream.slice(4..)),
            ..SoftmaxLossOperands::new(logits.slice(start..), others.slice(..))
        };
        let step = plan.bind(&operands).unwrap();
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        step.record(&mut encoder);
        gpu.queue().submit([encoder.finish()]);

        let exact = cpu::Oracle
            .softmax_loss_f64(
                data.logits(),
                data.against(&problem),
                Some(wgpu_loss::Upstream::Scalar(-2.0)),
                &data.options,
            )
            .unwrap();
        let what = format!("{problem:?} {place:?}");
        let totals: Vec<Totals> = bytemuck::pod_collect_to_vec(&read(gpu, &totals));
        close(totals[0].loss, exact.loss, 2e-6, 0.0, &what);
        let rows: Vec<f32> = bytemuck::pod_collect_to_vec(&read(gpu, &losses));
        assert_eq!(rows[0], 0.0);
        for (&loss, &expected) in rows[1..].iter().zip(exact.loss_rows.as_ref().unwrap()) {
            close(loss, expected, 2e-6, 0.0, &what);
        }
        let (written, stride) = match place {
            GradientPlace::InPlace => (read(gpu, &logits), data.shape.row_stride),
            GradientPlace::Separate => (read(gpu, &gradient), 17),
            GradientPlace::SeparateWithRowStride(stride) => (read(gpu, &gradient), stride),
        };
        let written = widened(&written, element);
        let before = within_margins(
            &match is_separate {
                true => vec![-7.0; 5 * 20],
                false => data.logits.clone().into_f32(),
            },
            element,
        )
        .into_f32();
        for (at, (&found, before)) in written.iter().zip(before).enumerate() {
            let place = at.checked_sub(MARGIN).map(|at| (at / stride, at % stride));
            match place.filter(|&(row, class)| row < 5 && class < 17) {
                None => assert_eq!(found, before, "beside the gradient, at {at} of {what}"),
                Some((row, class)) => {
                    let expected = exact.gradient.as_ref().unwrap()[row * 17 + class];
                    close(found, expected, 4e-3, 1e-5, &format!("row {row} of {what}"));
                }
            }
        }
    }
}

#[test]
fn operands_that_a_plan_lacks() {
    let gpu = gpu();
    let problem = Problem { row_weights: true, ..Problem::plain(Against::KlDivergence) };
    let data = problem.data();
    let layout = data.against(&problem).layout();
    let pass = SoftmaxLossPass::Fused {
        gradient: GradientPlace::Separate,
        upstream: UpstreamSource::Scalar,
    };
    let plan = data.options.plan(gpu.kernels(), Shape::new(4, 10), &layout, pass).unwrap();
    assert_eq!(plan.least_bytes(), 3 * 4 * 10 * 4);
    assert_eq!(plan.reads(), 1);
    let matrix = || buffer(gpu, &[0; 160]);
    let (logits, teacher, gradient) = (matrix(), matrix(), matrix());
    let (rows, short) = (buffer(gpu, &[0; 16]), buffer(gpu, &[0; 16]));
    let operands = SoftmaxLossOperands {
        row_weights: Some(rows.slice(..)),
        gradient: Some(gradient.slice(..)),
        loss_rows: Some(short.slice(..)),
        ..SoftmaxLossOperands::new(logits.slice(..), teacher.slice(..))
    };
    assert_eq!(plan.bind(&operands).unwrap().dispatches(), 3);
    let refused = |operands: SoftmaxLossOperands<'_>| {
        let Err(Error::Invalid { what, .. }) = plan.bind(&operands) else {
            panic!("nothing was refused")
        };
        what
    };
    assert_eq!(refused(SoftmaxLossOperands { row_weights: None, ..operands }), "row_weights");
    assert_eq!(refused(SoftmaxLossOperands { gradient: None, ..operands }), "gradient");
    assert_eq!(refused(SoftmaxLossOperands { loss_rows: None, ..operands }), "loss_rows");
    let against = short.slice(..);
    assert_eq!(refused(SoftmaxLossOperands { against, ..operands }), "teacher");
    let class_weights = Some(short.slice(..));
    assert_eq!(refused(SoftmaxLossOperands { class_weights, ..operands }), "class_weights");
    // Written and read: wgpu cannot.
    let gradient = Some(teacher.slice(..));
    assert_eq!(refused(SoftmaxLossOperands { gradient, ..operands }), "teacher");
}

/// Bindings far smaller than the batch: many dispatches, the same bits.
#[test]
fn bindings_that_hold_a_few_rows() {
    let gpu = gpu();
    let small = wgpu_loss::plan::Capabilities {
        max_binding_bytes: 1 << 16,
        max_workgroups: 256,
        ..*gpu.kernels().capabilities()
    };
    let kernels = gpu.kernels().with_capabilities(small).unwrap();
    let cut = gpu.with_kernels(kernels);
    for against in [Against::Class, Against::KlDivergence] {
        let problem = Problem { rows: 2000, row_weights: true, ..Problem::plain(against) };
        let data = problem.data();
        let out = |gpu: &Gpu| {
            use wgpu_loss::Engine;
            let (against, upstream) = (data.against(&problem), data.upstream(&problem));
            gpu.softmax_loss_with_gradient(data.logits(), against, upstream, &data.options).unwrap()
        };
        assert_eq!(out(&cut), out(gpu));
    }
}
