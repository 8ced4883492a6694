//! What few profiles have, in a box of its own, so that the many do not pay for it.

use serde::{Deserialize, Serialize};

use super::consent::Consent;
use super::gathered::Gathered;
use super::group::Groups;
use super::latest::Latest;
use super::{Preferences, Shed, Upkeep};
use crate::hash::Symbol;
use crate::time::Timestamp;
use crate::value::Value;

/// What few profiles have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Extra {
    /// What was said about consent.
    pub(crate) consent: Consent,
    /// The newest values of the attributes whose history the schema asks for.
    pub(crate) past: Past,
    /// What is computed from the values of properties.
    pub(crate) gathered: Gathered,
    /// What the person said they like or do not.
    pub(crate) preferences: Preferences,
    /// The groups that the person belongs to.
    pub(crate) groups: Groups,
}

/// The newest different values of some attributes, by the symbols of their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredPast")]
pub(crate) struct Past(Vec<(Symbol, Latest)>);

#[derive(Deserialize)]
struct StoredPast(Vec<(Symbol, Latest)>);

impl Past {
    /// Notes a value that was written. A removal is one too.
    pub(super) fn add(&mut self, name: Symbol, time: Timestamp, value: &Value, limit: usize) {
        let at = match self.0.binary_search_by_key(&name, |(of, _)| *of) {
            Ok(at) => at,
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (name, Latest::default()));
                at
            }
        };
        self.0[at].1.add(time, value, limit);
    }

    pub(crate) fn of(&self, name: Symbol) -> Option<&Latest> {
        let at = self.0.binary_search_by_key(&name, |(of, _)| *of).ok()?;
        Some(&self.0[at].1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Symbol, &Latest)> {
        self.0.iter().map(|(name, latest)| (*name, latest))
    }

    fn merge(&mut self, other: &Self, keep: &Upkeep) {
        for (name, latest) in &other.0 {
            match self.0.binary_search_by_key(name, |(of, _)| *of) {
                // Without a schema at hand nothing of either is dropped but beyond the limit of all.
                Ok(at) => self.0[at].1.merge(latest, keep.past(*name).unwrap_or(Latest::LIMIT)),
                Err(at) => self.0.insert(at, (*name, latest.clone())),
            }
        }
    }

    /// Drops the values that were written last before a time, and gives how many.
    pub(super) fn forget_before(&mut self, time: Timestamp) -> usize {
        let gone = self.0.iter_mut().map(|(_, latest)| latest.forget_before(time)).sum();
        self.0.retain(|(_, latest)| latest.len() > 0);
        gone
    }

    /// Drops the oldest value of the attribute whose past takes the most bytes, ties by the lower symbol.
    fn give_up(&mut self) -> bool {
        let bytes = |at: &usize| (self.0[*at].1.heap_bytes(), std::cmp::Reverse(self.0[*at].0));
        let Some(at) = (0..self.0.len()).max_by_key(bytes) else { return false };
        let left = self.0[at].1.len().saturating_sub(1);
        self.0[at].1.keep(left);
        if left == 0 {
            self.0.remove(at);
        }
        true
    }

    fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(Symbol, Latest)>()
            + self.0.iter().map(|(_, latest)| latest.heap_bytes()).sum::<usize>()
    }
}

impl TryFrom<StoredPast> for Past {
    type Error = &'static str;
    fn try_from(StoredPast(past): StoredPast) -> Result<Self, &'static str> {
        if past.len() > super::Attributes::LIMIT || !past.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Err("the history of attributes out of order");
        }
        Ok(Self(past))
    }
}

impl Extra {
    pub(super) fn merge(&mut self, other: &Self, keep: &Upkeep) {
        self.consent.merge(&other.consent);
        self.past.merge(&other.past, keep);
        self.gathered.merge(&other.gathered);
        self.preferences.merge(&other.preferences);
        self.groups.merge(&other.groups);
    }

    /// Gives up the least of what it holds; `false` if it has nothing to give.
    pub(super) fn give_up(&mut self, shed: &mut Shed) -> bool {
        if self.past.give_up() {
            return true;
        }
        if let Some(left) = self.gathered.leave_largest() {
            shed.gathered.push(left);
            return true;
        }
        if self.preferences.leave_oldest().is_some() {
            shed.affinities = true;
            return true;
        }
        if let Some(kind) = self.groups.leave_oldest() {
            shed.groups.push(kind);
            return true;
        }
        self.consent.give_up()
    }

    pub(super) fn shrink(&mut self) {
        self.past.0.shrink_to_fit();
        self.gathered.shrink();
        self.preferences.shrink();
        self.groups.shrink();
        self.consent.shrink();
    }

    /// The bytes it holds outside itself.
    pub(super) fn heap_bytes(&self) -> usize {
        self.consent.heap_bytes()
            + self.past.heap_bytes()
            + self.gathered.heap_bytes()
            + self.preferences.heap_bytes()
            + self.groups.heap_bytes()
    }
}
