//! Mutants of the kernels: each lacks one numeric safeguard. `tests/mutants.rs` and `cargo xtask mutants`
//! ask whether `verify` sees it; any test that takes its device from `device.rs` runs on the one that
//! [`VARIABLE`] names.

mod elementwise;
mod reductions;
mod rows;
mod softmax_losses;
mod stored;
mod teams;

/// Names the mutant that tests run on.
pub const VARIABLE: &str = "WGPU_LOSS_MUTANT";

/// Where a mutant is looked for: kernels of some files are no part of every device's tuning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// The device, as `verify` takes it.
    Device,
    /// The same, forward and backward apart.
    TwoStep,
    /// The device with the tuning of discrete GPUs.
    Discrete,
    /// The same without subgroups.
    WithoutSubgroups,
    /// The device, with rows cut into short parts.
    Parts,
}

impl On {
    /// All of them, the one that `verify` is run on first.
    pub const ALL: [Self; 5] =
        [Self::Device, Self::TwoStep, Self::Discrete, Self::WithoutSubgroups, Self::Parts];
}

/// A change of one text of `shaders/`.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// What the change is called.
    pub name: &'static str,
    /// What the kernels lack with it.
    pub safeguard: &'static str,
    /// The file, by its path in `shaders/`.
    pub file: &'static str,
    /// What it holds once.
    pub original: &'static str,
    /// What takes its place.
    pub replacement: &'static str,
    /// Where it is looked for first.
    pub on: On,
    /// Words of the text of cases that are to see it.
    pub hint: &'static [&'static str],
    /// Whether every run of the tests looks whether they do.
    pub is_cheap: bool,
}

impl Mutant {
    const fn new(
        name: &'static str,
        safeguard: &'static str,
        file: &'static str,
        original: &'static str,
        replacement: &'static str,
    ) -> Self {
        let (on, hint, is_cheap) = (On::Device, &[], false);
        Self { name, safeguard, file, original, replacement, on, hint, is_cheap }
    }

    const fn on(self, on: On) -> Self {
        Self { on, ..self }
    }

    const fn cheap(self) -> Self {
        Self { is_cheap: true, ..self }
    }

    const fn hint(self, hint: &'static [&'static str]) -> Self {
        Self { hint, ..self }
    }
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        rows::MUTANTS,
        teams::MUTANTS,
        stored::MUTANTS,
        softmax_losses::MUTANTS,
        reductions::MUTANTS,
        elementwise::MUTANTS,
    ]
    .into_iter()
    .flatten()
}
