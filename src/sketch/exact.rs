//! A sum of decimal numbers that is exact whatever the order.

use serde::{Deserialize, Serialize};

/// A sum in whole millionths.
///
/// Each term is rounded to a millionth once; from there on the sum is an integer, so that adding and merging commute
/// to the last bit, as floating-point sums do not. Terms that are not finite count as nothing.
///
/// ```
/// use bespoke::sketch::ExactSum;
/// let mut sum = ExactSum::default();
/// for _ in 0..10 {
///     sum.add(0.1);
/// }
/// assert_eq!(sum.value(), 1.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
// Alignment to 16 bytes would take eight more in whatever holds a sum.
#[repr(Rust, packed(8))]
pub struct ExactSum(i128);

impl ExactSum {
    /// Adds a number.
    pub fn add(&mut self, number: f64) {
        if number.is_finite() {
            // A cast from `f64` saturates.
            self.0 = self.0.saturating_add(libm::round(number * UNITS) as i128);
        }
    }

    /// Takes a number away again.
    pub fn subtract(&mut self, number: f64) {
        self.add(-number);
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }

    /// Takes away so many millionths.
    pub(crate) fn merge_negated(&mut self, micros: i64) {
        self.0 = self.0.saturating_sub(i128::from(micros));
    }

    /// The sum.
    #[must_use]
    pub fn value(self) -> f64 {
        // Exact to the 53 leading bits.
        self.0 as f64 / UNITS
    }
}

const UNITS: f64 = 1e6;
