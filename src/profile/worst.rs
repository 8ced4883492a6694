//! The most bytes that each part of a profile takes, if nothing had to give way for another.

use super::consent::Consent;
use super::extra::Extra;
use super::gaps::Gaps;
use super::gathered::{Gather, Gathered};
use super::group::Groups;
use super::latest::Latest;
use super::session::Touches;
use super::{Attribute, Attributes, MAX_CURRENCIES, Preference, Preferences, Profile, Sessions, Spent, Upkeep};
use crate::hash::Symbol;
use crate::time::Timestamp;
use crate::value::Value;

impl Profile {
    /// The bytes that a profile takes and never gives up: itself, and its memberships in so many segments at worst.
    pub(crate) const fn fixed_bytes(segments: usize) -> usize {
        // At most two bits for each segment, a byte for the parameter, and one that was begun.
        size_of::<Self>() + segments.div_ceil(4) + 2
    }

    /// The most bytes of each part but counters, history and affinities, by its name. The counters, sums and times of
    /// computed attributes are counters.
    pub(crate) fn worst_parts(
        keep: &Upkeep,
        gathers: impl Iterator<Item = Gather>,
        purposes: usize,
    ) -> [(&'static str, usize); 9] {
        let largest = keep.largest();
        let past = keep.keeping.values().map(|keeping| Latest::worst_bytes(keeping.history.into(), largest));
        let groups = if keep.groups.is_empty() { Groups::LIMIT } else { keep.groups.len().min(Groups::LIMIT) };
        let preferences = if keep.dimensions.is_empty() { 0 } else { Preferences::LIMIT };
        [
            ("attributes", Attributes::LIMIT * (size_of::<Attribute>() + largest)),
            ("past values of attributes", past.sum()),
            ("computed attributes", gathers.map(Gathered::worst_bytes).sum()),
            ("groups", groups * Groups::WORST_BYTES),
            ("stated preferences", preferences * size_of::<Preference>()),
            ("consent", purposes * Consent::LIMIT * Consent::SLOT_BYTES),
            ("purchases", MAX_CURRENCIES * size_of::<Spent>()),
            ("first and last touch", Touches::worst_bytes()),
            (
                "what holds these, older sessions, and what newer rules have missed",
                size_of::<Extra>() + size_of::<Sessions>() + Gaps::WORST_BYTES,
            ),
        ]
    }
}

impl Latest {
    /// The most bytes of so many values, each of which holds so many; zero for none.
    const fn worst_bytes(values: usize, largest: usize) -> usize {
        let slot = size_of::<Value>() + size_of::<Timestamp>() + largest;
        if values == 0 { 0 } else { size_of::<(Symbol, Self)>() + values * slot }
    }
}
