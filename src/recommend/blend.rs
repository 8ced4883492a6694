//! Mixes what several recommenders propose into one ranking.
//!
//! Scores of different recommenders have different scales, so each voice says how its scores are to be read
//! ([`Scale`]). An item's score is the weighted sum of what the voices say for it, which is to say that it is made of
//! true contributions: [`Blend::parts`] tells them. Cost: that of the voices, and O(v·p) for v voices with p proposals
//! each, of which each makes twenty more than are asked for.

use super::scratch::{Cell, Ranked};
use super::{Candidate, Query, Recommender, Repeat, Scratch, Source, counts};
use crate::hash::Symbol;

/// One of the recommenders that a [`Blend`] listens to.
#[derive(Clone, Copy)]
pub struct Voice<'a> {
    /// Who proposes.
    pub from: &'a dyn Recommender,
    /// How much its proposals count. A voice whose weight is not finite, or not above zero, is not asked.
    pub weight: f32,
    /// How its scores are read.
    pub scale: Scale,
}

/// How the scores of a [`Voice`] are made comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A score counts as its share of the sum over all that the voice proposes: the voice has one vote, and splits it.
    Share,
    /// A score counts as its share of the voice's best.
    Best,
    /// A score counts as it is: right for probabilities.
    Plain,
}

/// Recommenders that speak at the same time; each item scores the weighted sum of what they say for it.
///
/// An item's source and reason are those of its greatest contribution; equal scores go to the lower symbol. It
/// allocates nothing once the scratch has grown.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Blend, Popular, Query, Recent, Recommender, Repeat, Scale, Scratch, Seen, SeenKind, Source, Voice};
/// use bespoke::time::Timestamp;
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let (hat, shoe) = (Symbol::new("hat"), Symbol::new("shoe"));
/// let (recent, mut popular) = (Recent::default(), Popular::default());
/// popular.learn(hat, 3.0, now);
/// popular.learn(shoe, 1.0, now);
/// let voices = [
///     Voice { from: &recent, weight: 1.0, scale: Scale::Share },
///     Voice { from: &popular, weight: 1.0, scale: Scale::Share },
/// ];
/// let saw_shoe = [Seen { item: shoe, time: now, weight: 1.0, kind: SeenKind::Viewed }];
/// let query = Query { history: &saw_shoe, now, limit: 5, accept: &|_| true, pool: None };
/// let (blend, mut scratch, mut slate) = (Blend::new(&voices), Scratch::default(), Vec::new());
/// blend.rank(&query, &mut scratch, &mut slate);
/// // All of one vote and a quarter of the other.
/// assert_eq!((slate[0].item, slate[0].source), (shoe, Source::Recent));
/// let parts = blend.parts(shoe, &query, &mut scratch);
/// assert!((parts[0].score - 1.0).abs() < 0.001 && (parts[1].score - 0.25).abs() < 0.001);
/// ```
#[derive(Clone, Copy)]
pub struct Blend<'a> {
    voices: &'a [Voice<'a>],
    repeat: Repeat,
}

impl<'a> Blend<'a> {
    /// Listens to these; in which order shows only in the last bit of a sum, and in who is named where two
    /// contribute the same.
    #[must_use]
    pub const fn new(voices: &'a [Voice<'a>]) -> Self {
        Self { voices, repeat: Repeat::Allow(1.0) }
    }

    /// Says what becomes of the items of the history, which are ranked as any other unless told. A factor that is not
    /// finite, or below zero, is one.
    #[must_use]
    pub const fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// What each voice says for an item, in the order of the voices. The sum is its score in a slate that the same query
    /// fills from nothing. It is empty for an item that no voice proposes.
    #[must_use]
    pub fn parts(&self, item: Symbol, query: &Query<'_>, scratch: &mut Scratch) -> Vec<Candidate> {
        let mut proposals = scratch.proposals.pop().unwrap_or_default();
        self.ask(query, scratch, &[], &mut proposals);
        let parts = proposals.iter().filter(|proposal| proposal.item == item).copied().collect();
        scratch.proposals.push(proposals);
        parts
    }

    /// Fills the slate as [`Recommender::rank`] does, and leaves in `said` what the voices said for the items that they
    /// propose, of which more than fit the slate: each voice's score, weighted and scaled, under its source. For each
    /// item of the slate they add up to its score. `said` is cleared first.
    pub fn speak(
        &self,
        query: &Query<'_>,
        scratch: &mut Scratch,
        slate: &mut Vec<Candidate>,
        said: &mut Vec<Candidate>,
    ) {
        said.clear();
        if slate.len() >= query.limit {
            return;
        }
        self.ask(query, scratch, slate, said);
        // All of these were accepted, and are from the pool.
        let accepted = Query { accept: &|_| true, pool: None, ..*query };
        if let Some(mut ranked) = Ranked::begin(scratch, &accepted, slate) {
            for (index, proposal) in said.iter().enumerate() {
                ranked.add(proposal.item, proposal.score, index);
            }
            let reason = |index: usize| {
                let Some(of) = said.get(index) else { return (Source::Related, None, 0.0) };
                (of.source, of.because, if of.score > 0.0 { of.contribution / of.score } else { 0.0 })
            };
            ranked.finish(Cell::by_score, reason, slate);
        }
    }

    /// Collects what the voices propose, scores weighted and on one scale.
    fn ask(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &[Candidate], proposals: &mut Vec<Candidate>) {
        let has = |slate: &[Candidate], item| slate.iter().any(|candidate| candidate.item == item);
        let is_seen = |item| query.history.iter().any(|seen| seen.item == item);
        let forbids = self.repeat == Repeat::Forbid;
        let accept = |item| !(has(slate, item) || forbids && is_seen(item)) && (query.accept)(item);
        let repeats = match self.repeat {
            Repeat::Allow(factor) if factor.is_finite() && factor >= 0.0 => f64::from(factor),
            _ => 1.0,
        };
        let differ = (repeats - 1.0).abs() > 0.0;
        let room = query.limit.saturating_sub(slate.len());
        proposals.clear();
        for voice in self.voices.iter().filter(|voice| counts(voice.weight)) {
            let start = proposals.len();
            // What the voices before said is not in this one's way.
            let mut own = scratch.proposals.pop().unwrap_or_default();
            own.clear();
            let asked = Query { limit: room.saturating_add(MORE), accept: &accept, ..*query };
            voice.from.rank(&asked, scratch, &mut own);
            proposals.extend_from_slice(&own);
            scratch.proposals.push(own);
            let own = &mut proposals[start..];
            let whole = match voice.scale {
                Scale::Share => own.iter().map(|proposal| proposal.score).sum(),
                Scale::Best => own.iter().map(|proposal| proposal.score).fold(0.0, f64::max),
                Scale::Plain => 1.0,
            };
            // Nothing that has a share of nothing, or of more than there are numbers for, says anything.
            let factor = if whole > 0.0 { f64::from(voice.weight) / whole } else { 0.0 };
            for proposal in own {
                let repeat = if differ && is_seen(proposal.item) { repeats } else { 1.0 };
                proposal.score = (proposal.score * factor * repeat).min(f64::MAX);
                proposal.contribution = (proposal.contribution * factor * repeat).min(f64::MAX);
            }
        }
        if let (Repeat::First, Some(last)) = (self.repeat, latest(query)) {
            // More than all others together.
            let total: f64 = proposals.iter().map(|proposal| proposal.score).sum();
            let score = (1.0 + total).min(f64::MAX);
            if accept(last) {
                proposals.push(Candidate {
                    item: last,
                    score,
                    source: Source::Recent,
                    because: Some(last),
                    contribution: score,
                });
            }
        }
    }
}

impl Recommender for Blend<'_> {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let mut proposals = scratch.proposals.pop().unwrap_or_default();
        self.speak(query, scratch, slate, &mut proposals);
        scratch.proposals.push(proposals);
    }
}

/// The item that was seen last.
fn latest(query: &Query<'_>) -> Option<Symbol> {
    query.history.iter().rev().find(|seen| counts(seen.weight)).map(|seen| seen.item)
}

/// How many more proposals a voice makes than are wanted, so that what is good on the whole is found though no voice
/// has it among its best. On clicks, of which twenty were wanted, twice and five times as many were equally good.
const MORE: usize = 20;
