//! A program: what is dispatched, as data that a person reads and any host could run.

use std::fmt::{self, Write as _};

use crate::kernel::bindings::Binding;
use crate::kernel::parameters::{Field, Scalar};

/// The kernels of a bound operation, the buffers that they are given, and the dispatches in their
/// order. [`Display`](fmt::Display) prints it, each kernel's text beneath its first dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The operation's name.
    pub operation: &'static str,
    /// Every kernel once.
    pub kernels: Vec<ProgramKernel>,
    /// Every buffer once.
    pub buffers: Vec<ProgramBuffer>,
    /// The dispatches in the order in which they are recorded.
    pub dispatches: Vec<ProgramDispatch>,
}

/// A kernel of a [`Program`].
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramKernel {
    /// The label of its module and pipeline.
    pub label: String,
    /// Its WGSL, linked from the files of `shaders/`.
    pub source: String,
    /// The name of the entry point in the source.
    pub entry_point: &'static str,
    /// Whether the device must have subgroup operations.
    pub needs_subgroups: bool,
    /// Its bindings by ascending index, all in group 0.
    pub bindings: Vec<ProgramBinding>,
    /// The members of its uniform struct.
    pub uniforms: &'static [Field],
}

/// A binding of a [`ProgramKernel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramBinding {
    /// `@binding(index)`.
    pub index: u32,
    /// The operand's name, as errors have it.
    pub name: &'static str,
    /// What the kernel does with it.
    pub access: BindingAccess,
    /// Bytes of the uniform struct, or of one element of the storage array.
    pub bytes: u64,
}

impl From<&Binding> for ProgramBinding {
    fn from(binding: &Binding) -> Self {
        let access = match binding.written {
            None => BindingAccess::Uniform,
            Some(false) => BindingAccess::Read,
            Some(true) => BindingAccess::ReadWrite,
        };
        let (index, name, bytes) = (binding.index, binding.slot.name(), binding.bytes);
        Self { index, name, access, bytes }
    }
}

/// What a kernel does with a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingAccess {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
}

impl BindingAccess {
    /// Its name as the words of WGSL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Read => "read",
            Self::ReadWrite => "read_write",
        }
    }
}

/// A buffer of a [`Program`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramBuffer {
    /// The name of the first operand that lies in it.
    pub name: &'static str,
    /// Whether it is the caller's, or memory of the operation's own between its dispatches.
    pub role: BufferRole,
    /// Its size.
    pub bytes: u64,
}

/// Whose a [`ProgramBuffer`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferRole {
    /// An operand or a result of the caller's.
    Caller,
    /// Memory of the operation's own, which holds nothing before and after it.
    Scratch,
}

/// A dispatch of a [`Program`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramDispatch {
    /// The place of its kernel among [`Program::kernels`].
    pub kernel: usize,
    /// The bytes of its uniform struct.
    pub uniforms: Vec<u8>,
    /// What each storage binding of the kernel is given, by ascending index.
    pub bound: Vec<ProgramRange>,
    /// Workgroups, all along x.
    pub workgroups: u32,
}

/// A range of a [`ProgramBuffer`] that a dispatch binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramRange {
    /// `@binding(index)`.
    pub index: u32,
    /// The place of its buffer among [`Program::buffers`].
    pub buffer: usize,
    /// Where it begins.
    pub offset: u64,
    /// Its size.
    pub bytes: u64,
}

impl ProgramDispatch {
    /// The members of the uniform struct with their values as WGSL writes them.
    pub fn uniforms_of<'a>(
        &'a self,
        kernel: &ProgramKernel,
    ) -> impl Iterator<Item = (&'static str, String)> + use<'a> {
        kernel.uniforms.iter().map(|field| (field.name, value(field, &self.uniforms)))
    }
}

/// A member's value as WGSL writes it.
fn value(field: &Field, bytes: &[u8]) -> String {
    let scalar = |bytes: [u8; 4]| match field.scalar {
        Scalar::U32 => format!("{}u", u32::from_ne_bytes(bytes)),
        Scalar::I32 => format!("{}i", i32::from_ne_bytes(bytes)),
        Scalar::F32 => format!("{:?}f", f32::from_ne_bytes(bytes)),
    };
    let (chunks, _) = bytes.get(field.offset..).unwrap_or_default().as_chunks();
    let scalars: Vec<_> = chunks.iter().take(field.count).map(|it| scalar(*it)).collect();
    match scalars.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    }
}

/// Columns of a line of uniforms.
const WIDTH: usize = 100;

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kernels, dispatches) = (self.kernels.len(), self.dispatches.len());
        let several = |count: usize, one: &str, many: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        let of_kernels = several(kernels, "kernel", "kernels");
        let number = several(dispatches, "dispatch", "dispatches");
        writeln!(f, "// {}: {number} of {of_kernels}", self.operation)?;
        for (number, buffer) in self.buffers.iter().enumerate() {
            let ProgramBuffer { name, role, bytes } = buffer;
            let whose = if *role == BufferRole::Scratch { ", scratch" } else { "" };
            writeln!(f, "// buffer {number}: {name}, {bytes} bytes{whose}")?;
        }
        let mut is_printed = vec![false; kernels];
        for (number, dispatch) in self.dispatches.iter().enumerate() {
            let kernel = &self.kernels[dispatch.kernel];
            writeln!(f, "\n// ==== dispatch {} of {dispatches}: {}", number + 1, kernel.label)?;
            self.describe(f, dispatch, kernel)?;
            let is_new = !std::mem::replace(&mut is_printed[dispatch.kernel], true);
            match is_new {
                true => write!(f, "\n{}", kernel.source)?,
                false => writeln!(f, "// its text stands above")?,
            }
        }
        Ok(())
    }
}

impl Program {
    fn describe(
        &self,
        f: &mut fmt::Formatter<'_>,
        dispatch: &ProgramDispatch,
        kernel: &ProgramKernel,
    ) -> fmt::Result {
        let subgroups = if kernel.needs_subgroups { ", needs subgroups" } else { "" };
        writeln!(f, "// workgroups: {}{subgroups}", dispatch.workgroups)?;
        for ProgramBinding { index, name, access, bytes } in &kernel.bindings {
            write!(f, "// binding {index:2} {:10} {name}: ", access.name())?;
            match dispatch.bound.iter().find(|range| range.index == *index) {
                None => writeln!(f, "{bytes} bytes")?,
                Some(range) => {
                    let ProgramRange { buffer, offset, bytes: all, .. } = range;
                    let end = offset + all;
                    writeln!(
                        f,
                        "bytes {offset} to {end} of buffer {buffer}, in elements of {bytes}"
                    )?;
                }
            }
        }
        let mut line = String::from("// uniforms:");
        for (name, value) in dispatch.uniforms_of(kernel) {
            let is_zero = value.chars().all(|c| !c.is_ascii_digit() || c == '0');
            if is_zero && !value.contains("inf") && !value.contains("NaN") {
                continue;
            }
            if line.len() + name.len() + value.len() > WIDTH {
                writeln!(f, "{line}")?;
                line = String::from("//   ");
            }
            write!(line, " {name} = {value};")?;
        }
        writeln!(f, "{line} all others 0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn field(name: &'static str, offset: usize, scalar: Scalar, count: usize) -> Field {
        Field { name, offset, scalar, count }
    }

    #[test]
    fn values_are_written_as_in_wgsl() {
        let bytes: Vec<u8> = [7u32, (-100i32) as u32, 0.25f32.to_bits(), f32::INFINITY.to_bits()]
            .into_iter()
            .flat_map(u32::to_ne_bytes)
            .collect();
        assert_eq!(value(&field("rows", 0, Scalar::U32, 1), &bytes), "7u");
        assert_eq!(value(&field("ignore_index", 4, Scalar::I32, 1), &bytes), "-100i");
        assert_eq!(value(&field("loss", 8, Scalar::F32, 2), &bytes), "(0.25f, inff)");
    }

    #[test]
    fn a_text_is_printed_once() {
        const UNIFORMS: &[Field] =
            &[field("rows", 0, Scalar::U32, 1), field("zero", 4, Scalar::U32, 1)];
        let kernel = ProgramKernel {
            label: "twice".into(),
            source: "fn main() {}\n".into(),
            entry_point: "main",
            needs_subgroups: true,
            bindings: vec![
                ProgramBinding {
                    index: 0,
                    name: "parameters",
                    access: BindingAccess::Uniform,
                    bytes: 8,
                },
                ProgramBinding { index: 3, name: "targets", access: BindingAccess::Read, bytes: 4 },
            ],
            uniforms: UNIFORMS,
        };
        let range = ProgramRange { index: 3, buffer: 0, offset: 256, bytes: 40 };
        let dispatch = ProgramDispatch {
            kernel: 0,
            uniforms: [10u32, 0].into_iter().flat_map(u32::to_ne_bytes).collect(),
            bound: vec![range],
            workgroups: 5,
        };
        let program = Program {
            operation: "an operation",
            kernels: vec![kernel],
            buffers: vec![ProgramBuffer { name: "targets", role: BufferRole::Caller, bytes: 512 }],
            dispatches: vec![dispatch.clone(), dispatch],
        };
        let text = program.to_string();
        assert_eq!(text.matches("fn main").count(), 1, "{text}");
        assert_eq!(text.matches("workgroups: 5, needs subgroups").count(), 2, "{text}");
        assert!(text.contains("uniforms: rows = 10u; all others 0"), "{text}");
        let bound =
            "// binding  3 read       targets: bytes 256 to 296 of buffer 0, in elements of 4";
        assert!(text.contains(bound), "{text}");
        assert!(
            text.lines()
                .all(|line| line.starts_with("//") || line.is_empty() || line.starts_with("fn"))
        );
    }
}
