//! The ceilings of the adapter and of the CPU, as they are at the moment.

use super::Bench;
use super::ceiling::{self, Traffic};
use super::entry::Ceilings;
use super::grid::Effort;
use super::host_ceiling;
use crate::failure::Result;
use crate::output;

/// What operations are held against.
#[derive(Default)]
pub struct Yardstick {
    gpu: Option<(ceiling::Ceilings, ceiling::Probe)>,
    host: Option<(ceiling::Ceilings, host_ceiling::Probe)>,
}

impl Yardstick {
    /// Finds the fastest kernels and loops.
    pub fn new(bench: Option<&mut Bench>, effort: &Effort) -> Result<Self> {
        let gpu = match bench {
            Some(Bench { gpu, timer, .. }) => Some(ceiling::measure(gpu, timer, effort)?),
            None => None,
        };
        Ok(Self { gpu, host: Some(host_ceiling::measure(effort)) })
    }

    /// Measures them again, as far as they are needed, where the effort is for it.
    pub fn beside(
        &mut self,
        bench: Option<&mut Bench>,
        effort: &Effort,
        needed: &[Traffic],
    ) -> Result<()> {
        if !effort.ceilings_beside {
            return Ok(());
        }
        let bar = output::spinner("the ceilings");
        if let Some((ceilings, probe)) = &mut self.gpu
            && let Some(Bench { timer, .. }) = bench
        {
            *ceilings = probe.again(timer, effort, ceilings, needed)?;
        }
        if let Some((ceilings, probe)) = &mut self.host {
            *ceilings = probe.again(effort, ceilings, needed);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Both.
    pub fn ceilings(&self) -> Ceilings<'_> {
        Ceilings {
            gpu: self.gpu.as_ref().map(|(ceilings, _)| ceilings),
            host: self.host.as_ref().map(|(ceilings, _)| ceilings),
        }
    }

    /// The adapter's.
    pub fn gpu_ceilings(&self) -> Option<ceiling::Ceilings> {
        self.gpu.as_ref().map(|(ceilings, _)| ceilings.clone())
    }

    /// The CPU's.
    pub fn host_ceilings(&self) -> Option<ceiling::Ceilings> {
        self.host.as_ref().map(|(ceilings, _)| ceilings.clone())
    }
}
