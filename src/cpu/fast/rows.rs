//! The results that are one number for each row.

use super::split::Split;

/// Those of consecutive rows, each present where it is asked for.
#[derive(Default)]
pub(super) struct Rows<'a> {
    /// Without the z-loss.
    pub(super) loss: Option<&'a mut [f32]>,
    pub(super) z_loss: Option<&'a mut [f32]>,
    pub(super) log_sum_exp: Option<&'a mut [f32]>,
    pub(super) target_log_probability: Option<&'a mut [f32]>,
    pub(super) entropy: Option<&'a mut [f32]>,
    pub(super) argmax: Option<&'a mut [u32]>,
    pub(super) target_rank: Option<&'a mut [u32]>,
}

impl Rows<'_> {
    /// Whether nothing but losses is asked for.
    pub(super) fn are_losses_alone(&self) -> bool {
        let others = [&self.z_loss, &self.log_sum_exp, &self.target_log_probability, &self.entropy];
        let classes = [&self.argmax, &self.target_rank];
        others.iter().all(|values| values.is_none())
            && classes.iter().all(|values| values.is_none())
            && self.loss.is_some()
    }
}

impl Split for Rows<'_> {
    fn split(self, rows: usize) -> (Self, Self) {
        let (loss, loss_right) = self.loss.split(rows);
        let (z_loss, z_loss_right) = self.z_loss.split(rows);
        let (log_sum_exp, log_sum_exp_right) = self.log_sum_exp.split(rows);
        let (target, target_right) = self.target_log_probability.split(rows);
        let (entropy, entropy_right) = self.entropy.split(rows);
        let (argmax, argmax_right) = self.argmax.split(rows);
        let (target_rank, target_rank_right) = self.target_rank.split(rows);
        let left = Self {
            loss,
            z_loss,
            log_sum_exp,
            target_log_probability: target,
            entropy,
            argmax,
            target_rank,
        };
        let right = Self {
            loss: loss_right,
            z_loss: z_loss_right,
            log_sum_exp: log_sum_exp_right,
            target_log_probability: target_right,
            entropy: entropy_right,
            argmax: argmax_right,
            target_rank: target_rank_right,
        };
        (left, right)
    }
}
