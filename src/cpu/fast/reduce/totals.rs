//! Sums of numbers that are computed as they are added up.

use std::ops::Range;

use super::job::PIECE;
use super::kind::Kind;
use super::sums::Sums;
use super::tile::{Tile, TileWeights, along};
use crate::cpu::fast::scratch::{room, with_scratch};
use crate::cpu::fast::split::for_rows;
use crate::logits::Shape;

/// `sum a b` of `count` products of two `f32`, which `fill` computes: pieces of a fixed size on all
/// threads, added up in their order.
pub(in crate::cpu::fast) fn sum_of_products(
    count: usize,
    fill: &(impl Fn(Range<usize>, &mut [f32], &mut [f32]) + Sync),
) -> f64 {
    let mut sums = vec![0.0; count.div_ceil(PIECE)];
    let of_pieces = Shape::new(sums.len(), PIECE);
    for_rows(0..sums.len(), of_pieces, sums.as_mut_slice(), &|part, sums| {
        with_scratch(|scratch| {
            for (piece, sum) in part.zip(sums) {
                let places = piece * PIECE..count.min((piece + 1) * PIECE);
                let width = places.len();
                let values = room(&mut scratch.logits, width);
                let weights = room(&mut scratch.others, width);
                fill(places, values, weights);
                let weights = TileWeights::PerPlace(weights);
                *sum = along::<Plain>(&Tile { values, stride: width, lines: 1, width, weights });
            }
        });
    });
    sums.into_iter().reduce(Plain::merge).unwrap_or(0.0)
}

type Plain = Sums<false, false>;

/// `sum x`, in the same pieces.
pub(in crate::cpu::fast) fn sum(values: &[f32]) -> f64 {
    let mut sums = vec![0.0; values.len().div_ceil(PIECE)];
    let of_pieces = Shape::new(sums.len(), PIECE);
    for_rows(0..sums.len(), of_pieces, sums.as_mut_slice(), &|part, sums| {
        for (piece, sum) in part.zip(sums) {
            let values = &values[piece * PIECE..values.len().min((piece + 1) * PIECE)];
            let (width, weights) = (values.len(), TileWeights::One);
            *sum = along::<Plain>(&Tile { values, stride: width, lines: 1, width, weights });
        }
    });
    sums.into_iter().reduce(Plain::merge).unwrap_or(0.0)
}
