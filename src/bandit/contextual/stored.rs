//! The stored form of a [`Contextual`] bandit, and what must hold of it.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Contextual, check_width, untried};
use crate::bandit::tally::{self, ArmTally};
use crate::bandit::{BanditError, HalfLife};

impl Serialize for Contextual {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // What is derived, field by field: an inherent function goes before one of a trait.
        Self::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for Contextual {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut policy = Self::deserialize(from)?;
        policy.check_parts().map_err(D::Error::custom)?;
        policy.untried = untried(&policy.tallies);
        Ok(policy)
    }
}

impl Contextual {
    fn check_parts(&self) -> Result<(), BanditError> {
        tally::check_count(self.tallies.len())?;
        check_width(self.width)?;
        self.scheme.check()?;
        self.half_life.map_or(Ok(()), HalfLife::check)?;
        if self.is_sound() { Ok(()) } else { Err(BanditError::Stored) }
    }

    fn is_sound(&self) -> bool {
        let (arms, width) = (self.tallies.len(), self.width);
        let exposures: f64 = self.tallies.iter().map(ArmTally::exposures).map(|count| count as f64).sum();
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
            && self.descriptions.is_sound(arms)
    }
}
