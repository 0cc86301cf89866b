//! The blocking one-call forms: [`Engine`] for the GPU. Not on the web, where nothing may block.

use crate::{
    CrossEntropy, CrossEntropyOutput, Engine, Gpu, LogSumExp, LogSumExpOutput, Logits, Result,
    Upstream,
};

use super::call::Steps;
use super::readback::Waiting;

impl Engine for Gpu {
    fn name(&self) -> String {
        let adapter = self.adapter_info();
        format!("{} ({:?})", adapter.name, adapter.backend)
    }

    fn evaluate_log_sum_exp(
        &self,
        logits: Logits<'_>,
        upstream: Option<Upstream<'_>>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        let (steps, waiting) = (Steps::Fused, Waiting::Blocking);
        pollster::block_on(self.run_log_sum_exp(logits, upstream, options, steps, waiting))
    }

    fn evaluate_cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Option<Upstream<'_>>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        let (steps, waiting) = (Steps::Fused, Waiting::Blocking);
        pollster::block_on(
            self.run_cross_entropy(logits, targets, upstream, options, steps, waiting),
        )
    }
}
