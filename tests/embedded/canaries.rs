//! Nothing outside is touched, by any family: what lies around operands, in gaps between rows and in
//! operands that are only read stays as it was, and so does the state of the caller's pass.

use wgpu_loss::kernel::{Access, Family, Geometry, Team, Variant};
use wgpu_loss::plan::{Entry, Tuning};
use wgpu_loss::wgpu::{self, BindGroupDescriptor, BindGroupEntry};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOperands, Element, Gpu, Kernels, LogSumExp, LogSumExpOperands, Pass,
    Shape, Softmax,
};
use wgpu_loss_verify::{Factor, Operation};

use crate::calls::{check, cross_entropy, engines_in_turn, options};
use crate::device::{gpu, read, submit};
use crate::memory::Memory;
use crate::problem::ALL;

/// Tables of this family alone, for rows of any length.
fn tuned(family: Family, team: Team, geometry: Geometry) -> Gpu {
    let up_to_classes = match family {
        Family::Streamed | Family::Split => u64::MAX,
        _ => geometry.held(),
    };
    let entry = Entry { up_to_classes, family, team, geometry };
    let mut tuning = Tuning::built_in(gpu().kernels().capabilities().class);
    tuning.entries.insert(0, entry);
    if family == Family::Split {
        tuning.part_classes = 4 * u64::from(geometry.lanes);
        tuning.from_state.insert(0, entry);
        // Two rows a round.
        tuning.chunk_bytes = 2 * 4 * 67;
    }
    // Its own kernels, to see which were compiled.
    let capabilities = *gpu().kernels().capabilities();
    let kernels = Kernels::with(gpu().device(), capabilities, tuning).expect("a valid tuning");
    gpu().with_kernels(kernels)
}

/// Held in lanes, in registers of a workgroup, streamed, cut into parts: log-sum-exp, softmax and
/// cross-entropy with everything it has to write, fused and in two steps, in place, beside and with
/// gaps, at starts within vectors and within words.
#[test]
fn around_operands_of_every_family() {
    let geometry = |lanes, rows, vectors| Geometry { lanes, rows, vectors };
    let families = [
        (Family::Tile, Team::Lane, geometry(1, 8, 3)),
        (Family::Team, Team::Lane, geometry(1, 8, 2)),
        (Family::Team, Team::Workgroup, geometry(8, 4, 2)),
        (Family::Resident, Team::Workgroup, geometry(32, 1, 1)),
        (Family::Streamed, Team::Workgroup, geometry(8, 2, 1)),
        (Family::Split, Team::Lane, geometry(1, 8, 1)),
        (Family::Split, Team::Workgroup, geometry(8, 3, 1)),
    ];
    for (turn, (family, team, geometry)) in families.into_iter().enumerate() {
        let gpu = tuned(family, team, geometry);
        let classes = match family {
            Family::Streamed | Family::Split => 67,
            _ => geometry.held() as usize - 1,
        };
        for (at, gap) in [0, 1 + 3 * (turn % 2)].into_iter().enumerate() {
            let shape = Shape::new(11, classes).with_row_stride(classes + gap);
            let shape = shape.with_element(Element::ALL[(turn + at) % 3]);
            let mut everything = cross_entropy(shape);
            options(&mut everything).rows = ALL;
            let mut log_sum_exp = cross_entropy(shape);
            log_sum_exp.operation = Operation::LogSumExp(LogSumExp::default());
            let mut softmax = cross_entropy(shape);
            softmax.operation = Operation::Softmax(Softmax::default());
            softmax.upstream =
                if at == 1 { Factor::Matrix { element: Element::F32, gap } } else { Factor::None };
            println!("{family:?} {team:?} {geometry:?}"); // shown where it fails
            for (of_case, case) in [&everything, &log_sum_exp, &softmax].into_iter().enumerate() {
                for engine in engines_in_turn(&gpu, [turn + 2 * at + of_case]) {
                    check(case, &engine);
                }
            }
        }
        let is_of_family = |variant: &Variant| match variant {
            Variant::Rows(rows) => match family {
                Family::Tile => rows.access == Access::Tile,
                Family::Split => rows.split,
                _ => rows.family == family && rows.geometry == geometry,
            },
            _ => false,
        };
        assert!(gpu.kernels().compiled().iter().any(is_of_family), "{family:?} was not used");
    }
}

/// The caller's second bind group stays where it was, across a step in the caller's pass.
#[test]
fn the_state_of_the_callers_pass() {
    let gpu = gpu();
    let device = gpu.device();
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("caller's"),
        source: wgpu::ShaderSource::Wgsl(
            "@group(0) @binding(0) var<storage, read_write> sum: array<u32>;
             @group(1) @binding(0) var<storage, read> term: array<u32>;
             @compute @workgroup_size(1) fn main() { sum[0] += term[0]; }"
                .into(),
        ),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some("caller's"),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: Default::default(),
        cache: None,
    });
    let sum = Memory::of(&gpu, 0, &[1u32]);
    let term = Memory::of(&gpu, 0, &[40u32]);
    let group = |index, memory: &Memory| {
        device.create_bind_group(&BindGroupDescriptor {
            label: Some("caller's"),
            layout: &pipeline.get_bind_group_layout(index),
            entries: &[BindGroupEntry { binding: 0, resource: memory.buffer.as_entire_binding() }],
        })
    };
    let groups = [group(0, &sum), group(1, &term)];

    let logits = Memory::of(&gpu, 0, &[0.0f32; 20]);
    let results = Memory::poisoned(&gpu, 0, 2);
    let step = LogSumExp::default()
        .plan(gpu.kernels(), Shape::new(2, 10), Pass::Forward { save_state: false })
        .and_then(|plan| {
            plan.bind(&LogSumExpOperands {
                log_sum_exp: Some(results.slice()),
                ..LogSumExpOperands::new(logits.slice())
            })
        })
        .expect("a step");
    submit(&gpu, |encoder| {
        encoder.push_debug_group("caller's");
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.push_debug_group("caller's");
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &groups[0], &[]);
        pass.set_bind_group(1, &groups[1], &[]);
        pass.dispatch_workgroups(1, 1, 1);
        step.record_in(&mut pass);
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &groups[0], &[]);
        pass.dispatch_workgroups(1, 1, 1);
        pass.pop_debug_group();
        drop(pass);
        encoder.pop_debug_group();
    });
    assert_eq!(sum.read::<u32>(&gpu), [81], "both dispatches saw the caller's second group");
    assert!(term.is_unchanged(&gpu) && logits.is_unchanged(&gpu));
    let expected = 10f32.ln();
    assert!(results.read::<f32>(&gpu).iter().all(|found| (found - expected).abs() < 1e-6));
}

/// What a step left in its scratch memory is nothing to the next time it is recorded.
#[test]
fn scratch_that_was_used_before() {
    let gpu = tuned(Family::Split, Team::Lane, Geometry { lanes: 1, rows: 8, vectors: 1 });
    let (rows, classes) = (5, 67);
    let values = |factor: f32| -> Vec<f32> {
        (0..rows * classes).map(|i| ((i * 7919) % 1013) as f32 * factor).collect()
    };
    let (first, second) = (values(0.02), values(-0.01));
    let targets = Memory::of(&gpu, 0, &(0..rows as i32).collect::<Vec<_>>());
    let plan = CrossEntropy::default()
        .plan(
            gpu.kernels(),
            Shape::new(rows, classes),
            &Default::default(),
            Pass::Forward { save_state: false },
        )
        .expect("a plan");
    let run = |contents: &[&[f32]]| -> Vec<u32> {
        let logits = Memory::of(&gpu, 0, contents[0]);
        let totals = Memory::poisoned(&gpu, 0, 8);
        let step = plan
            .bind(&CrossEntropyOperands {
                totals: Some(totals.slice()),
                ..CrossEntropyOperands::new(logits.slice(), targets.slice())
            })
            .expect("a step");
        for content in contents {
            logits.write(&gpu, content);
            submit(&gpu, |encoder| step.record(encoder));
        }
        read(&gpu, &totals.buffer, 0, 32)
    };
    assert_eq!(run(&[&first, &second]), run(&[&second]));
    assert_ne!(run(&[&first]), run(&[&second]), "equal results would prove nothing");
}
