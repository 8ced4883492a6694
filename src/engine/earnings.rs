//! Weights of a blend that follow what its sources earn.
//!
//! What is clicked tells of two things: of the item, and of its position. In the position-based model (Craswell, Zoeter,
//! Taylor and Ramsey, "An experimental comparison of click position-bias models", WSDM 2008) somebody looks at position
//! `k` with probability `p_k` and, having looked, takes the item with a probability of its own, so that dividing by
//! `p_k` leaves the item's part (the propensity of Joachims, Swaminathan and Schnabel, "Unbiased learning-to-rank with
//! biased feedback", WSDM 2017, with their `p_k = (k + 1)^-bias`). With `x_s` for the share of its vote that source s
//! gave to an item, what an item earns is taken for the sum of what the sources' votes earn, `Σ_s θ_s x_s`. Then
//!
//! ```text
//! seen_s   = Σ_exposures Σ_k  p_k x_s(k)                        what was looked at of the votes of s
//! earned_s = Σ_payments  w_s x_s / Σ_t w_t x_t                  of the item that was paid, at the weights that put it there
//! θ_s      ≈ earned_s / seen_s                                  click-through per vote
//! ```
//!
//! which is a step of expectation and maximisation for Poisson rates (Shepp and Vardi, 1982), taken once per payment at
//! the weights of its decision; the weights are moved to where it leads, so that the next step begins there. Taking
//! payments over what was looked at, instead of `1 / p_k` for each, is the same estimate without the variance of rare
//! payments far down; `p_k` is at least 1/20 ([`LEAST_LOOK`]), so that no payment counts for more than twenty at the top.
//!
//! Against the definition's own weights `v_s`, with `r = Σ earned / Σ v seen`, source s is expected to have earned
//! `r v_s seen_s`; its lift is the mean of the posterior of a Poisson rate whose Gamma prior says that the definition is
//! right and is worth [`PRIOR`] payments, kept between 1/8 and 8 ([`MOST_LIFT`]):
//!
//! ```text
//! w_s = v_s · clamp( (PRIOR + earned_s) / (PRIOR + r v_s seen_s) )
//! ```
//!
//! So a source is never silenced, and what it earns next is still seen. All sums are exact, so neither the order of
//! exposures and payments nor the cut into shards shows, given the decisions. They have no half-life.
//!
//! Cost: a decision keeps four bytes for each item and source while it is open; an exposure costs O(items · sources).

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Engine, Models};
use crate::campaign::Weighted;
use crate::decision::{Decision, Source};
use crate::hash::Symbol;
use crate::sketch::ExactSum;

/// What the sources of a blend have earned, in the order of the sources: a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Earnings(Vec<Earned>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Earned {
    source: Source,
    /// What was looked at of its votes.
    seen: ExactSum,
    /// Its part of what was paid.
    earned: ExactSum,
}

/// What the sources of a blend said for the items of a decision, as long as it is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spoken {
    /// The sources, in order, with their weights in millionths.
    voices: Box<[(Source, u64)]>,
    /// For each item each source's share of its vote, in millionths.
    shares: Box<[u32]>,
}

impl Spoken {
    /// What stands in a decision; `None` if no blend spoke.
    fn of(decision: &Decision) -> Option<Box<Self>> {
        let mut voices: SmallVec<[(Source, f64); 16]> = SmallVec::new();
        for part in decision.slate.iter().flat_map(|ranked| &ranked.parts) {
            if let Err(at) = voices.binary_search_by_key(&part.source, |(source, _)| *source) {
                voices.insert(at, (part.source, part.weight));
            }
        }
        if voices.is_empty() {
            return None;
        }
        let share = |(source, weight): &(Source, f64), parts: &[crate::decision::Part]| {
            let part = parts.iter().find(|part| part.source == *source);
            // A cast from `f64` saturates, and takes what is not a number for zero.
            part.map_or(0, |part| libm::round(part.score / weight * UNITS) as u32)
        };
        let shares = decision.slate.iter().flat_map(|ranked| voices.iter().map(|voice| share(voice, &ranked.parts)));
        let shares = shares.collect();
        let weigh = |(source, weight): &(Source, f64)| (*source, libm::round(weight * UNITS) as u64);
        Some(Box::new(Self { voices: voices.iter().map(weigh).collect(), shares }))
    }

    /// Whether it is about so many items, as a stored one must be.
    pub(super) fn is_sound(&self, items: usize) -> bool {
        let fits = items.checked_mul(self.voices.len()) == Some(self.shares.len());
        fits && !self.voices.is_empty() && self.voices.windows(2).all(|pair| pair[0].0 < pair[1].0)
    }

    /// What each source's votes came to, by how likely each position is looked at.
    fn looked_at(&self, bias: f64) -> SmallVec<[(Source, f64); 16]> {
        let mut seen: SmallVec<[(Source, f64); 16]> = self.voices.iter().map(|(source, _)| (*source, 0.0)).collect();
        for (position, shares) in self.shares.chunks_exact(self.voices.len().max(1)).enumerate() {
            let look = look(position, bias);
            seen.iter_mut().zip(shares).for_each(|((_, seen), share)| *seen += look * f64::from(*share) / UNITS);
        }
        seen
    }

    /// How a payment for the items at these positions is divided among the sources that put them there.
    pub(super) fn divide(&self, positions: &[usize]) -> Divided {
        let mut parts: Divided = self.voices.iter().map(|(source, _)| (*source, 0.0)).collect();
        for position in positions {
            let from = position * self.voices.len();
            let shares = self.shares.get(from..from + self.voices.len()).unwrap_or_default();
            let amount = |((_, weight), share): (&(Source, u64), &u32)| *weight as f64 * f64::from(*share);
            let total: f64 = self.voices.iter().zip(shares).map(amount).sum();
            if total > 0.0 {
                let each = self.voices.iter().zip(shares).map(amount);
                let whole = positions.len() as f64;
                parts.iter_mut().zip(each).for_each(|((_, part), amount)| *part += amount / total / whole);
            }
        }
        parts
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.voices) + size_of_val(&*self.shares)
    }
}

/// How one payment is divided.
pub(super) type Divided = SmallVec<[(Source, f64); 4]>;

impl Earnings {
    fn of(&mut self, source: Source) -> &mut Earned {
        let at = match self.0.binary_search_by_key(&source, |earned| earned.source) {
            Ok(at) => at,
            Err(at) => {
                let fresh = Earned { source, seen: ExactSum::default(), earned: ExactSum::default() };
                self.0.insert(at, fresh);
                at
            }
        };
        &mut self.0[at]
    }

    /// Notes that what the sources said was shown.
    pub(super) fn expose(&mut self, spoken: &Spoken, bias: f64) {
        for (source, seen) in spoken.looked_at(bias) {
            self.of(source).seen.add(seen);
        }
    }

    /// Notes that a shown decision was paid.
    pub(super) fn pay(&mut self, divided: &Divided) {
        for (source, part) in divided {
            self.of(*source).earned.add(*part);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for theirs in &other.0 {
            let ours = self.of(theirs.source);
            ours.seen.merge(theirs.seen);
            ours.earned.merge(theirs.earned);
        }
    }

    /// The weights of a blend, in its order, given what its sources have earned.
    pub(super) fn weigh(&self, blend: &Weighted, mut each: impl FnMut(Source, f64)) {
        let of = |source: Source| {
            let at = self.0.binary_search_by_key(&source, |earned| earned.source).ok();
            at.map_or((0.0, 0.0), |at| (self.0[at].seen.value().max(0.0), self.0[at].earned.value().max(0.0)))
        };
        let (mut seen, mut earned) = (0.0, 0.0);
        for (source, weight) in &blend.sources {
            let (looked_at, paid) = of(*source);
            seen += weight * looked_at;
            earned += paid;
        }
        let rate = if seen > 0.0 { earned / seen } else { 0.0 };
        for (source, weight) in &blend.sources {
            let (looked_at, paid) = of(*source);
            let lift = (PRIOR + paid) / (PRIOR + rate * weight * looked_at);
            each(*source, weight * if lift.is_finite() { lift.clamp(1.0 / MOST_LIFT, MOST_LIFT) } else { 1.0 });
        }
    }
}

impl Models {
    /// What the sources of a variant's blend have earned.
    pub(super) fn earnings(&self, campaign: Symbol, variant: Symbol) -> Option<&Earnings> {
        let state = self.campaigns.get(&campaign)?;
        state.variants.iter().find(|of| of.name == variant).map(|of| &of.earnings)
    }

    pub(super) fn earnings_mut(&mut self, campaign: Symbol, variant: Symbol) -> Option<&mut Earnings> {
        let state = self.campaigns.get_mut(&campaign)?;
        state.variants.iter_mut().find(|of| of.name == variant).map(|of| &mut of.earnings)
    }
}

impl Engine {
    /// The weights with which the sources of a variant's blend speak: those of its definition, or, if it learns, where
    /// these have been moved by what the sources earned. Empty if there is no such blend.
    ///
    /// A weight lies between an eighth of the definition's and eight times that; ten payments' worth of the definition
    /// is held against what was seen. A source is credited with its part of each item that is shown, by how likely its
    /// position is looked at ([`Settings::position_bias`](super::Settings::position_bias)), and of each item that is
    /// paid by the campaign's goal: the position-based model of Craswell et al. (WSDM 2008).
    ///
    /// ```
    /// use bespoke::{Engine, Source};
    /// let engine = Engine::from_json(r#"{"placements": ["home"], "campaigns": [{"name": "for you", "placement": "home",
    ///     "goal": {"event": "item_viewed", "within": "1h", "items": "recommended"},
    ///     "recommend": {"blend": {"related": 1, "popular": 0.5, "learn": true}}
    /// }]}"#)?;
    /// let weights = engine.blend_weights("for you", "default", &engine.models());
    /// assert_eq!(weights, [(Source::Related, 1.0), (Source::Popular, 0.5)]);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn blend_weights(&self, campaign: &str, variant: &str, models: &Models) -> Vec<(Source, f64)> {
        let (campaign, variant) = (Symbol::new(campaign), Symbol::new(variant));
        let mut weights = Vec::new();
        let Some(blend) = self.blend(campaign, variant) else { return weights };
        let none = Earnings::default();
        let earnings = models.earnings(campaign, variant).filter(|_| blend.learn).unwrap_or(&none);
        earnings.weigh(blend, |source, weight| weights.push((source, weight)));
        weights
    }

    /// The blend of a variant.
    fn blend(&self, campaign: Symbol, variant: Symbol) -> Option<&Weighted> {
        let campaign = &self.campaigns[*self.campaign_places.get(&campaign)?];
        let at = campaign.symbols.iter().position(|symbol| *symbol == variant)?;
        campaign.definition.variants[at].recommend.as_ref()?.blend.as_ref()
    }

    /// What is needed of a decision for its blend to learn, if it does.
    pub(super) fn spoken(&self, decision: &Decision, campaign: Symbol, variant: Symbol) -> Option<Box<Spoken>> {
        self.blend(campaign, variant).filter(|blend| blend.learn)?;
        Spoken::of(decision)
    }
}

/// The probability that somebody looks at a position, the first being zero.
fn look(position: usize, bias: f64) -> f64 {
    libm::pow((position + 1) as f64, -bias).max(LEAST_LOOK)
}

/// No position is taken to be looked at more rarely.
const LEAST_LOOK: f64 = 0.05;
/// How many payments the definition's weights are worth.
const PRIOR: f64 = 10.0;
/// How far a weight can move from the definition's, up or down.
const MOST_LIFT: f64 = 8.0;
const UNITS: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;

    const BLEND: [(Source, f64); 2] = [(Source::Related, 1.0), (Source::Popular, 1.0)];

    fn spoken(shares: &[[u32; 2]]) -> Spoken {
        let voices = [(Source::Related, 1_000_000), (Source::Popular, 3_000_000)];
        Spoken { voices: voices.into(), shares: shares.as_flattened().into() }
    }

    /// In thousandths, so that they can be compared.
    fn weights(earnings: &Earnings) -> [u32; 2] {
        let (mut found, mut at) = ([0; 2], 0);
        earnings.weigh(&Weighted { sources: BLEND.to_vec(), learn: true }, |_, weight| {
            found[at] = libm::round(weight * 1e3) as u32;
            at += 1;
        });
        found
    }

    /// By hand: of the first item the sources have 0.5 and 0.1 of their votes, of the second 0.2 and 0.4; the second
    /// position is looked at half as often.
    #[test]
    fn credit_follows_contributions_and_attention() {
        let spoken = spoken(&[[500_000, 100_000], [200_000, 400_000]]);
        let seen = spoken.looked_at(1.0);
        assert!((seen[0].1 - 0.6).abs() < 1e-12 && (seen[1].1 - 0.3).abs() < 1e-12, "{seen:?}");
        // At their weights they add 0.5 and 0.3 to the first, 0.2 and 1.2 to the second.
        let first = spoken.divide(&[0]);
        assert!((first[0].1 - 0.625).abs() < 1e-12 && (first[1].1 - 0.375).abs() < 1e-12, "{first:?}");
        let both = spoken.divide(&[0, 1]);
        assert!((both[0].1 - (0.625 + 0.2 / 1.4) / 2.0).abs() < 1e-12, "{both:?}");
        assert!((both[0].1 + both[1].1 - 1.0).abs() < 1e-12);
        assert!(spoken.divide(&[7]).iter().all(|(_, part)| *part == 0.0), "no such position");
    }

    /// Both were looked at alike; the one earned 30 of 40. The rate is 40 / 200 a vote, so each was expected to earn 20:
    /// (10 + 30) / (10 + 20) and (10 + 10) / (10 + 20).
    #[test]
    fn weights_are_shrunk_towards_the_definition() {
        let mut earnings = Earnings::default();
        assert_eq!(weights(&earnings), [1000, 1000]);
        for _ in 0..100 {
            earnings.expose(&spoken(&[[1_000_000, 1_000_000]]), 1.0);
        }
        assert_eq!(weights(&earnings), [1000, 1000], "nothing was paid: nothing is known");
        for turn in 0..40 {
            let by = if turn % 4 == 0 { Source::Popular } else { Source::Related };
            earnings.pay(&Divided::from_slice(&[(by, 1.0)]));
        }
        assert_eq!(weights(&earnings), [1333, 667]);
    }

    #[test]
    fn weights_move_no_further_than_eightfold() {
        let mut earnings = Earnings::default();
        for _ in 0..10_000 {
            earnings.expose(&spoken(&[[1_000, 1_000_000]]), 0.0);
            earnings.pay(&Divided::from_slice(&[(Source::Related, 1.0)]));
        }
        assert_eq!(weights(&earnings), [8000, 125]);
    }

    #[test]
    fn shards_add_up_in_any_order() {
        let (a, b) = (spoken(&[[500_000, 0], [0, 300_000]]), spoken(&[[0, 1_000_000], [250_000, 0]]));
        let turn = |earnings: &mut Earnings, of: &Spoken, position| {
            earnings.expose(of, 1.0);
            earnings.pay(&of.divide(&[position]));
        };
        let (mut whole, mut one, mut other) = (Earnings::default(), Earnings::default(), Earnings::default());
        for at in 0..10 {
            turn(&mut whole, if at % 3 == 0 { &a } else { &b }, at % 2);
        }
        for at in (0..10).rev() {
            turn(if at < 5 { &mut one } else { &mut other }, if at % 3 == 0 { &a } else { &b }, at % 2);
        }
        let mut merged = one.clone();
        merged.merge(&other);
        other.merge(&one);
        assert!(merged == whole && other == whole);
    }
}
