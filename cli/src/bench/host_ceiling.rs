//! What the CPU can move at all: plain loops that read, copy, or change in place, on all threads.

use std::array;
use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::ceiling::{Ceiling, Ceilings, Traffic};
use super::grid::Effort;
use super::timing::Timing;

/// Bytes of the last-level cache, where the system tells.
pub fn last_level_cache() -> Option<u64> {
    let sizes = (0..8).map_while(|index| {
        let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size");
        std::fs::read_to_string(path).ok()
    });
    sizes
        .filter_map(|size| size.trim().strip_suffix('K')?.parse::<u64>().ok())
        .max()
        .map(|it| it << 10)
}

/// How many threads the loops run on.
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// A loop, and what it is called.
#[derive(Clone, Copy, Debug)]
struct Loop {
    traffic: Traffic,
    name: &'static str,
    run: fn(&mut [u64], &mut [u64]),
}

/// Those that compete for each ceiling.
const LOOPS: [Loop; 4] = [
    Loop { traffic: Traffic::Read, name: "one stream", run: |source, _| read::<1>(source) },
    Loop { traffic: Traffic::Read, name: "four streams", run: |source, _| read::<4>(source) },
    Loop { traffic: Traffic::Copy, name: "memcpy", run: |from, to| to.copy_from_slice(from) },
    Loop { traffic: Traffic::InPlace, name: "one stream", run: |source, _| invert(source) },
];

/// Arrays as large as what takes turns on the CPU, and the fastest loops over them, kept to be
/// measured again beside the operations.
pub struct Probe {
    source: Vec<u64>,
    destination: Vec<u64>,
    fastest: Vec<Loop>,
}

/// Measures all three.
pub fn measure(effort: &Effort) -> (Ceilings, Probe) {
    let words = effort.host_footprint as usize / size_of::<u64>();
    let mut probe = Probe {
        source: (0..words as u64).collect(),
        destination: vec![1; words],
        fastest: Vec::new(),
    };
    let mut best = |traffic: Traffic| {
        let mut best = Ceiling { gigabytes_per_second: 0.0, geometry: String::new() };
        let mut fastest = None;
        for each in LOOPS.into_iter().filter(|it| it.traffic == traffic) {
            // The first touches every page.
            probe.measure(each, 1, 1);
            let ceiling = probe.measure(each, effort.host_passes, effort.ceiling_runs);
            if ceiling.gigabytes_per_second > best.gigabytes_per_second {
                (best, fastest) = (ceiling, Some(each));
            }
        }
        probe.fastest.extend(fastest);
        best
    };
    let ceilings = Ceilings {
        read: best(Traffic::Read),
        copy: best(Traffic::Copy),
        in_place: best(Traffic::InPlace),
        buffer_bytes: effort.host_footprint,
        footprint_bytes: effort.host_footprint,
    };
    (ceilings, probe)
}

impl Probe {
    /// The same ceilings, of which those that are needed are measured anew.
    pub fn again(&mut self, effort: &Effort, before: &Ceilings, needed: &[Traffic]) -> Ceilings {
        let mut ceilings = before.clone();
        for each in self.fastest.clone() {
            if needed.contains(&each.traffic) {
                *ceilings.of_mut(each.traffic) =
                    self.measure(each, effort.host_passes, effort.ceiling_runs);
            }
        }
        ceilings
    }

    fn measure(&mut self, Loop { traffic, name, run }: Loop, passes: u64, runs: usize) -> Ceiling {
        let Self { source, destination, .. } = self;
        let threads = threads();
        let part = source.len().div_ceil(threads).max(1);
        let bytes = (source.len() * size_of::<u64>()) as u64 * passes * traffic.passes();
        let mut sample = || {
            let start = Instant::now();
            let parts = Mutex::new(source.chunks_mut(part).zip(destination.chunks_mut(part)));
            let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
            let work = || {
                while let Some((source, destination)) = next() {
                    // Several passes, so that starting threads costs little beside them.
                    for _ in 0..passes {
                        run(black_box(&mut *source), black_box(&mut *destination));
                    }
                }
            };
            thread::scope(|scope| {
                // This thread is one of them; where a system gives no others, it does their work.
                for _ in 1..threads {
                    let _ = thread::Builder::new().spawn_scoped(scope, work);
                }
                work();
            });
            start.elapsed().as_secs_f64()
        };
        let timing = Timing::of((0..runs.max(1)).map(|_| sample()).collect());
        Ceiling {
            gigabytes_per_second: bytes as f64 / timing.seconds.max(1e-12) / 1e9,
            geometry: format!("{threads} threads, {name}"),
        }
    }
}

/// Adds everything up, from several places at a time: what a core fetches ahead is per place.
fn read<const STREAMS: usize>(source: &[u64]) {
    // Several sums, so that loads do not wait for additions.
    let (chunks, _) = source.as_chunks::<8>();
    let length = chunks.len() / STREAMS;
    let streams: [_; STREAMS] = array::from_fn(|at| &chunks[at * length..][..length]);
    let mut sums = [[0_u64; 8]; STREAMS];
    for index in 0..length {
        for (sums, stream) in sums.iter_mut().zip(&streams) {
            for (sum, word) in sums.iter_mut().zip(&stream[index]) {
                *sum = sum.wrapping_add(*word);
            }
        }
    }
    black_box(sums);
}

fn invert(words: &mut [u64]) {
    for word in words {
        *word = !*word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loop_moves_what_it_says() {
        for Loop { traffic, name, run } in LOOPS {
            let (mut source, mut destination) = ([1; 70], [0; 70]);
            run(&mut source, &mut destination);
            let expected = match traffic {
                Traffic::Read => ([1; 70], [0; 70]),
                Traffic::Copy => ([1; 70], [1; 70]),
                Traffic::InPlace => ([!1; 70], [0; 70]),
            };
            assert_eq!((source, destination), expected, "{name}");
        }
    }
}
