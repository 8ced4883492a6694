//! What is held back of a log, and who is asked about it.

use super::{Model, ModelSettings, Split, TuneSettings};
use crate::hash::{Bucket, Symbol};
use crate::linalg::for_each;
use crate::recommend::settings::RecommendError;
use crate::recommend::{Chain, Log, PopularSettings, Query, Recommender, Scratch, Seen};
use crate::time::Timestamp;

/// Some people, with what they had and what they had next.
pub(super) struct Sample {
    /// What models are fitted to.
    pub(super) kept: Log,
    pub(super) split: Split,
    /// Whether events differ in time.
    pub(super) has_times: bool,
    people: Vec<Person>,
    /// Fills slates where a model knows too little.
    popular: Model,
    k: usize,
    /// The worth of each place of a slate.
    gains: Vec<f64>,
}

struct Person {
    /// By time.
    history: Vec<Seen>,
    /// Its items, in rising order.
    own: Vec<Symbol>,
    /// What they had next and not before, in rising order.
    wanted: Vec<Symbol>,
}

impl Sample {
    pub(super) fn new(log: &Log, settings: TuneSettings) -> Result<Self, RecommendError> {
        let k = settings.k as usize;
        let mut times: Vec<Timestamp> = log.iter().map(|(_, seen)| seen.time).collect();
        times.sort_unstable();
        let has_times = times.first() != times.last();
        let mut split = Split::Hash;
        let (mut kept, mut people) = (Log::default(), Vec::new());
        if has_times {
            let cut = times[times.len() - times.len() / HELD];
            (kept, people) = part(log, settings, |_, seen| seen.time < cut);
            split = Split::Time(cut);
        }
        // Of sessions that come and go hardly any has events on both sides.
        if people.len() < (settings.people as usize).min(log.people() / ENOUGH).max(1) {
            let salt = |whose: Symbol| Symbol::from_bits(whose.to_bits() ^ settings.seed);
            (kept, people) = part(log, settings, |whose, seen| {
                Bucket::salted(salt(whose), &seen.item.to_bits().to_le_bytes()).point() >= 1.0 / HELD as f64
            });
            split = Split::Hash;
        }
        let popular = ModelSettings::Popular(PopularSettings::default()).fit(&kept, 1)?;
        // No slate is longer than there are items.
        let gains = (0..k.min(log.len())).map(|place| 1.0 / libm::log2(place as f64 + 2.0)).collect();
        Ok(Self { kept, split, has_times, people, popular, k, gains })
    }

    pub(super) fn len(&self) -> usize {
        self.people.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// How good a model's slate is for each person: NDCG@k.
    pub(super) fn score(&self, model: &Model, threads: usize) -> Vec<f64> {
        let mut scores = vec![0.0; self.people.len()];
        for_each(self.people.chunks(SOME).zip(scores.chunks_mut(SOME)), threads, |(people, scores)| {
            let (mut scratch, mut slate) = (Scratch::default(), Vec::new());
            for (person, score) in people.iter().zip(scores) {
                let accept = |item: Symbol| person.own.binary_search(&item).is_err();
                let now = person.history.last().map_or(Timestamp::EPOCH, |seen| seen.time);
                let query = Query { history: &person.history, now, limit: self.k, accept: &accept, pool: None };
                slate.clear();
                Chain(&[model, &self.popular]).rank(&query, &mut scratch, &mut slate);
                let of = slate.iter().zip(&self.gains);
                let found = of.filter(|(candidate, _)| person.wanted.binary_search(&candidate.item).is_ok());
                let ideal: f64 = self.gains.iter().take(person.wanted.len()).sum();
                *score = found.map(|(_, gain)| gain).sum::<f64>() / ideal;
            }
        });
        scores
    }
}

/// Parts a log in two, and picks people who have something new in the second part.
fn part(log: &Log, settings: TuneSettings, keep: impl Fn(Symbol, &Seen) -> bool) -> (Log, Vec<Person>) {
    let mut kept = log.clone();
    let held = kept.split(keep);
    let of = |log: &Log| {
        let mut events: Vec<(Symbol, Seen)> = log.iter().collect();
        events.sort_unstable_by(|(a, x), (b, y)| {
            let order = a.cmp(b).then(x.time.cmp(&y.time)).then(x.item.cmp(&y.item));
            order.then(x.weight.total_cmp(&y.weight))
        });
        events
    };
    let (before, after) = (of(&kept), of(&held));
    let mut before = before.chunk_by(|a, b| a.0 == b.0).peekable();
    let mut people = Vec::new();
    for next in after.chunk_by(|a, b| a.0 == b.0) {
        let whose = next[0].0;
        while before.next_if(|events| events[0].0 < whose).is_some() {}
        let Some(events) = before.next_if(|events| events[0].0 == whose) else { continue };
        let history: Vec<Seen> = events.iter().map(|(_, seen)| *seen).collect();
        let own = items(&history);
        let mut wanted = items(&next.iter().map(|(_, seen)| *seen).collect::<Vec<_>>());
        wanted.retain(|item| own.binary_search(item).is_err());
        if !wanted.is_empty() {
            let place = Bucket::salted(Symbol::from_bits(!settings.seed), &whose.to_bits().to_le_bytes()).point();
            people.push((place, whose, Person { history, own, wanted }));
        }
    }
    people.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    people.truncate(settings.people as usize);
    (kept, people.into_iter().map(|(_, _, person)| person).collect())
}

fn items(events: &[Seen]) -> Vec<Symbol> {
    let mut items: Vec<Symbol> = events.iter().map(|seen| seen.item).collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// One part in so many is held back.
const HELD: usize = 5;
/// One person in so many at least has to have events on both sides of a time, or it is not by time that a log is parted.
const ENOUGH: usize = 20;
/// So many people are asked about by one thread at a time.
const SOME: usize = 32;
