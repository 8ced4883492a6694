//! Whether an effect differs between segments (Cochran, "The combination of estimates from different experiments",
//! 1954; Higgins and Thompson, 2002, for the share of spread that is not chance).

use serde::{Deserialize, Serialize};

use crate::stats::{Evidence, Undefined, regularized_gamma};

/// The effects of several segments put together, and how far they disagree.
///
/// ```
/// use bespoke::{experiment::Heterogeneity, stats::Evidence};
/// let found = Heterogeneity::new(&[Evidence::new(0.05, 0.01, 9_000)?, Evidence::new(-0.02, 0.012, 7_000)?])?;
/// assert!((found.q - 20.081_967).abs() < 1e-6 && found.p < 1e-5 && found.i_squared > 0.95);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heterogeneity {
    /// The effect over all segments, each weighted by the inverse of its variance.
    pub pooled: Evidence,
    /// Cochran's Q: the weighted squared distances from the pooled effect.
    pub q: f64,
    /// Its degrees of freedom, one less than the segments.
    pub freedom: u64,
    /// How likely so much disagreement is if all segments have one effect.
    pub p: f64,
    /// The share of the spread between segments that is not chance, `max(0, (Q - df) / Q)`.
    pub i_squared: f64,
    /// The variance of the true effects between segments, by the moments of DerSimonian and Laird (1986); from 0.
    pub between: f64,
    /// Each segment's effect drawn towards the mean of all, the more the less it says itself (James and Stein's idea;
    /// the posterior under a normal prior with the estimated mean and variance).
    pub shrunk: Vec<f64>,
}

impl Heterogeneity {
    /// Compares the effects of segments that do not overlap. `O(segments)`.
    ///
    /// # Errors
    /// [`Undefined::OneArm`] for fewer than two segments.
    pub fn new(segments: &[Evidence]) -> Result<Self, Undefined> {
        if segments.len() < 2 {
            return Err(Undefined::OneArm);
        }
        let weight = |of: &Evidence, between: f64| 1.0 / (of.error() * of.error() + between);
        let mean = |between: f64| {
            let total: f64 = segments.iter().map(|s| weight(s, between)).sum();
            let sum: f64 = segments.iter().map(|s| weight(s, between) * s.estimate()).sum();
            (sum / total, total)
        };
        let (estimate, total) = mean(0.0);
        let units = segments.iter().map(Evidence::units).fold(0, u64::saturating_add);
        let pooled = Evidence::new(estimate, libm::sqrt(1.0 / total), units)?;
        let q: f64 =
            segments.iter().map(|s| (s.estimate() - estimate) * (s.estimate() - estimate) * weight(s, 0.0)).sum();
        let freedom = (segments.len() - 1) as f64;
        let squares: f64 = segments.iter().map(|s| weight(s, 0.0) * weight(s, 0.0)).sum();
        let between = ((q - freedom) / (total - squares / total)).max(0.0);
        let (center, _) = mean(between);
        let shrunk = segments.iter().map(|s| {
            let share = between / (between + s.error() * s.error());
            center + share * (s.estimate() - center)
        });
        Ok(Self {
            pooled,
            q,
            freedom: segments.len() as u64 - 1,
            p: regularized_gamma(0.5 * freedom, 0.5 * q).upper,
            i_squared: if q > freedom { (q - freedom) / q } else { 0.0 },
            between,
            shrunk: shrunk.collect(),
        })
    }
}
