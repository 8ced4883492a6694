//! Streams a log through a personalizer: predict, compare, take in.

use std::collections::HashSet;

use bespoke::catalog::Item;
use bespoke::decision::Request;
use bespoke::event::{Event, EventKind};
use bespoke::hash::Symbol;
use bespoke::id::UserKey;
use bespoke::personalizer::Personalizer;
use bespoke::profile::weight_of;
use bespoke::time::Timestamp;

use crate::definitions::{ANYTHING, Asked, UNSEEN};
use crate::input::{Faults, Log};
use crate::measure::Times;
use crate::options::Options;
use crate::progress::Progress;
use crate::score::Score;

/// A personalizer, and what a replay has measured of it.
pub(crate) struct Replay<'a> {
    pub(crate) personalizer: Personalizer,
    asked: &'a Asked,
    k: usize,
    from: Timestamp,
    /// Whether the catalog grows with the log.
    grows: bool,
    /// Of whom there has been an event.
    met: HashSet<UserKey>,
    /// Who has had to do with which item.
    pairs: HashSet<(UserKey, Symbol)>,
    /// Events with items by somebody met before, and how many of these were about an item that the person had seen.
    returns: (usize, usize),
    pub(crate) score: Score,
    pub(crate) decide: Times,
    pub(crate) ingest: Times,
    /// Events that changed the state, and those that were delivered twice.
    pub(crate) applied: usize,
    pub(crate) repeated: usize,
    /// Events about an item that the given catalog does not have.
    pub(crate) unlisted: usize,
    /// Events that were not taken in.
    pub(crate) refused: Faults,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(personalizer: Personalizer, asked: &'a Asked, options: &Options) -> Self {
        Self {
            personalizer,
            asked,
            k: options.k,
            from: options.from,
            grows: options.catalog.is_none(),
            met: HashSet::new(),
            pairs: HashSet::new(),
            returns: (0, 0),
            score: Score::default(),
            decide: Times::default(),
            ingest: Times::default(),
            applied: 0,
            repeated: 0,
            unlisted: 0,
            refused: Faults::default(),
        }
    }

    /// Takes in a whole log, with or without predictions.
    pub(crate) fn run(&mut self, log: &Log, predicts: bool) {
        let mut progress = Progress::new(if predicts { "replay" } else { "warm" }, log.len());
        for (index, event) in log.events().enumerate() {
            self.step(&event, predicts && event.time >= self.from, index);
            progress.step();
        }
        progress.finish();
    }

    /// Whether the events so far go back to what was seen so seldom that it should not be shown again: fewer than 1
    /// in 100, once there are 100 to judge by.
    pub(crate) fn forbids_repeats(&self) -> bool {
        let (all, back) = self.returns;
        all >= 100 && back * 100 < all
    }

    fn step(&mut self, event: &Event, predicts: bool, index: usize) {
        // Only what shows interest in an item is worth predicting: not a page, a search, a removal from the cart.
        let is_target = !event.items.is_empty() && weight_of(&event.kind) > 0.0;
        if let Some(user) = event.key().map(|id| self.personalizer.resolve(id)) {
            let is_known = self.met.contains(&user);
            let is_back = is_target && self.note(user, event);
            if is_target && is_known {
                if predicts {
                    self.predict(event, is_back);
                }
                self.returns.0 += 1;
                self.returns.1 += usize::from(is_back);
            }
        }
        self.add_items(event);
        let personalizer = &self.personalizer;
        match self.ingest.measure(|| personalizer.ingest(event, event.time)) {
            Ok(ingested) => {
                self.repeated += usize::from(ingested.repeated);
                self.applied += usize::from(!ingested.repeated);
                self.met.extend(ingested.user);
            }
            Err(error) => self.refused.add(index + 1, error),
        }
    }

    /// Notes which items the person has had to do with, and says whether one of these is not new to them.
    fn note(&mut self, user: UserKey, event: &Event) -> bool {
        let pairs = &mut self.pairs;
        // All are noted, not only those before the first that is back.
        event.items.iter().filter(|item| !pairs.insert((user, Symbol::new(&item.id)))).count() > 0
    }

    /// Asks for the person's next items, as a host does that is about to show a page, and compares.
    fn predict(&mut self, event: &Event, is_back: bool) {
        let placement = match self.asked {
            Asked::Always(name) => name,
            Asked::Auto if self.forbids_repeats() => UNSEEN,
            Asked::Auto => ANYTHING,
        };
        let mut request = Request::new(placement);
        request.user.clone_from(&event.user);
        request.anonymous.clone_from(&event.anonymous);
        request.limit = Some(self.k);
        let personalizer = &self.personalizer;
        let decision = self.decide.measure(|| personalizer.decide(&request, event.time));
        let is_listed = |id: &str| personalizer.with_models(|models| models.catalog.get(id).is_some());
        self.score.unknown += usize::from(!event.items.iter().any(|item| is_listed(&item.id)));
        self.score.repeats += usize::from(is_back);
        self.score.add(&decision, event);
    }

    /// Without a catalog, an item is known by its id from its first event on, which itself cannot be predicted.
    fn add_items(&mut self, event: &Event) {
        if event.kind == EventKind::Exposed {
            return;
        }
        for item in &event.items {
            if self.personalizer.with_models(|models| models.catalog.get(&item.id).is_some()) {
                continue;
            }
            self.unlisted += 1;
            if self.grows {
                // An id that no catalog takes makes an event that is refused, and counted, in a moment.
                let _ = self.personalizer.upsert_item(Item::new(item.id.as_str()));
            }
        }
    }
}
