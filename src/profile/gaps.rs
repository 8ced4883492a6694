//! What the counters of a profile cannot know, since they were begun after it.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Which counters that a profile does not have may have missed events, and until when. Most profiles have none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Option<Box<Inner>>", into = "Option<Box<Inner>>")]
pub(crate) struct Gaps(Option<Box<Inner>>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Inner {
    gaps: Vec<Gap>,
}

/// The counters that a profile got with new definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Gap {
    /// The births of the counters that it is about: from here …
    pub(crate) from: Timestamp,
    /// … to here.
    pub(crate) upto: Timestamp,
    /// From when on the history, by which they were filled, held every event.
    pub(crate) history: Timestamp,
    /// From when on every event was counted as it came.
    pub(crate) seen: Timestamp,
}

impl Gap {
    /// From when on a counter of this birth knows everything; `bare` if the history tells it all that it counts.
    pub(crate) fn complete_since(&self, birth: Timestamp, bare: bool) -> Timestamp {
        match (self.from..=self.upto).contains(&birth) {
            true if bare => self.history,
            true => self.seen,
            false => Timestamp::MIN,
        }
    }
}

impl Gaps {
    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Notes the counters that the profile got with new definitions. Beyond the limit the two oldest become one.
    pub(crate) fn add(&mut self, gap: Gap) {
        let inner = self.inner();
        match inner.gaps.iter_mut().find(|known| (known.from, known.upto) == (gap.from, gap.upto)) {
            Some(known) => {
                known.history = known.history.max(gap.history);
                known.seen = known.seen.max(gap.seen);
            }
            None => {
                let at = inner.gaps.partition_point(|known| *known < gap);
                inner.gaps.insert(at, gap);
            }
        }
        while inner.gaps.len() > MOST {
            let first = inner.gaps.remove(0);
            let Some(second) = inner.gaps.first_mut() else { break };
            second.from = second.from.min(first.from);
            second.upto = second.upto.max(first.upto);
            second.history = second.history.max(first.history);
            second.seen = second.seen.max(first.seen);
        }
    }

    /// From when on a counter of this birth, which the profile does not have, is known to have nothing to count.
    pub(crate) fn complete_since(&self, birth: Timestamp, bare: bool) -> Timestamp {
        let Some(inner) = &self.0 else { return Timestamp::MIN };
        let gaps = inner.gaps.iter().map(|gap| gap.complete_since(birth, bare));
        gaps.max().unwrap_or(Timestamp::MIN)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let Some(theirs) = &other.0 else { return };
        theirs.gaps.iter().for_each(|gap| self.add(*gap));
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |inner| size_of::<Inner>() + inner.gaps.capacity() * size_of::<Gap>())
    }

    fn inner(&mut self) -> &mut Inner {
        self.0.get_or_insert_with(|| Box::new(Inner { gaps: Vec::new() }))
    }
}

impl TryFrom<Option<Box<Inner>>> for Gaps {
    type Error = &'static str;
    fn try_from(inner: Option<Box<Inner>>) -> Result<Self, &'static str> {
        match inner {
            Some(inner) if inner.gaps.len() > MOST || !inner.gaps.is_sorted() => Err("gaps out of order"),
            inner => Ok(Self(inner)),
        }
    }
}

impl From<Gaps> for Option<Box<Inner>> {
    fn from(gaps: Gaps) -> Self {
        gaps.0
    }
}

/// How many changes of definitions are told apart.
const MOST: usize = 16;

impl Gaps {
    /// The most bytes that they take outside themselves.
    pub(super) const WORST_BYTES: usize = size_of::<Inner>() + MOST * size_of::<Gap>();
}
