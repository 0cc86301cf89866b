//! A sum of any number of terms of any size.

/// Neumaier's compensated sum: of `n` terms it is off by 2^-53 of itself and `n` 2^-106 of the sum
/// of their magnitudes.
#[derive(Clone, Copy, Default)]
pub(in crate::cpu) struct Sum {
    finite: f64,
    /// What rounding took off `finite`.
    lost: f64,
    /// The sum of the terms that are not finite: 0 where there are none, NaN for a NaN or for both
    /// infinities.
    special: f64,
}

impl Sum {
    pub(in crate::cpu) fn add(&mut self, term: f64) {
        if !term.is_finite() {
            self.special += term;
            return;
        }
        let sum = self.finite + term;
        self.lost += match self.finite.abs() >= term.abs() {
            true => (self.finite - sum) + term,
            false => (term - sum) + self.finite,
        };
        self.finite = sum;
    }

    /// A product, of which nothing is lost either.
    pub(in crate::cpu) fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        self.add(product);
        if product.is_finite() {
            self.add(a.mul_add(b, -product));
        }
    }

    pub(in crate::cpu) fn total(&self) -> f64 {
        self.finite + self.lost + self.special
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::default();
        terms.into_iter().for_each(|term| sum.add(term));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        let huge = [1e300, 1.0, -1e300, 3.0, 1e200, -1e200];
        assert_eq!(huge.into_iter().collect::<Sum>().total(), 4.0);
        let mut sum = Sum::default();
        [3.0, -1.0, -2.0].into_iter().for_each(|factor| sum.add_product(0.1, factor));
        assert_eq!(sum.total(), 0.0);
    }

    #[test]
    fn what_is_not_finite_wins() {
        let total = |terms: &[f64]| terms.iter().copied().collect::<Sum>().total();
        assert_eq!(total(&[1.0, f64::INFINITY, -1.0, f64::INFINITY]), f64::INFINITY);
        assert!(total(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert!(total(&[f64::NAN, 1.0]).is_nan());
        assert_eq!(total(&[]).to_bits(), 0);
    }
}
