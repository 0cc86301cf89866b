//! Few combinations that hold many pairs.

use std::collections::HashSet;
use std::hash::Hash;

use crate::random::SplitMix64;

/// Two dimensions with a level of each.
pub(super) type Pair = (usize, usize, usize, usize);

/// Every pair of levels, with whether both dimensions choose kernels.
pub(super) fn pairs_of<const N: usize>(
    levels: [usize; N],
    choose_kernels: impl Fn(usize, usize) -> bool + Copy,
) -> impl Iterator<Item = (Pair, bool)> {
    let pair = move |one: usize, other: usize| {
        ((one, levels[one], other, levels[other]), choose_kernels(one, other))
    };
    (0..N).flat_map(move |other| (0..other).map(move |one| pair(one, other)))
}

/// So many combinations: each is the one of many drawn that adds the pairs of most worth, as in AETG
/// (Cohen et al. 1997).
pub(super) fn covering<C: Copy, P: Eq + Hash, I: Iterator<Item = (P, usize)>>(
    count: usize,
    mut random: SplitMix64,
    draw: impl Fn(&mut SplitMix64) -> C,
    pairs: impl Fn(C) -> I,
) -> Vec<C> {
    let mut covered = HashSet::new();
    let mut chosen = Vec::new();
    while chosen.len() < count {
        let gain = |combination: &C| {
            let new = pairs(*combination).filter(|(pair, _)| !covered.contains(pair));
            new.map(|(_, worth)| worth).sum::<usize>()
        };
        let drawn: Vec<_> = (0..200).map(|_| draw(&mut random)).collect();
        let Some(best) = drawn.into_iter().max_by_key(gain) else { break };
        covered.extend(pairs(best).map(|(pair, _)| pair));
        chosen.push(best);
    }
    chosen
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Fails unless every pair that chooses a kernel, of those that can be drawn, is among the chosen.
    pub(in crate::list) fn every_pair_is_met<C: Copy, I: Iterator<Item = (Pair, bool)>>(
        chosen: &[C],
        draw: impl Fn(&mut SplitMix64) -> C,
        pairs: impl Fn(C) -> I,
    ) {
        let of = |list: &[C]| {
            let pairs = list.iter().flat_map(|it| pairs(*it)).filter(|(_, paired)| *paired);
            pairs.map(|(pair, _)| pair).collect::<HashSet<_>>()
        };
        let mut random = SplitMix64(1);
        let possible: Vec<_> = (0..20_000).map(|_| draw(&mut random)).collect();
        let missing: Vec<_> = of(&possible).difference(&of(chosen)).copied().collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// Fails unless every level of every dimension is among the chosen twice at least.
    pub(in crate::list) fn every_level_is_met<C, D: Copy + std::fmt::Debug>(
        chosen: &[C],
        dimensions: &[(D, usize)],
        get: impl Fn(&C, D) -> usize,
    ) {
        for &(dimension, levels) in dimensions {
            for level in 0..levels {
                let times = chosen.iter().filter(|it| get(it, dimension) == level).count();
                assert!(times >= 2, "{dimension:?} {level}: {times} times");
            }
        }
    }
}
