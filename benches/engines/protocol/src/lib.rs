//! The line protocol between `run.py` and the engines that are written in Rust; README.md, beside
//! this folder, describes it.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Whatever went wrong, said in words to the driver.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What an engine is asked to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// The log-sum-exp of each row.
    LogSumExp,
    /// The mean softmax cross-entropy.
    CrossEntropy,
    /// The mean softmax cross-entropy and its gradient with respect to the logits.
    Fused,
}

/// How an engine holds the logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 half precision.
    F16,
    /// bfloat16.
    Bf16,
}

/// Logits and targets, read from the driver's files.
pub struct Problem {
    /// Number of rows.
    pub rows: usize,
    /// Number of classes.
    pub classes: usize,
    /// How to hold the logits.
    pub element: Element,
    /// Row-major logits; `element` represents each of them exactly.
    pub logits: Vec<f32>,
    /// A class for each row.
    pub targets: Vec<i32>,
}

/// What was computed.
#[derive(Default)]
pub struct Answer {
    /// The mean loss; absent for the log-sum-exp.
    pub loss: Option<f64>,
    /// The log-sum-exp of each row, or the gradient; empty for the loss alone.
    pub values: Vec<f32>,
}

/// What an engine says of itself before anything is asked.
#[derive(Serialize)]
pub struct Hello {
    /// Version of the library that computes.
    pub version: String,
    /// What it computes on.
    pub device: String,
    /// Threads it computes with; absent where that is the device's affair.
    pub threads: Option<usize>,
    /// Element types it takes.
    pub elements: Vec<Element>,
}

/// A library behind the protocol.
pub trait Engine {
    /// What it is.
    fn hello(&self) -> Hello;

    /// Takes a problem, in place of the one before.
    ///
    /// # Errors
    /// Whatever the library reports.
    fn load(&mut self, problem: Problem) -> Result<()>;

    /// Computes once and hands out everything.
    ///
    /// # Errors
    /// Whatever the library reports, and an operation that it lacks.
    fn answer(&mut self, operation: Operation) -> Result<Answer>;

    /// Computes so many times, results left where the library leaves them, and waits for the end.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    fn repeat(&mut self, operation: Operation, repetitions: usize) -> Result<()>;
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Request {
    Load { rows: usize, classes: usize, element: Element, logits: PathBuf, targets: PathBuf },
    Answer { operation: Operation, values: PathBuf },
    Time { operation: Operation, runs: usize, repetitions: usize },
}

#[derive(Default, Serialize)]
struct Reply {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    milliseconds: Vec<f64>,
}

/// Opens an engine and answers requests until standard input ends. Failures are replies, not exits.
///
/// # Errors
/// Standard input or output that fails.
pub fn serve<E: Engine>(open: impl FnOnce() -> Result<E>) -> Result<()> {
    let mut engine = match open() {
        Ok(engine) => engine,
        Err(error) => return say(&failure(&*error)),
    };
    say(&engine.hello())?;
    for line in std::io::stdin().lock().lines() {
        let reply = serde_json::from_str(&line?)
            .map_err(Into::into)
            .and_then(|request| handle(&mut engine, request));
        say(&reply.unwrap_or_else(|error| failure(&*error)))?;
    }
    Ok(())
}

fn failure(error: &dyn Error) -> Reply {
    Reply { error: Some(error.to_string()), ..Default::default() }
}

fn say(message: &impl Serialize) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", serde_json::to_string(message)?)?;
    Ok(output.flush()?)
}

fn handle(engine: &mut impl Engine, request: Request) -> Result<Reply> {
    match request {
        Request::Load { rows, classes, element, logits, targets } => {
            let elements =
                rows.checked_mul(classes).ok_or("load: more elements than can be addressed")?;
            let logits = read(&logits, elements)?;
            engine.load(Problem {
                rows,
                classes,
                element,
                logits,
                targets: read(&targets, rows)?,
            })?;
            Ok(Reply::default())
        }
        Request::Answer { operation, values } => {
            let start = Instant::now();
            let answer = engine.answer(operation)?;
            let seconds = Some(start.elapsed().as_secs_f64());
            write(&values, &answer.values)?;
            Ok(Reply { loss: answer.loss, seconds, ..Default::default() })
        }
        Request::Time { operation, runs, repetitions } => {
            let repetitions = repetitions.max(1);
            let milliseconds = (0..runs)
                .map(|_| {
                    let start = Instant::now();
                    engine.repeat(operation, repetitions)?;
                    Ok(start.elapsed().as_secs_f64() * 1e3 / repetitions as f64)
                })
                .collect::<Result<_>>()?;
            Ok(Reply { milliseconds, ..Default::default() })
        }
    }
}

/// A file of little-endian numbers.
fn read<T: bytemuck::Pod>(path: &Path, count: usize) -> Result<Vec<T>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if bytes.len() / size_of::<T>() != count || bytes.len() % size_of::<T>() != 0 {
        return Err(format!(
            "{}: expected {count} numbers of {} bytes, got {} bytes",
            path.display(),
            size_of::<T>(),
            bytes.len()
        )
        .into());
    }
    Ok(bytemuck::pod_collect_to_vec(&bytes))
}

/// The file is there when it is whole.
fn write(path: &Path, values: &[f32]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytemuck::cast_slice(values))?;
    file.persist(path)?;
    Ok(())
}
