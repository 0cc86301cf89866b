//! Every kernel the planner can choose, through naga: valid with exactly the capabilities it claims,
//! and with the bindings and uniform structs that the host believes in. Needs no adapter.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use naga::valid::{Capabilities as NagaCapabilities, ValidationFlags, Validator};
use wgpu_loss::kernel::bindings::{Binding, bindings};
use wgpu_loss::kernel::link::{ENTRY_POINT, link};
use wgpu_loss::kernel::wgsl::rules::operator_fault;
use wgpu_loss::kernel::wgsl::{Fault, line_at};
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
    let mut seen = HashSet::new();
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

/// A struct of a source: its name, its members with their byte offsets, its bytes.
type Struct = (String, Vec<(String, u32)>, u32);

/// What naga says of a kernel's source.
struct Reflected {
    variant: Variant,
    source: String,
    /// What is wrong with it as far as the capabilities go that it claims.
    fault: Option<String>,
    /// Whether it is valid without any capability.
    is_valid_without: bool,
    /// Names and workgroup sizes.
    entry_points: Vec<(String, [u32; 3])>,
    /// Group, index, whether it is written (`None`: a uniform) and bytes of an element, by index.
    bindings: Vec<(u32, u32, Option<bool>, u64)>,
    structs: Vec<Struct>,
}

impl Reflected {
    fn new(variant: Variant) -> Self {
        let source = link(&variant);
        let module = naga::front::wgsl::parse_str(&source).unwrap_or_else(|error| {
            panic!("{variant}: {}\n{source}", error.emit_to_string(&source))
        });
        let claimed = match variant.needs_subgroups() {
            true => NagaCapabilities::SUBGROUP,
            false => NagaCapabilities::empty(),
        };
        let fault = validate(&module, claimed).err().map(|error| error.emit_to_string(&source));
        let is_valid_without = match variant.needs_subgroups() {
            true => validate(&module, NagaCapabilities::empty()).is_ok(),
            false => fault.is_none(),
        };
        let entry_points = module
            .entry_points
            .iter()
            .map(|entry| (entry.name.clone(), entry.workgroup_size))
            .collect();
        let (bindings, structs) = (reflected_bindings(&variant, &module), structs(&module));
        Self { variant, source, fault, is_valid_without, entry_points, bindings, structs }
    }
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

fn reflected_bindings(
    variant: &Variant,
    module: &naga::Module,
) -> Vec<(u32, u32, Option<bool>, u64)> {
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).unwrap();
    let mut reflected: Vec<_> = module
        .global_variables
        .iter()
        .filter_map(|(_, global)| {
            let binding = global.binding?;
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
            Some((binding.group, binding.binding, written, u64::from(bytes)))
        })
        .collect();
    reflected.sort();
    reflected
}

fn structs(module: &naga::Module) -> Vec<Struct> {
    let of_type = |ty: &naga::Type| {
        let naga::TypeInner::Struct { members, span } = &ty.inner else { return None };
        let members = members
            .iter()
            .map(|member| (member.name.clone().unwrap_or_default(), member.offset))
            .collect();
        Some((ty.name.clone()?, members, *span))
    };
    module.types.iter().filter_map(|(_, ty)| of_type(ty)).collect()
}

/// All of [`menu`], each source parsed and validated once for all tests.
fn reflected() -> &'static [Reflected] {
    static REFLECTED: OnceLock<Vec<Reflected>> = OnceLock::new();
    REFLECTED.get_or_init(|| {
        let variants = menu();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let shares: Vec<_> = variants
                .chunks(variants.len().div_ceil(threads))
                .map(|share| {
                    let reflect = || share.iter().copied().map(Reflected::new).collect::<Vec<_>>();
                    scope.spawn(reflect)
                })
                .collect();
            let joined = shares.into_iter().flat_map(|share| {
                share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            joined.collect()
        })
    })
}

#[test]
fn every_variant_is_valid_with_the_capabilities_it_claims() {
    let all = reflected();
    assert!(all.len() > 1000, "only {} variants", all.len());
    let mut with_subgroups = 0;
    for Reflected { variant, fault, is_valid_without, .. } in all {
        if variant.needs_subgroups() {
            with_subgroups += 1;
            assert!(!is_valid_without, "{variant} claims subgroups and uses none");
        }
        if let Some(fault) = fault {
            panic!("{variant}: {fault}");
        }
    }
    assert!(with_subgroups > 100);
}

#[test]
fn bindings_and_workgroups_are_what_the_source_says() {
    for Reflected { variant, entry_points, bindings: found, .. } in reflected() {
        let invocations = match variant {
            Variant::Rows(rows) => {
                if matches!(rows.team, Team::Subgroups { .. }) {
                    assert_eq!(rows.geometry.rows, 1);
                }
                rows.geometry.invocations()
            }
            Variant::Totals(totals) => totals.lanes,
            Variant::Merge(merge) => merge.lanes,
            Variant::Reduce(reduce) => reduce.invocations(),
            Variant::SoftmaxLoss(loss) => loss.geometry.invocations(),
        };
        assert_eq!(*entry_points, [(ENTRY_POINT.to_owned(), [invocations, 1, 1])], "{variant}");
        let believed: Vec<_> = bindings(variant)
            .iter()
            .map(|Binding { index, written, bytes, .. }| (0, *index, *written, *bytes))
            .collect();
        assert_eq!(*found, believed, "{variant}");
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
        vec![$((stringify!($field).to_owned(), std::mem::offset_of!($name, $field) as u32)),*]
    };
}

#[test]
fn structs_are_laid_out_as_in_the_source() {
    use wgpu_loss::kernel::parameters::{
        Parameters, ReduceParameters, RowParameters, TotalsParameters,
    };
    use wgpu_loss::partial::PartialState;
    let mut state = fields!(PartialState {
        maximum,
        rest,
        distance,
        weight,
        spread,
        argmax,
        target_logit,
        flags,
    });
    // Kernels hold the target's logit as its bits.
    state[6].0 = "target_bits".to_owned();
    fn uniforms<P: Parameters>(name: &'static str) -> (&'static str, Vec<(String, u32)>, usize) {
        let fields = P::FIELDS.iter().map(|field| (field.name.to_owned(), field.offset as u32));
        // What fills the struct up to a multiple of its alignment has no name in WGSL.
        let named = fields.filter(|(name, _)| name != "padding");
        (name, named.collect(), size_of::<P>())
    }
    let expected = [
        uniforms::<RowParameters>("RowParameters"),
        uniforms::<TotalsParameters>("TotalsParameters"),
        uniforms::<ReduceParameters>("ReduceParameters"),
        ("PartialState", state, size_of::<PartialState>()),
    ];
    let mut checked = [false; 4];
    for Reflected { variant, structs, .. } in reflected() {
        for (name, members, bytes) in structs {
            let mut all = expected.iter().zip(&mut checked);
            let Some(((_, host, size), checked)) = all.find(|((it, ..), _)| it == name) else {
                continue;
            };
            assert_eq!(members, host, "{name} of {variant}");
            assert_eq!(*bytes as usize, *size, "{name} of {variant}");
            *checked = true;
        }
    }
    assert_eq!(checked, [true; 4]);
}

/// A file as a kernel is linked from it: what its heading says, then its text.
fn linked_files(source: &str) -> impl Iterator<Item = (&str, &str)> {
    source.split("\n// ---- ").skip(1).filter_map(|file| file.split_once('\n'))
}

/// Every file as any kernel is linked from it, each once.
fn linked() -> HashSet<(&'static str, &'static str)> {
    reflected().iter().flat_map(|each| linked_files(&each.source)).collect()
}

/// The identifiers of WGSL, those of comments left out.
fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|code| code.split(|c: char| !(c.is_alphanumeric() || c == '_')))
}

fn is_nameless(identifier: &str) -> bool {
    identifier.split('_').any(|word| word == "operand" || word == "TYPE")
}

/// Files that serve several operands call them `operand`, and their type `TYPE`: linking has to have named each.
#[test]
fn every_operand_has_a_name() {
    for (heading, text) in linked() {
        let nameless = identifiers(text).find(|it| is_nameless(it));
        assert!(nameless.is_none(), "{heading} is linked with {nameless:?}");
    }
    // And there are such files: the check has something to find.
    let template = shaders().join("element/load_vector.wgsl");
    let template = std::fs::read_to_string(template).expect("a file of shaders/");
    assert!(identifiers(&template).any(is_nameless));
}

/// naga takes operators side by side that WGSL wants parentheses between, and browsers refuse them.
#[test]
fn operators_stand_in_parentheses_where_browsers_want_them() {
    let mut files = BTreeSet::new();
    files_of(&shaders(), &mut files);
    let mut lines = 0;
    for file in files {
        let text = std::fs::read_to_string(shaders().join(&file)).expect("a file of shaders/");
        if let Some(Fault { at, reason }) = operator_fault(&text) {
            panic!("{file}:{}: {reason}", line_at(&text, at).0);
        }
        lines += text.lines().count();
    }
    assert!(lines > 1000, "only {lines} lines");
}

/// Names that losses of the caller's are linked under are nobody else's.
#[test]
fn no_name_begins_as_those_of_the_callers_do() {
    let mut files = BTreeSet::new();
    files_of(&shaders(), &mut files);
    let mut ours = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(shaders().join(&file)).expect("a file of shaders/");
        let prefixed = |prefix: &str| identifiers(&text).any(|name| name.starts_with(prefix));
        let may_call = file.starts_with("loss/custom");
        assert!(!prefixed("caller_") || may_call, "{file} has a name of a caller's");
        if prefixed("custom_") {
            ours.insert(file);
        }
    }
    assert_eq!(ours.into_iter().collect::<Vec<_>>(), ["loss/custom.wgsl"]);
}

fn shaders() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders")
}

/// Paths below `shaders/`, with `/` between their parts.
fn files_of(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of shaders/") {
        let path = entry.expect("an entry of shaders/").path();
        // Whole kernels, as they are linked from the rest.
        if path.is_dir() && path.ends_with("shaders/linked") {
            continue;
        }
        if path.is_dir() {
            files_of(&path, found);
        } else {
            let parts = path.strip_prefix(shaders()).expect("below shaders/").components();
            let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
            found.insert(parts.join("/"));
        }
    }
}

#[test]
fn every_file_of_shaders_is_part_of_some_kernel() {
    let mut files = BTreeSet::new();
    files_of(&shaders(), &mut files);
    assert!(files.len() > 50, "only {} files", files.len());
    let linked: BTreeSet<_> = linked()
        .into_iter()
        .filter_map(|(heading, _)| heading.split_whitespace().next())
        // A caller's module has any name.
        .filter(|path| path.ends_with(".wgsl"))
        .map(str::to_owned)
        .collect();
    let unused: Vec<_> = files.difference(&linked).collect();
    assert!(unused.is_empty(), "no kernel is made of {unused:?}");
    assert_eq!(files, linked, "a heading names no file");
}
