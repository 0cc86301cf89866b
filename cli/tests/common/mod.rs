//! Running the program, and writing the files it reads.
#![allow(dead_code, missing_docs, reason = "each test file uses a part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use safetensors::Dtype;
use wgpu_loss::half::{bf16, f16};

pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout).expect("standard output is JSON")
    }

    /// The one line of a failure.
    #[track_caller]
    pub fn fails_with(&self, part: &str) {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        let lines: Vec<_> =
            self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(lines.len(), 1, "{}", self.stderr);
        assert!(lines[0].contains(part), "{part}: {}", lines[0]);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgpu-loss"));
    for name in ["CLICOLOR_FORCE", "WGPU_ADAPTER_NAME", "WGPU_BACKEND"] {
        command.env_remove(name);
    }
    // Whoever runs the tests may have tuned this adapter.
    command.env("WGPU_LOSS_TUNING", "");
    command
}

/// The same command with signals as they are where nobody ignores any; whoever runs the tests may,
/// and a shell cannot undo that.
#[cfg(unix)]
pub fn with_usual_signals(command: &Command) -> Command {
    let mut usual = match cfg!(target_os = "linux") {
        true => {
            let mut env = Command::new("env");
            env.arg("--default-signal=HUP,INT,TERM").arg(command.get_program());
            env
        }
        false => Command::new(command.get_program()),
    };
    usual.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => usual.env(name, value),
            None => usual.env_remove(name),
        };
    }
    usual
}

/// The program on a machine without an adapter: only a backend of another system may be used.
pub fn without_adapter() -> Command {
    let mut command = program();
    command.env("WGPU_BACKEND", if cfg!(windows) { "metal" } else { "dx12" });
    command
}

pub fn run(arguments: &[&str]) -> Run {
    program().args(arguments).output().expect("the program starts").into()
}

/// A folder for one test, with the files it wants.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("written");
        text(&path)
    }

    /// Names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("readable");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

pub fn text(path: &Path) -> String {
    path.to_str().expect("text").to_owned()
}

pub fn bytes<const SIZE: usize, T: Copy>(values: &[T], convert: fn(T) -> [u8; SIZE]) -> Vec<u8> {
    values.iter().flat_map(|value| convert(*value)).collect()
}

/// A .safetensors file of (name, type, shape, data).
pub fn safetensors(tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in tensors {
        let start = data.len();
        data.extend(bytes);
        header.insert(
            (*name).to_owned(),
            serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]}),
        );
    }
    let header = serde_json::to_vec(&header).expect("JSON");
    [&(header.len() as u64).to_le_bytes(), header.as_slice(), data.as_slice()].concat()
}

/// A .npy file as NumPy writes it.
pub fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), data].concat()
}

/// Three rows of two classes: losses 0.126928, 0.048587 and 0.693147.
pub const LOGITS: [f32; 6] = [2.0, 0.0, 0.0, 3.0, 1.0, 1.0];

pub fn logits() -> Vec<u8> {
    bytes(&LOGITS, f32::to_le_bytes)
}

/// [`LOGITS`] with the middle row ignored.
pub fn pair() -> Vec<u8> {
    let targets = bytes(&[0, -100, 1], i64::to_le_bytes);
    safetensors(&[("logits", "F32", &[3, 2], logits()), ("targets", "I64", &[3], targets)])
}

#[track_caller]
pub fn close(found: &serde_json::Value, expected: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found} is no number"));
    assert!((found - expected).abs() <= 2e-6 * expected.abs().max(1.0), "{found}, {expected}");
}

/// An array of a .safetensors file that the program wrote.
pub struct Array {
    pub name: String,
    pub dtype: &'static str,
    pub shape: Vec<usize>,
    /// Widened, which is exact for what the tests write.
    pub values: Vec<f32>,
}

/// The arrays of a file, sorted by name.
pub fn arrays(path: &Path) -> Vec<Array> {
    let bytes = std::fs::read(path).expect("the file is there");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a valid file");
    let mut arrays: Vec<_> = file
        .iter()
        .map(|(name, view)| {
            let start = view.data().as_ptr().addr() - bytes.as_ptr().addr();
            assert_eq!(start % (view.dtype().bitsize() / 8), 0, "{name} is not aligned");
            let (dtype, values) = values(view.dtype(), view.data());
            Array { name: name.to_owned(), dtype, shape: view.shape().to_vec(), values }
        })
        .collect();
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    arrays
}

fn values(dtype: Dtype, data: &[u8]) -> (&'static str, Vec<f32>) {
    fn each<const SIZE: usize>(data: &[u8], widen: fn([u8; SIZE]) -> f32) -> Vec<f32> {
        data.as_chunks::<SIZE>().0.iter().map(|bytes| widen(*bytes)).collect()
    }
    match dtype {
        Dtype::F32 => ("F32", each(data, f32::from_le_bytes)),
        Dtype::F16 => ("F16", each(data, |bytes| f16::from_le_bytes(bytes).to_f32())),
        Dtype::BF16 => ("BF16", each(data, |bytes| bf16::from_le_bytes(bytes).to_f32())),
        Dtype::U32 => ("U32", each(data, |bytes| u32::from_le_bytes(bytes) as f32)),
        other => panic!("{other:?} is never written"),
    }
}
