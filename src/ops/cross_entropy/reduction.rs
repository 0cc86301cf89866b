//! How the losses of a batch's rows become one value.

/// How the losses of the rows become one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// They do not: each row keeps its own.
    None,
    /// Their sum; ignored rows count as 0.
    Sum,
    /// Their sum divided by the sum of `v_i w_{y_i}` over the rows that are not ignored; by that of
    /// `v_i` for probability targets. The z-loss is divided by the sum of `v_i` in both.
    #[default]
    Mean,
    /// Their sum divided by the number of rows `N`, ignored ones included; weights of rows and of
    /// classes stay in the sum alone. The z-loss is divided by `N` too. Over rows that are all ignored
    /// it is 0, over no rows what a mean over nothing is.
    ///
    /// ```
    /// # fn main() -> wgpu_loss::Result<()> {
    /// use wgpu_loss::{CrossEntropy, Engine, Logits, Reduction, Targets, cpu};
    /// let options = CrossEntropy { reduction: Reduction::BatchMean, ..Default::default() };
    /// let logits = Logits::new(&[0.0; 8], 4, 2)?;
    /// let out = cpu::Fast.cross_entropy(logits, Targets::classes(&[0, -100, -100, 1]), &options)?;
    /// assert!((out.loss - 2.0 * 0.693_147 / 4.0).abs() < 1e-5);
    /// assert_eq!((out.counted, out.denominator), (2, 4.0));
    /// # Ok(())
    /// # }
    /// ```
    BatchMean,
    /// The same, divided by the number of logits `N C`: the mean of a loss that others keep for each
    /// class of each row. `C` are all classes, of parts of a vocabulary too.
    ElementMean,
}

impl Reduction {
    /// Whether a sum is divided: by 0 it is then a mean over nothing.
    pub const fn is_mean(self) -> bool {
        matches!(self, Self::Mean | Self::BatchMean | Self::ElementMean)
    }

    /// Whether the sum is divided by what depends on the shape of the logits alone.
    pub const fn is_mean_by_size(self) -> bool {
        matches!(self, Self::BatchMean | Self::ElementMean)
    }

    /// What the sum over a batch of so many rows and classes is then divided by; `None` where that
    /// depends on more than the shape, or nothing is divided.
    pub const fn batch_size(self, rows: usize, classes: usize) -> Option<f64> {
        match self {
            Self::None | Self::Sum | Self::Mean => None,
            Self::BatchMean => Some(rows as f64),
            Self::ElementMean => Some(rows as f64 * classes as f64),
        }
    }

    /// The same as kernels are told it: 1 where there is none.
    pub(crate) fn divisor(self, rows: usize, classes: usize) -> f32 {
        self.batch_size(rows, classes).unwrap_or(1.0) as f32
    }

    /// What becomes of the sum of the rows' losses; over nothing, the mean of masked mode is 0.
    #[cfg(feature = "cpu")]
    pub(crate) fn of_sum(self, sum: f64, denominator: f64, mode: super::Mode) -> f64 {
        use super::Mode;
        match self {
            Self::None => f64::NAN,
            Self::Sum => sum,
            Self::Mean | Self::BatchMean | Self::ElementMean => match mode {
                _ if denominator != 0.0 => sum / denominator,
                Mode::Masked if sum == 0.0 => 0.0,
                _ => f64::NAN,
            },
        }
    }

    /// The upstream gradient of each row's loss, from that of what they become.
    #[cfg(feature = "cpu")]
    pub(crate) fn of_upstream(self, upstream: f64, denominator: f64) -> f64 {
        match self.is_mean() {
            false => upstream,
            true if denominator == 0.0 => f64::NAN,
            true => upstream / denominator,
        }
    }
}
