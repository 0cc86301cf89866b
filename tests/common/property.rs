//! Property tests that can be repeated by a seed, and that go on for as long as one likes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Minutes for which rounds with ever new seeds follow one another.
const SOAK: &str = "WGPU_LOSS_SOAK_MINUTES";

/// The seed of a single round, as a failure names it.
const SEED: &str = "WGPU_LOSS_SEED";

/// A variable as a number; an unreadable one is refused rather than taken for none.
fn variable<T>(name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(parse(text.trim()).unwrap_or_else(|| panic!("{name}={text} is not a number")))
}

fn minutes(text: &str) -> Option<Duration> {
    let minutes: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(60.0 * minutes).ok()
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() as u64
}

/// How long to go on, if that is said.
#[allow(dead_code, reason = "each test file uses a part of this")]
pub fn soak_time() -> Option<Duration> {
    variable(SOAK, minutes)
}

/// The seed that is given, or a new one.
#[allow(dead_code, reason = "each test file uses a part of this")]
pub fn seed() -> u64 {
    variable(SEED, hexadecimal).unwrap_or_else(fresh_seed)
}

/// Draws so many values by a seed.
pub fn runner(seed: u64, cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// One round. Panics with the shrunk value and the seed if it fails.
fn round<S: Strategy>(
    name: &str,
    seed: u64,
    cases: u32,
    strategy: &S,
    check: &impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    if let Err(error) = runner(seed, cases).run(strategy, check) {
        panic!("{name}: {error}\nto repeat: {SEED}={seed:#x}");
    }
}

/// Checks so many values of a strategy, or as many as there is time for.
pub fn check<S: Strategy>(
    name: &str,
    cases: u32,
    strategy: S,
    check: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    if let Some(seed) = variable(SEED, hexadecimal) {
        return round(name, seed, cases, &strategy, &check);
    }
    let Some(time) = soak_time() else {
        return round(name, fresh_seed(), cases, &strategy, &check);
    };
    let start = Instant::now();
    let mut rounds = 0u64;
    while start.elapsed() < time {
        let seed = fresh_seed();
        println!("{name}: {:6.1} s, seed {seed:#x}", start.elapsed().as_secs_f64());
        round(name, seed, cases, &strategy, &check);
        rounds += 1;
    }
    println!("{name}: {} calls passed", rounds * u64::from(cases));
}
