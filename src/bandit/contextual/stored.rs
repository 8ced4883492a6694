//! The stored form of a [`Contextual`] bandit, and what must hold of it.

use serde::Deserialize;

use super::belief::Belief;
use super::moments::Moments;
use super::prior::{Precisions, Scaling};
use super::{Contextual, ContextualScheme, check_width, untried};
use crate::bandit::tally::{self, ArmTally};
use crate::bandit::{BanditError, HalfLife};

#[derive(Deserialize)]
pub(super) struct Stored {
    scheme: ContextualScheme,
    width: usize,
    less: bool,
    half_life: Option<HalfLife>,
    tallies: Vec<ArmTally>,
    moments: Vec<Moments>,
    count: f64,
    landmark: f64,
    newest: f64,
    ranges: Vec<(f64, f64)>,
    precisions: Precisions,
    scaling: Scaling,
    variance: f64,
    rest: f64,
    beliefs: Vec<Belief>,
    next: f64,
}

impl Stored {
    fn is_sound(&self) -> bool {
        let (arms, width) = (self.tallies.len(), self.width);
        let exposures: f64 = self.tallies.iter().map(|tally| tally.exposures() as f64).sum();
        self.moments.len() == arms
            && self.moments.iter().all(|moments| moments.is_sound(width))
            && exposures.total_cmp(&self.count).is_eq()
            && self.landmark.is_finite()
            && self.newest.is_finite()
            && self.ranges.len() == width
            && self.ranges.iter().all(|(low, high)| !low.is_nan() && !high.is_nan())
            && self.precisions.is_sound()
            && (self.beliefs.is_empty() && self.scheme.ridge().is_none()
                || self.beliefs.len() == arms && self.scaling.is_sound(width))
            && self.beliefs.iter().all(|belief| belief.is_sound(width + 1))
            && self.variance.is_finite()
            && self.rest.is_finite()
            && self.next >= 2.0
    }
}

impl TryFrom<Stored> for Contextual {
    type Error = BanditError;

    fn try_from(stored: Stored) -> Result<Self, BanditError> {
        tally::check_count(stored.tallies.len())?;
        check_width(stored.width)?;
        stored.scheme.check()?;
        stored.half_life.map_or(Ok(()), HalfLife::check)?;
        if !stored.is_sound() {
            return Err(BanditError::Stored);
        }
        let Stored { scheme, width, less, half_life, tallies, moments, count, landmark, newest, ranges, .. } = stored;
        let Stored { precisions, scaling, variance, rest, beliefs, next, .. } = stored;
        Ok(Self {
            scheme,
            width,
            less,
            half_life,
            untried: untried(&tallies),
            tallies,
            moments,
            count,
            landmark,
            newest,
            ranges,
            precisions,
            scaling,
            variance,
            rest,
            beliefs,
            next,
        })
    }
}
