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

    fn log_sum_exp(&self, logits: Logits<'_>, options: &LogSumExp) -> Result<LogSumExpOutput> {
        pollster::block_on(self.evaluate_log_sum_exp(
            logits,
            None,
            options,
            Steps::Fused,
            Waiting::Blocking,
        ))
    }

    fn log_sum_exp_with_gradient(
        &self,
        logits: Logits<'_>,
        upstream: Upstream<'_>,
        options: &LogSumExp,
    ) -> Result<LogSumExpOutput> {
        pollster::block_on(self.evaluate_log_sum_exp(
            logits,
            Some(upstream),
            options,
            Steps::Fused,
            Waiting::Blocking,
        ))
    }

    fn cross_entropy(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        pollster::block_on(self.evaluate_cross_entropy(
            logits,
            targets,
            None,
            options,
            Steps::Fused,
            Waiting::Blocking,
        ))
    }

    fn cross_entropy_with_gradient(
        &self,
        logits: Logits<'_>,
        targets: &[i32],
        upstream: Upstream<'_>,
        options: &CrossEntropy,
    ) -> Result<CrossEntropyOutput> {
        pollster::block_on(self.evaluate_cross_entropy(
            logits,
            targets,
            Some(upstream),
            options,
            Steps::Fused,
            Waiting::Blocking,
        ))
    }
}
