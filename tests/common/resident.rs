//! Memory of this process over time.

use std::fmt;
use std::time::Duration;

const MIB: f64 = 1024.0 * 1024.0;

/// What memory may grow by at the most from the end of the warm-up on: what allocators and drivers
/// come to keep for themselves.
const ALLOWED_MIB: f64 = 16.0;

/// Resident memory in MiB, where the system tells.
pub fn resident() -> Option<f64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of it");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    Some(kib * 1024.0 / MIB)
}

/// Seconds, and the MiB there were then.
#[derive(Default)]
pub struct Samples(Vec<(f64, f64)>);

impl Samples {
    pub fn add(&mut self, at: Duration, mib: Option<f64>) {
        self.0.extend(mib.map(|mib| (at.as_secs_f64(), mib)));
    }

    /// Those after the warm-up: the last two thirds.
    fn settled(&self) -> &[(f64, f64)] {
        &self.0[self.0.len() / 3..]
    }

    /// MiB that memory grows by in a second: the slope of the line that fits best.
    fn slope(&self) -> f64 {
        let settled = self.settled();
        let count = settled.len().max(1) as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| settled.iter().map(of).sum::<f64>() / count;
        let (second, mib) = (mean(|it| it.0), mean(|it| it.1));
        let product: f64 = settled.iter().map(|it| (it.0 - second) * (it.1 - mib)).sum();
        let square: f64 = settled.iter().map(|it| (it.0 - second).powi(2)).sum();
        if square == 0.0 { 0.0 } else { product / square }
    }

    /// What the slope comes to over the settled time.
    fn growth(&self) -> f64 {
        match self.settled() {
            [first, .., last] => self.slope() * (last.0 - first.0),
            _ => 0.0,
        }
    }

    /// Whether memory stays what it is after the warm-up.
    pub fn are_flat(&self) -> bool {
        self.growth() <= ALLOWED_MIB
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((_, last)) = self.0.last() else { return write!(f, "memory unknown") };
        let most = self.0.iter().fold(0.0, |most: f64, it| most.max(it.1));
        let (slope, growth) = (60.0 * self.slope(), self.growth());
        write!(
            f,
            "{last:.1} MiB resident, {most:.1} at the most; after the warm-up {slope:+.2} MiB a \
             minute, {growth:+.1} in all"
        )
    }
}

#[test]
fn growth_is_told_from_noise() {
    let samples = |mib: fn(u64) -> f64| {
        let mut samples = Samples::default();
        (0..300).for_each(|at| samples.add(Duration::from_secs(at), Some(mib(at))));
        samples
    };
    assert!(samples(|at| 500.0 + 30.0 * (at % 2) as f64).are_flat());
    assert!(samples(|at| 500.0 + at.min(100) as f64).are_flat(), "a warm-up");
    let growing = samples(|at| 500.0 + 0.2 * at as f64);
    assert!(!growing.are_flat() && (growing.slope() - 0.2).abs() < 1e-9, "{growing}");
    assert!(Samples::default().are_flat());
}
