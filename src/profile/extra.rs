//! What few profiles have, in a box of its own, so that the many do not pay for it.

use serde::{Deserialize, Serialize};

use super::Upkeep;
use super::consent::Consent;
use super::latest::Latest;
use crate::hash::Symbol;
use crate::time::Timestamp;
use crate::value::Value;

/// What few profiles have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Extra {
    /// What was said about consent.
    pub(super) consent: Consent,
    /// The newest values of the attributes whose history the schema asks for.
    pub(super) past: Past,
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

    fn merge(&mut self, other: &Self, keep: &Upkeep) {
        for (name, latest) in &other.0 {
            match self.0.binary_search_by_key(name, |(of, _)| *of) {
                // Without a schema at hand nothing of either is dropped but beyond the limit of all.
                Ok(at) => self.0[at].1.merge(latest, keep.past(*name).unwrap_or(Latest::LIMIT)),
                Err(at) => self.0.insert(at, (*name, latest.clone())),
            }
        }
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
    }

    /// The bytes it holds outside itself.
    pub(super) fn heap_bytes(&self) -> usize {
        self.consent.heap_bytes() + self.past.heap_bytes()
    }
}
