//! How large pieces are: small at first, then as large as the adapter does in a short time.

use std::time::Duration;

/// Longer than this no submission should take.
#[cfg_attr(target_arch = "wasm32", allow(dead_code))]
const LONGEST: Duration = Duration::from_millis(100);

/// Elements of a piece, as measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    elements: usize,
    #[cfg_attr(target_arch = "wasm32", allow(dead_code))]
    most: usize,
}

impl Pace {
    /// Of pieces of `most` elements at the most.
    pub(super) fn new(most: usize) -> Self {
        Self { elements: (most / 4).max(1), most }
    }

    /// Elements of the next piece.
    pub(super) fn elements(&self) -> usize {
        self.elements
    }

    /// A piece of so many elements took so long.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code))]
    pub(super) fn measured(&mut self, elements: usize, time: Duration) {
        if time > LONGEST {
            let share = LONGEST.as_secs_f64() / time.as_secs_f64();
            self.elements = ((elements as f64 * share) as usize).clamp(1, self.most);
        } else if time < LONGEST / 2 && elements >= self.elements / 2 {
            self.elements = self.elements.saturating_mul(2).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_take_no_longer_than_a_watchdog_waits() {
        for nanoseconds_per_element in [0.01, 1.0, 30.0, 1000.0] {
            let mut pace = Pace::new(1 << 24);
            let mut last = Duration::ZERO;
            for _ in 0..20 {
                let elements = pace.elements();
                last = Duration::from_secs_f64(elements as f64 * nanoseconds_per_element * 1e-9);
                pace.measured(elements, last);
            }
            assert!(last <= LONGEST, "{last:?} at {nanoseconds_per_element} ns");
            assert!(pace.elements() == 1 << 24 || last >= LONGEST / 4, "{last:?}");
        }
    }
}
