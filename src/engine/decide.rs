//! From a request to a decision.

use std::cmp::Reverse;
use std::sync::Arc;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use super::facts::{ProfileFacts, context};
use super::slate::Slating;
use super::speak::Ground;
use super::{CompiledCampaign, Engine, Models};
use crate::bandit::{Arms, Policy, Turn};
use crate::campaign::{Chooser, HOLDOUT, held_out, place, share, split};
use crate::decision::{Decision, Fallback, Outcome, Part, Propensity, Ranked, Request, Source, Verdict};
use crate::experiment::Place;
use crate::hash::{Symbol, combine};
use crate::id::{DecisionId, UserKey};
use crate::profile::{Mark, Profile};
use crate::recommend::{self, HouseRule, RerankScratch};
use crate::time::Timestamp;
use crate::value::digest;

/// Memory that decisions use again and again, so that they allocate only what leaves in the answer.
#[derive(Debug, Default)]
pub struct DecideScratch {
    pub(super) recommend: recommend::Scratch,
    pub(super) candidates: Vec<recommend::Candidate>,
    pub(super) history: Vec<recommend::Seen>,
    pub(super) marks: Vec<Mark>,
    pub(super) pool: Vec<Symbol>,
    pub(super) ground: Ground,
    /// The weights with which the sources of a blend speak.
    pub(super) voices: Vec<(Source, f32)>,
    /// What they said, by item and then by source.
    pub(super) said: Vec<recommend::Candidate>,
    pub(super) weights: Vec<(Symbol, f64)>,
    /// The items that the slate is about.
    pub(super) about: Vec<Symbol>,
    /// The items that the request gave to choose from, by symbol.
    pub(super) allowed: Vec<Symbol>,
    pub(super) rules: Vec<HouseRule>,
    pub(super) rerank: RerankScratch,
    pub(super) ages: Vec<(Reverse<Timestamp>, Symbol)>,
    /// The candidates that were not chosen.
    pub(super) runners: Vec<recommend::Candidate>,
    /// What was drawn to be tried.
    pub(super) drawn: Vec<(Symbol, Propensity)>,
}

impl Engine {
    /// Answers a request for the person with this profile: the campaign of highest priority that is running and has
    /// the person in its audience, the variant that its chooser picks, and the items that the variant recommends,
    /// with the reasons.
    ///
    /// A person who does not consent to personalisation gets what an unknown one would ([`Decision::impersonal`]).
    ///
    /// Total: a placement that nobody defined, or that no campaign wants, gives an empty answer that says so. A pure
    /// function of its arguments: the chance in it comes from the engine's seed, the user, the placement, the
    /// campaign and the time.
    pub fn decide(
        &self,
        request: &Request,
        profile: &Profile,
        models: &Models,
        now: Timestamp,
        scratch: &mut DecideScratch,
    ) -> Decision {
        let user = request.key();
        self.decide_for(user, request, profile, models, now, scratch)
    }

    /// [`Engine::decide`] for a person whose key is not the one that the request names, such as after ids have been
    /// linked.
    pub fn decide_for(
        &self,
        user: UserKey,
        request: &Request,
        profile: &Profile,
        models: &Models,
        now: Timestamp,
        scratch: &mut DecideScratch,
    ) -> Decision {
        let placement = Symbol::new(&request.placement);
        let known = self.placements.get(&placement);
        // Two carousels of one page may ask at the same time: what they ask about tells them apart.
        let asked = combine(&[digest(&request.context), request.limit.map_or(u64::MAX, |limit| limit as u64)]);
        let mut decision = Decision {
            id: self.decision_id(user, placement, now, Symbol::default(), asked),
            user,
            placement: known.map_or_else(|| Arc::from(request.placement.as_str()), |(name, _)| Arc::clone(name)),
            time: now,
            campaign: None,
            variant: None,
            payload: None,
            slate: Vec::new(),
            propensity: Propensity::CERTAIN,
            features: Vec::new(),
            fallback: Some(Fallback::UnknownPlacement),
            verdicts: Vec::new(),
            impersonal: !self.personalises(profile),
            forced: false,
        };
        let unknown;
        let profile = if decision.impersonal {
            unknown = Profile::default();
            &unknown
        } else {
            profile
        };
        let Some((_, campaigns)) = known else { return decision };
        decision.fallback = Some(Fallback::NoCampaign);
        decision.verdicts.reserve_exact(campaigns.len());
        let context = context(&request.context);
        // A stranger's profile does not say whose it is.
        let stranger = profile.person().is_none().then(|| profile.clone().owned_by(user));
        let profile = stranger.as_ref().unwrap_or(profile);
        let flips = self.flips_at(profile, now);
        let facts = ProfileFacts { engine: self, profile, flips: &flips, now, context: &context };
        for index in campaigns {
            let campaign = &self.campaigns[*index];
            let outcome = match self.hurdle(campaign, &facts) {
                Some(outcome) => outcome,
                None => match &decision.campaign {
                    Some(winner) => Outcome::Outranked { by: Arc::clone(winner) },
                    None => self.fill(campaign, request, &facts, models, scratch, &mut decision),
                },
            };
            decision.verdicts.push(Verdict { campaign: Arc::clone(&campaign.name), outcome });
        }
        if let Some(at) =
            decision.verdicts.iter().position(|verdict| matches!(verdict.outcome, Outcome::Won | Outcome::HeldOut))
        {
            decision.verdicts[..=at].rotate_right(1);
        }
        decision
    }

    /// Why a campaign cannot have the placement, whoever else wants it.
    fn hurdle(&self, campaign: &CompiledCampaign, facts: &ProfileFacts<'_>) -> Option<Outcome> {
        if let Some(closed) = campaign.schedule.closed(facts.now) {
            return Some(closed);
        }
        let fits = campaign.audience.as_ref().is_none_or(|rule| campaign.unknown.admits(rule.eval(facts).answer));
        (!fits).then_some(Outcome::NotInAudience)
    }

    /// Whether some people are kept out of a campaign.
    pub(super) fn holds_out(&self, campaign: &CompiledCampaign) -> bool {
        campaign.holdout > 0.0 || self.settings.holdout > 0.0
    }

    /// Whether a person is kept out of a campaign, and with which probability somebody is.
    fn held_out(&self, campaign: &CompiledCampaign, user: UserKey) -> Option<Propensity> {
        held_out(campaign.symbol, [campaign.holdout, self.settings.holdout], user)
    }

    /// Chooses a variant of a campaign and fills the decision with it, unless it recommends items and has none; or, for
    /// somebody who is held out and would have been shown it, with nothing.
    fn fill(
        &self,
        campaign: &CompiledCampaign,
        request: &Request,
        facts: &ProfileFacts<'_>,
        models: &Models,
        scratch: &mut DecideScratch,
        decision: &mut Decision,
    ) -> Outcome {
        let placement = Symbol::new(&decision.placement);
        let features: Vec<f64> = campaign.features.iter().map(|feature| feature.read(facts)).collect();
        let asked = Turn { eligible: Arms::first(campaign.variants.len()), now: facts.now, features: &features };
        let who = (request, decision.user, placement);
        let Chosen { variant, propensity, forced } = match self.choose(campaign, who, &asked, models) {
            Ok(chosen) => chosen,
            Err(outcome) => return outcome,
        };
        let definition = &campaign.variants[variant];
        let Some(of) = campaign.definition.variants.get(variant) else { return Outcome::NoItems };
        if let Some(strategy) = &of.recommend {
            let limit = request.limit.unwrap_or(strategy.limit).min(strategy.limit);
            let exploring = strategy.explore.as_ref();
            let mut chance =
                exploring.map(|_| self.chance(decision.user, placement, facts.now, campaign.symbol, EXPLORING));
            let rng = chance.as_mut().map(|chance| chance as &mut dyn Rng);
            let earnings = models.earnings(campaign.symbol, campaign.symbols[variant]);
            self.fill_slate(&Slating { strategy, limit, facts, models, earnings }, rng, scratch);
            if scratch.candidates.is_empty() && limit > 0 {
                return Outcome::NoItems;
            }
            decision.slate = ranked(models, scratch);
        }
        let out = if forced { None } else { self.held_out(campaign, decision.user) };
        let asked = decision.id.to_bits();
        decision.id = self.decision_id(decision.user, placement, facts.now, campaign.symbol, asked);
        decision.campaign = Some(Arc::clone(&campaign.name));
        if let Some(propensity) = out {
            decision.slate.clear();
            decision.variant = Some(Arc::from(HOLDOUT));
            decision.propensity = propensity;
            decision.fallback = Some(Fallback::HeldOut);
            return Outcome::HeldOut;
        }
        decision.variant = Some(Arc::clone(definition));
        decision.payload.clone_from(&of.payload);
        decision.propensity = propensity;
        decision.forced = forced;
        decision.features = features;
        decision.fallback = None;
        Outcome::Won
    }

    /// The variant that a campaign's chooser picks, and the probability with which it does.
    fn choose(
        &self,
        campaign: &CompiledCampaign,
        (request, user, placement): (&Request, UserKey, Symbol),
        turn: &Turn<'_>,
        models: &Models,
    ) -> Result<Chosen, Outcome> {
        let chosen = |(variant, propensity)| Chosen { variant, propensity, forced: false };
        match &campaign.chooser {
            Chooser::Fixed(variant) => Ok(chosen((*variant, Propensity::CERTAIN))),
            Chooser::Split(weights) => split(weights, campaign.symbol, user).map(chosen).ok_or(Outcome::NoItems),
            Chooser::Experiment(enrolment) => {
                let place = place(enrolment, request).ok_or(Outcome::NotInExperiment)?;
                let arm = place.arm().ok_or(Outcome::NotInExperiment)?;
                let name = enrolment.arms().arms().get(arm).map(String::as_str);
                let variant = campaign.variants.iter().position(|variant| Some(&**variant) == name);
                let forced = matches!(place, Place::Forced { .. });
                let propensity = if forced { Some(Propensity::CERTAIN) } else { share(enrolment, arm) };
                let (variant, propensity) = variant.zip(propensity).ok_or(Outcome::NotInExperiment)?;
                Ok(Chosen { variant, propensity, forced })
            }
            Chooser::Bandit(_) => {
                let state = models.campaigns.get(&campaign.symbol).filter(|state| campaign.is_adopted_by(state));
                let Some(bandit) = state.and_then(|state| state.bandit.as_ref()) else {
                    // Models that were not adopted do not know these variants: the first is shown.
                    return Ok(chosen((0, Propensity::CERTAIN)));
                };
                let mut chance = self.chance(user, placement, turn.now, campaign.symbol, CHOOSING);
                let choice = bandit.choose(turn, &mut chance).ok().flatten().ok_or(Outcome::NoItems)?;
                Ok(chosen((choice.arm, choice.propensity)))
            }
        }
    }

    /// The generator for one choice: Xoshiro256++ (Blackman and Vigna, 2019), seeded by the hash of what it is for.
    fn chance(
        &self,
        user: UserKey,
        placement: Symbol,
        now: Timestamp,
        campaign: Symbol,
        first: u64,
    ) -> Xoshiro256PlusPlus {
        let mut seed = [0; 32];
        for (i, part) in seed.chunks_exact_mut(8).enumerate() {
            part.copy_from_slice(&self.draw(user, placement, now, campaign, first + i as u64).to_le_bytes());
        }
        Xoshiro256PlusPlus::from_seed(seed)
    }

    fn decision_id(
        &self,
        user: UserKey,
        placement: Symbol,
        now: Timestamp,
        campaign: Symbol,
        asked: u64,
    ) -> DecisionId {
        DecisionId::from_bits(combine(&[self.draw(user, placement, now, campaign, 0), asked]))
    }

    fn draw(&self, user: UserKey, placement: Symbol, now: Timestamp, campaign: Symbol, number: u64) -> u64 {
        let bits = user.to_bits();
        combine(&[
            self.settings.seed,
            (bits >> 64) as u64,
            bits as u64,
            placement.to_bits(),
            now.millis() as u64,
            campaign.to_bits(),
            number,
        ])
    }
}

/// The variant that was chosen.
struct Chosen {
    variant: usize,
    propensity: Propensity,
    /// Whether somebody put the person there, for testing.
    forced: bool,
}

/// The slate in the words of the catalog.
fn ranked(models: &Models, scratch: &DecideScratch) -> Vec<Ranked> {
    let DecideScratch { candidates, drawn, said, voices, .. } = scratch;
    let item = |item: Symbol| models.catalog.slot(item).and_then(|slot| models.catalog.item(slot));
    let drawn = |item| drawn.iter().find(|(of, _)| *of == item).map(|(_, propensity)| *propensity);
    let chance = |item| drawn(item).unwrap_or(Propensity::CERTAIN);
    let part = |of: &recommend::Candidate| {
        let (source, weight) = voices.iter().find(|(source, _)| *source == of.source)?;
        Some(Part { source: *source, weight: f64::from(*weight), score: of.score })
    };
    let parts = |item: Symbol| {
        let from = said.partition_point(|of| of.item < item);
        let of = &said[from..];
        let of = &of[..of.partition_point(|of| of.item == item)];
        // Collecting a box from what may be left out would grow it, then shrink it.
        let mut parts = Vec::with_capacity(of.len());
        parts.extend(of.iter().filter_map(part));
        parts.into_boxed_slice()
    };
    let speak = |candidate: &recommend::Candidate| {
        Some(Ranked {
            item: item(candidate.item)?.id.as_str().into(),
            score: candidate.score,
            source: candidate.source,
            because: candidate.because.and_then(item).map(|item| item.id.as_str().into()),
            contribution: candidate.contribution,
            parts: parts(candidate.item),
            propensity: chance(candidate.item),
        })
    };
    // Collecting would grow step by step, since it cannot know that every candidate speaks.
    let mut slate = Vec::with_capacity(candidates.len());
    slate.extend(candidates.iter().filter_map(speak));
    slate
}

/// The numbers of the draws from which the chance of a choice is seeded, four each; zero is that of the decision's id.
const CHOOSING: u64 = 1;
const EXPLORING: u64 = 5;
