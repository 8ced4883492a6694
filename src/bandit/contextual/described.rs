//! Arms that are described by numbers of their own, so that a new one begins with what its like have earned.
//!
//! A trait of an arm (its price, its colour as zeros and ones, a direction of an embedding) shifts what the arm is
//! expected to pay before it has been shown, by a weight that is learned from all arms together with what they have in
//! common (see `prior`; a linear model shared between arms beside their own: Li, Chu, Langford and Schapire, WWW 2010,
//! algorithm 2). As an arm's own trials come in they outweigh it. Traits do not change how an arm answers to the
//! features of the request.

use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::{Contextual, ContextualScheme};
use crate::bandit::tally::{self, ArmTally};
use crate::bandit::{BanditError, MAX_ARMS};

/// The traits of each arm, as many for every one, or no arms at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Descriptions(Vec<Vec<f64>>);

impl Contextual {
    /// Describes each arm by as many numbers, up to 64, of up to 10^9 in size; they need no scaling. Arms that were
    /// never tried no longer come first: they are taken as often as their like promise.
    ///
    /// ```
    /// use bespoke::Timestamp;
    /// use bespoke::bandit::{Contextual, Policy, Reward, Shrunk, Trial};
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// // Arms with a picture pay 4, those without 1, and about 0.1 more or less each.
    /// let picture = |arm: usize| vec![f64::from(u8::from(arm % 2 == 0))];
    /// let mut policy = Contextual::new(10, 0, Shrunk::default())?.described((0..10).map(picture).collect())?;
    /// for n in 0..200 {
    ///     let (arm, noise) = (n % 10, 0.1 * ((n * 7) % 5) as f64);
    ///     let pays = if arm % 2 == 0 { 4.0 } else { 1.0 } + 0.02 * arm as f64 + noise;
    ///     policy.observe(&Trial::new(arm, now), Reward::new(pays)?)?;
    /// }
    /// policy.add_arm(&[1.0])?;
    /// policy.add_arm(&[0.0])?;
    /// let expected = |arm| Ok::<_, Box<dyn std::error::Error>>(policy.expected(arm, &[])?.unwrap().0);
    /// assert!((expected(10)? - 4.3).abs() < 0.2 && (expected(11)? - 1.3).abs() < 0.2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`BanditError::Features`] unless there is a description for each arm, all of one length up to 64,
    /// [`BanditError::Feature`] for what is no number or too large, and [`BanditError::Undescribed`] for a policy with
    /// a set ridge, whose arms share nothing.
    pub fn described(mut self, arms: Vec<Vec<f64>>) -> Result<Self, BanditError> {
        if !matches!(self.scheme, ContextualScheme::Shrunk(_)) {
            return Err(BanditError::Undescribed);
        }
        if arms.len() != self.tallies.len() {
            return Err(BanditError::Features { found: arms.len(), wanted: self.tallies.len() });
        }
        let descriptions = Descriptions(arms);
        let wanted = descriptions.width().min(MOST);
        descriptions.0.iter().try_for_each(|traits| check(traits, wanted))?;
        self.descriptions = descriptions;
        self.fit_if_known();
        Ok(self)
    }

    /// Adds an arm at the end that is described by these numbers; none where arms are not described. Cost: as choosing
    /// the precisions anew.
    ///
    /// # Errors
    /// [`BanditError::Features`] for another number than the other arms have, [`BanditError::Feature`], or
    /// [`BanditError::Arms`] past 4,096.
    pub fn add_arm(&mut self, traits: &[f64]) -> Result<(), BanditError> {
        check(traits, self.descriptions.width())?;
        if self.tallies.len() >= MAX_ARMS {
            return Err(BanditError::Arms { found: self.tallies.len() + 1 });
        }
        tally::check_count(self.tallies.len() + 1)?;
        if self.descriptions.are_given() {
            self.descriptions.0.push(traits.to_vec());
        }
        self.tallies.push(ArmTally::default());
        self.moments.push(Moments::new(self.width));
        self.untried += 1;
        self.fit_if_known();
        Ok(())
    }
}

impl Descriptions {
    /// Whether arms are described.
    pub(super) fn are_given(&self) -> bool {
        self.width() > 0
    }

    fn width(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// Traits about their mean over the arms and in units of their deviation, for so many arms; none where none are
    /// given. An arm that came by a merge is in the middle.
    pub(super) fn standardised(&self, arms: usize) -> Vec<Vec<f64>> {
        let (width, count) = (self.width(), self.0.len() as f64);
        if width == 0 {
            return Vec::new();
        }
        let mut all = vec![vec![0.0; width]; arms];
        for at in 0..width {
            let mean = self.0.iter().map(|traits| traits[at]).sum::<f64>() / count;
            let square = self.0.iter().map(|traits| (traits[at] - mean) * (traits[at] - mean)).sum::<f64>() / count;
            // What is the same of all arms says nothing.
            let scale = if square > 1e-300 { 1.0 / libm::sqrt(square) } else { 0.0 };
            all.iter_mut().zip(&self.0).for_each(|(all, traits)| all[at] = (traits[at] - mean) * scale);
        }
        all
    }

    pub(super) fn is_sound(&self, arms: usize) -> bool {
        let width = self.width();
        self.0.len() <= arms && width <= MOST && self.0.iter().all(|traits| check(traits, width).is_ok())
    }
}

fn check(traits: &[f64], wanted: usize) -> Result<(), BanditError> {
    if traits.len() != wanted {
        return Err(BanditError::Features { found: traits.len(), wanted });
    }
    match traits.iter().position(|of| of.is_nan() || of.abs() > Contextual::MAX_FEATURE) {
        Some(at) => Err(BanditError::Feature { at, found: traits[at] }),
        None => Ok(()),
    }
}

/// The most traits of an arm.
const MOST: usize = 64;
