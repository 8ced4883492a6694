//! What many people did with items, as models that are fitted in one go read it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Seen, counts};
use crate::hash::{Map, Symbol};
use crate::linalg::Sparse;
use crate::time::Timestamp;

/// The events of many people, in any order, from which models are fitted.
///
/// Whose an event is, is said by any symbol: a user's, a session's, a basket's. Events that say nothing, by a weight
/// that is not finite or not above zero, are left out and [counted](Self::ignored).
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Log, Seen, SeenKind};
/// use bespoke::time::Timestamp;
/// let seen = |item| Seen { item: Symbol::new(item), time: Timestamp::EPOCH, weight: 1.0, kind: SeenKind::Viewed };
/// let mut log = Log::default();
/// log.push(Symbol::new("ann"), seen("tent"));
/// log.push(Symbol::new("bob"), Seen { weight: f32::NAN, ..seen("stove") });
/// assert_eq!((log.len(), log.ignored()), (1, 1));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Log {
    events: Vec<(Symbol, Seen)>,
    ignored: u64,
}

impl Log {
    /// Adds an event.
    pub fn push(&mut self, whose: Symbol, seen: Seen) {
        if counts(seen.weight) {
            self.events.push((whose, seen));
        } else {
            self.ignored += 1;
        }
    }

    /// The events that count, in the order in which they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Symbol, Seen)> {
        self.events.iter().copied()
    }

    /// How many events count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether no event counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// How many events were left out.
    #[must_use]
    pub const fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Parts the events in two: `keep` says what stays, and the rest is given back.
    #[must_use]
    pub fn split(&mut self, keep: impl Fn(Symbol, &Seen) -> bool) -> Self {
        let (kept, rest) = std::mem::take(&mut self.events).into_iter().partition(|(whose, seen)| keep(*whose, seen));
        self.events = kept;
        Self { events: rest, ignored: 0 }
    }

    /// Who had what, each pair once at its latest: the order of arrival shows nowhere.
    pub(super) fn matrix(&self) -> Matrix {
        let mut items: Vec<Symbol> = self.events.iter().map(|(_, seen)| seen.item).collect();
        items.sort_unstable();
        items.dedup();
        // Items fit a `u32`, or the events would not fit in memory.
        let index: Map<Symbol, u32> = items.iter().enumerate().map(|(at, item)| (*item, at as u32)).collect();
        let pair = |(whose, seen): &(Symbol, Seen)| Some((*whose, *index.get(&seen.item)?, Reverse(seen.time)));
        let mut pairs: Vec<_> = self.events.iter().filter_map(pair).collect();
        pairs.sort_unstable();
        pairs.dedup_by_key(|(whose, item, _)| (*whose, *item));
        let (mut rows, mut times) = (Sparse::new(items.len()), Vec::with_capacity(pairs.len()));
        for of in pairs.chunk_by(|a, b| a.0 == b.0) {
            rows.push_row(of.iter().map(|(_, item, _)| *item));
            times.extend(of.iter().map(|(_, _, Reverse(time))| *time));
        }
        Matrix { items, rows, times }
    }

    /// How many people there are.
    #[must_use]
    pub fn people(&self) -> usize {
        self.events.iter().map(|(whose, _)| *whose).collect::<BTreeSet<_>>().len()
    }
}

/// Who had what: a row for each person, in the order of their symbols, and a column for each item, in that of its.
pub(super) struct Matrix {
    pub(super) items: Vec<Symbol>,
    pub(super) rows: Sparse,
    /// When each person had each item last, in the order of the rows.
    pub(super) times: Vec<Timestamp>,
}
