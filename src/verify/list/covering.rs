//! Few combinations that hold many pairs.

use std::collections::HashSet;
use std::hash::Hash;

use crate::verify::random::SplitMix64;

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
