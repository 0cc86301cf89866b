//! Spreads rows over threads.

/// The results of consecutive rows, each present where it is asked for.
pub(super) struct RowResults<'a> {
    /// The rows.
    pub(super) rows: std::ops::Range<usize>,
    /// Elements of a row of the gradient.
    pub(super) classes: usize,
    pub(super) loss: Option<&'a mut [f32]>,
    pub(super) log_sum_exp: Option<&'a mut [f32]>,
    pub(super) argmax: Option<&'a mut [u32]>,
    pub(super) gradient: Option<&'a mut [f32]>,
}

/// Logits a thread takes at a time: some ten microseconds, well above what handing them over costs.
const GRAIN: usize = 1 << 14;

impl RowResults<'_> {
    /// Calls `fill` for consecutive parts of the rows on all threads. A row's result cannot tell
    /// how the rows were split, as `fill` treats each alone.
    pub(super) fn fill(self, fill: &(impl Fn(RowResults<'_>) + Sync)) {
        let rows = self.rows.len();
        if rows < 2 || rows.saturating_mul(self.classes) <= GRAIN {
            fill(self);
        } else {
            let (left, right) = self.split(rows / 2);
            join(|| left.fill(fill), || right.fill(fill));
        }
    }

    fn split(self, rows: usize) -> (Self, Self) {
        let middle = self.rows.start + rows;
        let (loss, loss_right) = split(self.loss, rows);
        let (log_sum_exp, log_sum_exp_right) = split(self.log_sum_exp, rows);
        let (argmax, argmax_right) = split(self.argmax, rows);
        let (gradient, gradient_right) = split(self.gradient, rows * self.classes);
        let left = Self {
            rows: self.rows.start..middle,
            classes: self.classes,
            loss,
            log_sum_exp,
            argmax,
            gradient,
        };
        let right = Self {
            rows: middle..self.rows.end,
            classes: self.classes,
            loss: loss_right,
            log_sum_exp: log_sum_exp_right,
            argmax: argmax_right,
            gradient: gradient_right,
        };
        (left, right)
    }
}

fn split<T>(slice: Option<&mut [T]>, middle: usize) -> (Option<&mut [T]>, Option<&mut [T]>) {
    slice.map(|slice| slice.split_at_mut(middle)).unzip()
}

#[cfg(feature = "rayon")]
fn join(left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
    rayon::join(left, right);
}

#[cfg(not(feature = "rayon"))]
fn join(left: impl FnOnce(), right: impl FnOnce()) {
    left();
    right();
}

/// How many threads [`RowResults::fill`] uses.
pub(super) fn threads() -> usize {
    #[cfg(feature = "rayon")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    return 1;
}
