//! `cpu::Fast`: in its one-call form, which allocates the gradient, and writing it to memory that is
//! there.

use std::hint::black_box;

use engine_protocol::{Answer, Engine, Hello, Operation, Problem, Result};
use wgpu_loss::{
    CrossEntropy, CrossEntropyOutput, Engine as _, LogSumExp, LogSumExpOutput, Logits, OwnedValues,
    Shape, Targets, Upstream, cpu,
};

use crate::{ELEMENTS, NOT_LOADED, stored, version};

/// The engine and what it was given.
pub struct Cpu {
    place: Place,
    threads: usize,
    loaded: Option<Loaded>,
}

/// Where a gradient goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To memory that the call allocates, as rivals do.
    Allocated,
    /// To the caller's memory, the same for each call.
    Given,
}

struct Loaded {
    logits: OwnedValues,
    shape: Shape,
    targets: Vec<i32>,
    /// For [`Place::Given`].
    gradient: Option<OwnedValues>,
}

impl Cpu {
    /// Threads are rayon's: `RAYON_NUM_THREADS`.
    pub fn open(place: Place) -> Result<Self> {
        Ok(Self { place, threads: rayon::current_num_threads(), loaded: None })
    }

    fn loaded(&mut self) -> Result<&mut Loaded> {
        Ok(self.loaded.as_mut().ok_or(NOT_LOADED)?)
    }
}

impl Loaded {
    fn logits(&self) -> wgpu_loss::Result<Logits<'_>> {
        Logits::from_values(self.logits.values(), self.shape)
    }

    fn log_sum_exp(&self) -> wgpu_loss::Result<LogSumExpOutput> {
        cpu::Fast.log_sum_exp(self.logits()?, &LogSumExp::default())
    }

    fn cross_entropy(&self) -> wgpu_loss::Result<CrossEntropyOutput> {
        let targets = Targets::classes(&self.targets);
        cpu::Fast.cross_entropy(self.logits()?, targets, &CrossEntropy::default())
    }

    fn fused(&mut self) -> wgpu_loss::Result<CrossEntropyOutput> {
        let logits = Logits::from_values(self.logits.values(), self.shape)?;
        let targets = Targets::classes(&self.targets);
        let (upstream, options) = (Upstream::default(), CrossEntropy::default());
        let fast = cpu::Fast;
        match &mut self.gradient {
            None => fast.cross_entropy_with_gradient(logits, targets, upstream, &options),
            Some(OwnedValues::F32(to)) => {
                fast.cross_entropy_into(logits, targets, upstream, &options, to)
            }
            Some(OwnedValues::F16(to)) => {
                fast.cross_entropy_into(logits, targets, upstream, &options, to)
            }
            Some(OwnedValues::Bf16(to)) => {
                fast.cross_entropy_into(logits, targets, upstream, &options, to)
            }
        }
    }
}

impl Engine for Cpu {
    fn hello(&self) -> Hello {
        Hello {
            version: version(),
            device: cpu::Fast.name(),
            threads: Some(self.threads),
            elements: ELEMENTS.to_vec(),
        }
    }

    fn load(&mut self, problem: Problem) -> Result<()> {
        let (logits, shape, targets) = stored(problem);
        let gradient = (self.place == Place::Given)
            .then(|| OwnedValues::from_f32(vec![0.0; logits.len()], shape.element));
        self.loaded = Some(Loaded { logits, shape, targets, gradient });
        Ok(())
    }

    fn answer(&mut self, operation: Operation) -> Result<Answer> {
        let loaded = self.loaded()?;
        let output = match operation {
            Operation::LogSumExp => {
                return Ok(Answer { loss: None, values: loaded.log_sum_exp()?.log_sum_exp });
            }
            Operation::CrossEntropy => loaded.cross_entropy()?,
            Operation::Fused => loaded.fused()?,
        };
        let given = (operation == Operation::Fused).then(|| loaded.gradient.clone()).flatten();
        let gradient = output.gradient.or(given);
        Ok(Answer {
            loss: Some(output.loss.into()),
            values: gradient.map_or_else(Vec::new, OwnedValues::into_f32),
        })
    }

    fn repeat(&mut self, operation: Operation, repetitions: usize) -> Result<()> {
        let loaded = self.loaded()?;
        for _ in 0..repetitions {
            match operation {
                Operation::LogSumExp => drop(black_box(loaded.log_sum_exp()?)),
                Operation::CrossEntropy => drop(black_box(loaded.cross_entropy()?)),
                Operation::Fused => drop(black_box(loaded.fused()?)),
            }
        }
        Ok(())
    }
}
