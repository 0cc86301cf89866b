//! Every kernel the planner can choose, through naga: valid with exactly the capabilities it claims,
//! and with the bindings and uniform structs that the host believes in. Needs no adapter.

use naga::valid::{Capabilities as NagaCapabilities, ValidationFlags, Validator};
use wgpu_loss::kernel::bindings::{Binding, bindings};
use wgpu_loss::kernel::link::{ENTRY_POINT, link};
use wgpu_loss::kernel::{Team, Variant};
use wgpu_loss::plan::{AdapterClass, Capabilities, SubgroupSizes, Tuning, every_variant};

/// Subgroup sizes of real adapters: SwiftShader, lavapipe, Intel, NVIDIA, AMD, and none.
const SUBGROUPS: [Option<SubgroupSizes>; 6] = [
    None,
    Some(SubgroupSizes { smallest: 4, largest: 4 }),
    Some(SubgroupSizes { smallest: 8, largest: 8 }),
    Some(SubgroupSizes { smallest: 8, largest: 32 }),
    Some(SubgroupSizes { smallest: 32, largest: 32 }),
    Some(SubgroupSizes { smallest: 32, largest: 64 }),
];

/// All variants of all built-in tunings on devices of all subgroup sizes, each once.
fn menu() -> Vec<Variant> {
    let mut variants = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for class in [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete] {
        for subgroups in SUBGROUPS {
            for max_invocations in [256, 1024] {
                let capabilities =
                    Capabilities { subgroups, max_invocations, ..Capabilities::web_gpu(class) };
                let listed = every_variant(&capabilities, &Tuning::built_in(class));
                variants.extend(listed.into_iter().filter(|variant| seen.insert(*variant)));
            }
        }
    }
    variants
}

fn parse(variant: &Variant) -> naga::Module {
    let source = link(variant);
    naga::front::wgsl::parse_str(&source)
        .unwrap_or_else(|error| panic!("{variant}: {}\n{source}", error.emit_to_string(&source)))
}

fn validate(
    module: &naga::Module,
    capabilities: NagaCapabilities,
) -> Result<naga::valid::ModuleInfo, Box<naga::WithSpan<naga::valid::ValidationError>>> {
    Validator::new(ValidationFlags::all(), capabilities)
        .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
        .subgroup_operations(naga::valid::SubgroupOperationSet::all())
        .validate(module)
        .map_err(Box::new)
}

#[test]
fn every_variant_is_valid_with_the_capabilities_it_claims() {
    let variants = menu();
    assert!(variants.len() > 1000, "only {} variants", variants.len());
    let mut with_subgroups = 0;
    for variant in &variants {
        let module = parse(variant);
        let claimed = if variant.needs_subgroups() {
            with_subgroups += 1;
            assert!(
                validate(&module, NagaCapabilities::empty()).is_err(),
                "{variant} claims subgroups and uses none"
            );
            NagaCapabilities::SUBGROUP
        } else {
            NagaCapabilities::empty()
        };
        if let Err(error) = validate(&module, claimed) {
            panic!("{variant}: {}", error.emit_to_string(&link(variant)));
        }
    }
    assert!(with_subgroups > 100);
}

#[test]
fn bindings_and_workgroups_are_what_the_source_says() {
    for variant in menu() {
        let module = parse(&variant);
        let entry = &module.entry_points[0];
        assert_eq!(module.entry_points.len(), 1, "{variant}");
        assert_eq!(entry.name, ENTRY_POINT);
        let invocations = match variant {
            Variant::Rows(rows) => {
                if matches!(rows.team, Team::Subgroups { .. }) {
                    assert_eq!(rows.geometry.rows, 1);
                }
                rows.geometry.invocations()
            }
            Variant::Totals(totals) => totals.lanes,
        };
        let overrides: Vec<_> = entry.workgroup_size.to_vec();
        assert_eq!(overrides, [invocations, 1, 1], "{variant}");

        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).unwrap();
        let mut reflected: Vec<_> = module
            .global_variables
            .iter()
            .filter_map(|(_, global)| {
                let binding = global.binding?;
                assert_eq!(binding.group, 0);
                let written = match global.space {
                    naga::AddressSpace::Uniform => None,
                    naga::AddressSpace::Storage { access } => {
                        Some(access.contains(naga::StorageAccess::STORE))
                    }
                    other => panic!("{variant}: binding {} in {other:?}", binding.binding),
                };
                let bytes = match module.types[global.ty].inner {
                    naga::TypeInner::Array { stride, .. } => stride,
                    _ => layouter[global.ty].size,
                };
                Some((binding.binding, written, u64::from(bytes)))
            })
            .collect();
        reflected.sort();
        let believed: Vec<_> = bindings(&variant)
            .iter()
            .map(|Binding { index, written, bytes, .. }| (*index, *written, *bytes))
            .collect();
        assert_eq!(reflected, believed, "{variant}");
    }
}

#[test]
fn no_kernel_needs_more_storage_buffers_than_every_device_has() {
    for variant in menu() {
        let storage = bindings(&variant).iter().filter(|binding| binding.written.is_some()).count();
        assert!(storage <= 8, "{variant} has {storage}");
    }
}

/// Field names and byte offsets of a host struct that mirrors a WGSL one of 4-byte members.
macro_rules! fields {
    ($name:ident { $($field:ident),* $(,)? }) => {
        vec![$((stringify!($field), std::mem::offset_of!($name, $field) as u32)),*]
    };
}

#[test]
fn uniform_structs_are_laid_out_as_in_the_source() {
    use wgpu_loss::kernel::parameters::{RowParameters, TotalsParameters};
    let rows = fields!(RowParameters {
        rows,
        classes,
        logits_offset,
        logits_stride,
        gradient_offset,
        gradient_stride,
        targets_offset,
        loss_offset,
        log_sum_exp_offset,
        argmax_offset,
        state_offset,
        upstream_offset,
        upstream_stride,
        totals_offset,
        upstream,
        ignore_index,
        has_ignore_index,
    });
    let totals = fields!(TotalsParameters {
        rows,
        first_row,
        first_tile,
        tiles,
        classes,
        targets_offset,
        loss_offset,
        totals_offset,
        ignore_index,
        has_ignore_index,
    });
    let mut checked = [false; 2];
    for variant in menu() {
        let module = parse(&variant);
        for (_, ty) in module.types.iter() {
            let (host, size, seen) = match ty.name.as_deref() {
                Some("RowParameters") => (&rows, size_of::<RowParameters>(), 0),
                Some("TotalsParameters") => (&totals, size_of::<TotalsParameters>(), 1),
                _ => continue,
            };
            let naga::TypeInner::Struct { members, span } = &ty.inner else { panic!("a struct") };
            let source: Vec<_> = members
                .iter()
                .map(|member| (member.name.as_deref().unwrap_or_default(), member.offset))
                .collect();
            assert_eq!(&source, host, "{variant}");
            assert_eq!(*span as usize, size, "{variant}");
            checked[seen] = true;
        }
    }
    assert_eq!(checked, [true; 2]);
}
