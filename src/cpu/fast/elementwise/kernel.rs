//! A block of elements.

use pulp::{Simd, WithSimd};

use super::functions::Function;
use crate::cpu::fast::lanes::Lanes;
use crate::cpu::fast::simd::{MOST_LANES, dispatch};
use crate::ops::elementwise::CustomLoss;

/// Elements of consecutive places: all slices are of one length.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) input: &'a [f32],
    /// Anything where there is no target.
    pub(super) target: &'a [f32],
    /// Weights of positives, or variances.
    pub(super) third: Option<&'a [f32]>,
    pub(super) weights: Option<&'a [f32]>,
    /// What the gradient is multiplied by beside the weights and `scale`.
    pub(super) factors: Option<&'a [f32]>,
    pub(super) scale: f32,
}

/// Where the results go.
pub(super) struct Results<'a> {
    /// Weighted losses.
    pub(super) values: &'a mut [f32],
    pub(super) gradient: Option<&'a mut [f32]>,
    /// With respect to the variance; not without the gradient.
    pub(super) of_variance: Option<&'a mut [f32]>,
}

impl Results<'_> {
    pub(super) fn reborrow(&mut self) -> Results<'_> {
        Results {
            values: self.values,
            gradient: self.gradient.as_deref_mut(),
            of_variance: self.of_variance.as_deref_mut(),
        }
    }
}

/// What computes a loss.
pub(super) trait Kernel: Sync {
    /// Whether all operands and results are finite; what is not may be anything.
    fn compute(&self, operands: Operands<'_>, results: Results<'_>) -> bool;
}

/// A kernel of vectors.
pub(super) struct Formula<F>(pub(super) F);

impl<F: Function> Kernel for Formula<F> {
    fn compute(&self, operands: Operands<'_>, results: Results<'_>) -> bool {
        let Results { values, gradient, of_variance } = results;
        let function = &self.0;
        match (gradient, of_variance) {
            (None, _) => dispatch(Block { function, operands, results: [values] }),
            (Some(gradient), None) => {
                dispatch(Block { function, operands, results: [values, gradient] })
            }
            (Some(gradient), Some(of_variance)) => {
                dispatch(Block { function, operands, results: [values, gradient, of_variance] })
            }
        }
    }
}

/// Value, gradient and gradient with respect to the variance: the first `N` of them.
struct Block<'k, 'a, F, const N: usize> {
    function: &'k F,
    operands: Operands<'a>,
    results: [&'a mut [f32]; N],
}

/// What a vector of results is computed from.
#[derive(Clone, Copy)]
struct Vectors<S: Simd> {
    input: Lanes<S>,
    target: Lanes<S>,
    third: Lanes<S>,
    weights: Option<Lanes<S>>,
    factors: Option<Lanes<S>>,
    scale: Lanes<S>,
}

impl<S: Simd> Vectors<S> {
    #[inline(always)]
    fn weighted(&self, result: Lanes<S>) -> Lanes<S> {
        match self.weights {
            Some(weights) => result * weights,
            None => result,
        }
    }

    #[inline(always)]
    fn scaled(&self, derivative: Lanes<S>) -> Lanes<S> {
        let result = self.weighted(derivative * self.scale);
        match self.factors {
            Some(factors) => result * factors,
            None => result,
        }
    }

    /// The results, and a sum that is finite unless one of them or of the operands is not.
    #[inline(always)]
    fn compute<F: Function, const N: usize>(&self, function: &F) -> ([Lanes<S>; N], Lanes<S>) {
        let Self { input, target, third, .. } = *self;
        let loss = function.at(input, target, third);
        let mut results = [input; N];
        let mut sum = input + target + third;
        let mut index = 0;
        while index < N {
            results[index] = match index {
                0 => self.weighted(loss.value),
                1 => self.scaled(loss.derivative),
                _ => self.scaled(loss.of_variance),
            };
            sum = sum + results[index];
            index += 1;
        }
        (results, sum)
    }
}

/// Vectors of a slice, as many as `count`.
#[inline(always)]
fn vectors_of<S: Simd>(values: Option<&[f32]>, count: usize) -> Option<&[S::f32s]> {
    Some(&S::as_simd_f32s(values?).0[..count])
}

/// One of them.
#[inline(always)]
fn vector_at<S: Simd>(simd: S, vectors: Option<&[S::f32s]>, index: usize) -> Option<Lanes<S>> {
    // Not as a closure, which would not have the choice of instructions.
    Some(Lanes::new(simd, vectors?[index]))
}

/// The elements from `done` on, filled up with what every loss is finite of.
#[inline(always)]
fn padded<S: Simd>(simd: S, values: Option<&[f32]>, done: usize) -> Option<Lanes<S>> {
    let values = &values?[done..];
    let mut room = [0.5; MOST_LANES];
    room[..values.len()].copy_from_slice(values);
    let (vectors, _) = S::as_simd_f32s(&room);
    Some(Lanes::new(simd, vectors[0]))
}

impl<F: Function, const N: usize> WithSimd for Block<'_, '_, F, N> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> bool {
        let Self { function, operands, results } = self;
        let Operands { input, target, third, weights, factors, scale } = operands;
        let (zero, one) = (Lanes::splat(simd, 0.0), Lanes::splat(simd, 1.0));
        let scale = Lanes::splat(simd, scale);
        let (inputs, input_tail) = S::as_simd_f32s(input);
        let (count, done) = (inputs.len(), input.len() - input_tail.len());
        let targets = &S::as_simd_f32s(target).0[..count];
        let all_third = vectors_of::<S>(third, count);
        let all_weights = vectors_of::<S>(weights, count);
        let all_factors = vectors_of::<S>(factors, count);
        let mut bodies: [&mut [S::f32s]; N] = std::array::from_fn(|_| &mut [][..]);
        let mut tails: [&mut [f32]; N] = std::array::from_fn(|_| &mut [][..]);
        for (result, (body, tail)) in results.into_iter().zip(bodies.iter_mut().zip(&mut tails)) {
            let (vectors, rest) = S::as_mut_simd_f32s(result);
            (*body, *tail) = (&mut vectors[..count], rest);
        }
        let mut check = zero;
        for index in 0..count {
            let vectors = Vectors {
                input: Lanes::new(simd, inputs[index]),
                target: Lanes::new(simd, targets[index]),
                third: match vector_at(simd, all_third, index) {
                    Some(third) => third,
                    None => one,
                },
                weights: vector_at(simd, all_weights, index),
                factors: vector_at(simd, all_factors, index),
                scale,
            };
            let (found, sum) = vectors.compute::<F, N>(function);
            for (body, found) in bodies.iter_mut().zip(found) {
                body[index] = found.values;
            }
            check = sum.mul_add(zero, check);
        }
        if !input_tail.is_empty() {
            let vectors = Vectors {
                input: padded(simd, Some(input), done).unwrap_or(one),
                target: padded(simd, Some(target), done).unwrap_or(one),
                third: padded(simd, third, done).unwrap_or(one),
                weights: padded(simd, weights, done),
                factors: padded(simd, factors, done),
                scale,
            };
            let (found, sum) = vectors.compute::<F, N>(function);
            for (tail, found) in tails.iter_mut().zip(found) {
                let mut room = [0.0; MOST_LANES];
                let (vectors, _) = S::as_mut_simd_f32s(&mut room);
                vectors[0] = found.values;
                tail.copy_from_slice(&room[..tail.len()]);
            }
            check = sum.mul_add(zero, check);
        }
        // Zeros, or NaN.
        simd.reduce_sum_f32s(check.values) == 0.0
    }
}

/// A loss of the caller's, an element at a time in double precision.
pub(super) struct CustomKernel(pub(super) CustomLoss);

impl Kernel for CustomKernel {
    fn compute(&self, operands: Operands<'_>, results: Results<'_>) -> bool {
        let Operands { input, target, weights, factors, scale, .. } = operands;
        let Results { values, mut gradient, .. } = results;
        let CustomLoss { function, parameters, .. } = self.0;
        let parameters = parameters.map(f64::from);
        let at = |values: Option<&[f32]>, index: usize| values.map_or(1.0, |values| values[index]);
        let mut is_finite = true;
        for (index, (&x, &t)) in input.iter().zip(target).enumerate() {
            if !(x.is_finite() && t.is_finite()) {
                is_finite = false;
                continue;
            }
            let [value, derivative] = function(x.into(), t.into(), parameters);
            let weight = at(weights, index);
            values[index] = value as f32 * weight;
            is_finite &= values[index].is_finite();
            if let Some(gradient) = &mut gradient {
                let scale = scale * weight * at(factors, index);
                gradient[index] = (derivative * f64::from(scale)) as f32;
                is_finite &= gradient[index].is_finite();
            }
        }
        is_finite
    }
}
