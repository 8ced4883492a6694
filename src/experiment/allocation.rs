//! Which share of the units each arm gets, as ranges of buckets, and how that changes with as few moves as possible.
//!
//! A unit's bucket is a point in [0, 1) that never moves; an arm owns ranges of it. Where shares change, what an arm
//! loses goes to those that gain before anything free does, so that the share of units whose arm changes is the least
//! there can be: the larger of all that is lost and all that is gained. An arm that only grows keeps everybody it has.
//! Looking up costs one hash and `O(ranges)`; a change costs `O(ranges²)`, of which every change adds at most a few.
//!
//! An allocation whose arms are experiments is an **exclusion group**: no unit is in two of them.

use serde::{Deserialize, Serialize};

use super::{BucketHash, BucketRange};

/// The arms of an experiment with the units that each gets.
///
/// ```
/// use bespoke::experiment::Allocation;
/// let first = Allocation::new("new-page", &[("old", 0.1), ("new", 0.1)])?; // a tenth each, the others in neither
/// let wider = first.reshaped(&[("old", 0.5), ("new", 0.5)])?;
/// let moves = first.moves(&wider);
/// assert!((moves.share - 0.8).abs() < 1e-12); // all of them into the experiment, and nobody from arm to arm
/// assert!(moves.between.iter().all(|of| of.from.is_none()));
/// assert_eq!(first.arm("ann"), first.arm("ann"));
/// # Ok::<(), bespoke::experiment::AllocationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Allocation {
    salt: String,
    hash: BucketHash,
    arms: Vec<String>,
    /// In rising order, none empty, none over another.
    slots: Vec<Slot>,
}

/// A range of buckets that belongs to an arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Slot {
    arm: usize,
    low: f64,
    high: f64,
}

/// Whose arm changes between two allocations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moves {
    /// The share of all units whose arm changes, those that come in or drop out included.
    pub share: f64,
    /// From which arm to which.
    pub between: Vec<Move>,
}

/// The units that go one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The arm that they had; none of units that were in no arm.
    pub from: Option<String>,
    /// The arm that they get.
    pub to: Option<String>,
    /// Their share of all units.
    pub share: f64,
}

/// Why an allocation cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AllocationError {
    /// A name or a salt is empty or too long.
    #[error("`{at}` has {bytes} bytes; it has from 1 to 512")]
    Text {
        /// What it is.
        at: &'static str,
        /// How long it is.
        bytes: usize,
    },
    /// Too few or too many arms.
    #[error("an allocation has from 1 to 1000 arms, but {found} were given")]
    Arms {
        /// How many there are.
        found: usize,
    },
    /// Two arms have one name.
    #[error("two arms are called `{name}`; give each a name of its own")]
    Twice {
        /// The name.
        name: String,
    },
    /// A share is out of range.
    #[error("the share of `{name}` is {found}, but must be from 0 to 1")]
    Share {
        /// Whose share.
        name: String,
        /// The share found.
        found: f64,
    },
    /// The shares are more than there is.
    #[error("the shares add up to {found}; all together are at most 1")]
    Total {
        /// What they add up to.
        found: f64,
    },
    /// A range of buckets is no range, or overlaps another.
    #[error("the range {low} to {high} of `{name}` is not within 0 and 1, or overlaps one before it")]
    Range {
        /// Whose range.
        name: String,
        /// Its lower end.
        low: f64,
        /// Its upper end.
        high: f64,
    },
    /// A name is none of the arms.
    #[error("there is no arm `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A budget of change allows nothing.
    #[error("the budget is {found}, but must be above 0 and at most 1")]
    Budget {
        /// The budget found.
        found: f64,
    },
    /// The steps of a ramp do not rise.
    #[error("a step of the ramp is {found}; there are from 1 to 1000, which rise from above 0 to at most 1")]
    Step {
        /// The step.
        found: f64,
    },
    /// Two steps of one assignment have the same salt, so that one would choose for the other.
    #[error("`{salt}` salts two steps of the assignment; give each a salt of its own")]
    SameSalt {
        /// The salt.
        salt: String,
    },
    /// More units are forced than a list should hold.
    #[error("{found} units are forced into arms; at most 10000 can be, since that is for testing")]
    Forced {
        /// How many there are.
        found: usize,
    },
}

impl Allocation {
    /// Arms with their shares of all units, by MurmurHash3. What the shares leave over is in no arm.
    ///
    /// # Errors
    /// [`AllocationError`] unless there are from 1 to 1,000 arms of different names, with shares from 0 to 1 that add up
    /// to at most 1, and a salt of 1 to 512 bytes.
    pub fn new(salt: &str, shares: &[(&str, f64)]) -> Result<Self, AllocationError> {
        check_text("salt", salt)?;
        let empty = Self { salt: salt.to_owned(), hash: BucketHash::Murmur, arms: Vec::new(), slots: Vec::new() };
        empty.reshaped(shares)
    }

    /// Arms with their ranges, for agreement with another system ([`BucketRange::of`] cuts as GrowthBook does).
    ///
    /// # Errors
    /// As [`Allocation::new`], and [`AllocationError::Range`] for ranges that overlap or are none. An arm may have
    /// several.
    pub fn of_ranges(salt: &str, hash: BucketHash, ranges: &[(&str, BucketRange)]) -> Result<Self, AllocationError> {
        check_text("salt", salt)?;
        let mut arms: Vec<String> = Vec::new();
        let mut slots = Vec::new();
        for (name, BucketRange { low, high }) in ranges {
            check_text("arm", name)?;
            let arm = arms.iter().position(|arm| arm == name).unwrap_or_else(|| {
                arms.push((*name).to_owned());
                arms.len() - 1
            });
            slots.push(Slot { arm, low: *low, high: *high });
        }
        Self { salt: salt.to_owned(), hash, arms, slots }.checked()
    }

    /// The arm of a unit; none for units that are in no arm.
    #[must_use]
    pub fn arm(&self, unit: &str) -> Option<usize> {
        let bucket = self.hash.bucket(&self.salt, unit);
        self.slots.iter().find(|slot| bucket >= slot.low && bucket < slot.high).map(|slot| slot.arm)
    }

    /// The names of the arms.
    #[must_use]
    pub fn arms(&self) -> &[String] {
        &self.arms
    }

    /// What buckets are salted with.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The share of all units that an arm gets; 0 of one there is not.
    #[must_use]
    pub fn share(&self, arm: usize) -> f64 {
        self.slots.iter().filter(|slot| slot.arm == arm).map(Slot::width).sum()
    }

    /// Other shares, with as few moves as possible. Arms are known by their names: new ones come in, and those that are
    /// not named are gone.
    ///
    /// # Errors
    /// As [`Allocation::new`].
    pub fn reshaped(&self, shares: &[(&str, f64)]) -> Result<Self, AllocationError> {
        if !(1..=ARMS).contains(&shares.len()) {
            return Err(AllocationError::Arms { found: shares.len() });
        }
        for (at, (name, share)) in shares.iter().enumerate() {
            check_text("arm", name)?;
            if shares[..at].iter().any(|(other, _)| other == name) {
                return Err(AllocationError::Twice { name: (*name).to_owned() });
            }
            if !(0.0..=1.0).contains(share) {
                return Err(AllocationError::Share { name: (*name).to_owned(), found: *share });
            }
        }
        let total: f64 = shares.iter().map(|(_, share)| share).sum();
        if total > 1.0 + SLIVER {
            return Err(AllocationError::Total { found: total });
        }
        let mut kept: Vec<Slot> = Vec::new();
        let mut free: Vec<(f64, f64)> = Vec::new();
        for slot in &self.slots {
            match shares.iter().position(|(name, _)| *name == self.arms[slot.arm]) {
                Some(arm) => kept.push(Slot { arm, ..*slot }),
                None => free.push((slot.low, slot.high)),
            }
        }
        for (arm, (_, share)) in shares.iter().enumerate() {
            let have: f64 = kept.iter().filter(|slot| slot.arm == arm).map(Slot::width).sum();
            let mut excess = have - share;
            // From the end, so that a ramp down undoes a ramp up.
            for slot in kept.iter_mut().rev().filter(|slot| slot.arm == arm) {
                if excess <= SLIVER {
                    break;
                }
                let cut = (slot.high - excess).max(slot.low);
                excess -= slot.high - cut;
                free.push((cut, slot.high));
                slot.high = cut;
            }
        }
        kept.retain(|slot| slot.width() > 0.0);
        // What somebody had goes first: those units move anyway.
        let nobody = self.gaps();
        for pool in [&mut free, &mut nobody.clone()] {
            pool.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (arm, (_, share)) in shares.iter().enumerate() {
                let have: f64 = kept.iter().filter(|slot| slot.arm == arm).map(Slot::width).sum();
                grow(&mut kept, pool, arm, share - have);
            }
        }
        let arms = shares.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self { salt: self.salt.clone(), hash: self.hash, arms, slots: kept }.checked()
    }

    /// Whose arm changes from this allocation to another. Under another salt or hash a unit's two arms have nothing to
    /// do with each other, and shares are those that chance gives.
    #[must_use]
    pub fn moves(&self, next: &Self) -> Moves {
        let name = |of: &Self, arm: Option<usize>| arm.map(|arm| of.arms[arm].clone());
        let mut between: Vec<Move> = Vec::new();
        let mut add = |from: Option<String>, to: Option<String>, share: f64| {
            if from == to || share <= SLIVER {
                return;
            }
            match between.iter_mut().find(|of| of.from == from && of.to == to) {
                Some(of) => of.share += share,
                None => between.push(Move { from, to, share }),
            }
        };
        let (ours, theirs) = (self.whole(), next.whole());
        if (&self.salt, self.hash) == (&next.salt, next.hash) {
            for (from, low, high) in &ours {
                for (to, other_low, other_high) in &theirs {
                    add(name(self, *from), name(next, *to), high.min(*other_high) - low.max(*other_low));
                }
            }
        } else {
            for (from, low, high) in &ours {
                for (to, other_low, other_high) in &theirs {
                    add(name(self, *from), name(next, *to), (high - low) * (other_high - other_low));
                }
            }
        }
        Moves { share: between.iter().map(|of| of.share).sum(), between }
    }

    /// The next step towards other shares that changes the arm of at most a share of all units: all shares go the same
    /// part of their way. Arms that are not named go down to nothing.
    ///
    /// # Errors
    /// As [`Allocation::reshaped`], and [`AllocationError::Budget`].
    ///
    /// ```
    /// use bespoke::experiment::Allocation;
    /// let now = Allocation::new("new-page", &[("old", 1.0), ("new", 0.0)])?;
    /// let next = now.toward(&[("old", 0.5), ("new", 0.5)], 0.1)?;
    /// assert!((next.share(1) - 0.1).abs() < 1e-12 && (now.moves(&next).share - 0.1).abs() < 1e-12);
    /// # Ok::<(), bespoke::experiment::AllocationError>(())
    /// ```
    pub fn toward(&self, shares: &[(&str, f64)], budget: f64) -> Result<Self, AllocationError> {
        if !(budget > 0.0 && budget <= 1.0) {
            return Err(AllocationError::Budget { found: budget });
        }
        let target = self.reshaped(shares)?;
        let moved = self.moves(&target).share;
        if moved <= budget + SLIVER {
            return Ok(target);
        }
        let part = budget / moved;
        let now = |name: &str| self.arms.iter().position(|arm| arm == name).map_or(0.0, |arm| self.share(arm));
        let leaving = self.arms.iter().filter(|arm| !shares.iter().any(|(name, _)| name == arm));
        let all = shares.iter().copied().chain(leaving.map(|arm| (arm.as_str(), 0.0)));
        let step: Vec<(&str, f64)> = all.map(|(name, share)| (name, now(name) + part * (share - now(name)))).collect();
        self.reshaped(&step)
    }

    /// All of [0, 1) in order, with the arm of each piece.
    fn whole(&self) -> Vec<(Option<usize>, f64, f64)> {
        let owned = self.slots.iter().map(|slot| (Some(slot.arm), slot.low, slot.high));
        let mut whole: Vec<_> = owned.chain(self.gaps().into_iter().map(|(low, high)| (None, low, high))).collect();
        whole.sort_by(|a, b| a.1.total_cmp(&b.1));
        whole
    }

    /// What belongs to no arm.
    fn gaps(&self) -> Vec<(f64, f64)> {
        let mut gaps = Vec::new();
        let mut upto = 0.0;
        for slot in &self.slots {
            gaps.push((upto, slot.low));
            upto = slot.high;
        }
        gaps.push((upto, 1.0));
        gaps.retain(|(low, high)| high > low);
        gaps
    }

    /// With its slots in order, and those that touch put together.
    fn checked(mut self) -> Result<Self, AllocationError> {
        if !(1..=ARMS).contains(&self.arms.len()) {
            return Err(AllocationError::Arms { found: self.arms.len() });
        }
        self.slots.sort_by(|a, b| a.low.total_cmp(&b.low));
        let mut slots: Vec<Slot> = Vec::new();
        for slot in self.slots {
            let from = slots.last().map_or(0.0, |last| last.high);
            if !(slot.low >= from && slot.high >= slot.low && slot.high <= 1.0) {
                let name = self.arms.get(slot.arm).cloned().unwrap_or_default();
                return Err(AllocationError::Range { name, low: slot.low, high: slot.high });
            }
            match slots.last_mut() {
                Some(last) if last.arm == slot.arm && slot.low <= last.high => last.high = slot.high,
                _ if slot.high > slot.low => slots.push(slot),
                _ => {}
            }
        }
        self.slots = slots;
        Ok(self)
    }
}

impl Slot {
    fn width(&self) -> f64 {
        self.high - self.low
    }
}

/// Gives an arm so much of what is free: first what follows its own ranges, then from the start.
fn grow(kept: &mut Vec<Slot>, free: &mut Vec<(f64, f64)>, arm: usize, mut needed: f64) {
    let end = kept.iter().filter(|slot| slot.arm == arm).map(|slot| slot.high).fold(0.0, f64::max);
    while needed > SLIVER && !free.is_empty() {
        let at = free.iter().position(|(low, _)| *low >= end).unwrap_or(0);
        let (low, high) = free[at];
        let cut = (low + needed).min(high);
        // The rest of a whole piece is no sliver.
        let cut = if high - cut <= SLIVER { high } else { cut };
        kept.push(Slot { arm, low, high: cut });
        needed -= cut - low;
        free[at].0 = cut;
        if cut >= high {
            free.remove(at);
        }
    }
}

pub(super) fn check_text(at: &'static str, text: &str) -> Result<(), AllocationError> {
    if (1..=512).contains(&text.len()) { Ok(()) } else { Err(AllocationError::Text { at, bytes: text.len() }) }
}

/// The stored form: the ranges of each arm.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    salt: String,
    #[serde(default = "murmur")]
    hash: BucketHash,
    arms: Vec<StoredArm>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredArm {
    name: String,
    ranges: Vec<BucketRange>,
}

impl TryFrom<Stored> for Allocation {
    type Error = AllocationError;
    fn try_from(stored: Stored) -> Result<Self, AllocationError> {
        check_text("salt", &stored.salt)?;
        let mut arms: Vec<String> = Vec::new();
        let mut slots = Vec::new();
        for (arm, of) in stored.arms.into_iter().enumerate() {
            check_text("arm", &of.name)?;
            if arms.contains(&of.name) {
                return Err(AllocationError::Twice { name: of.name });
            }
            arms.push(of.name);
            slots.extend(of.ranges.iter().map(|range| Slot { arm, low: range.low, high: range.high }));
        }
        Self { salt: stored.salt, hash: stored.hash, arms, slots }.checked()
    }
}

impl From<Allocation> for Stored {
    fn from(of: Allocation) -> Self {
        let range = |slot: &Slot| BucketRange { low: slot.low, high: slot.high };
        let ranges = |arm: usize| of.slots.iter().filter(|slot| slot.arm == arm).map(range).collect();
        let arms = of.arms.iter().enumerate();
        let arms = arms.map(|(arm, name)| StoredArm { name: name.clone(), ranges: ranges(arm) }).collect();
        Self { salt: of.salt.clone(), hash: of.hash, arms }
    }
}

const fn murmur() -> BucketHash {
    BucketHash::Murmur
}

/// The most arms.
const ARMS: usize = 1_000;
/// Shares below this are rounding: far less than one of all people.
const SLIVER: f64 = 1e-13;

#[cfg(test)]
#[path = "allocation_tests.rs"]
mod tests;
