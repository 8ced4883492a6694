//! The compiled definitions, and the two questions they answer: what did this event change, and what to show now.
//!
//! An [`Engine`] is immutable and shared freely. [`Engine::apply`] folds an event into a profile and reports which
//! segments the person entered and left; [`Engine::decide`] answers a request; [`Engine::expose`] and
//! [`Engine::pay`] close the loop. All state stays with the caller: a [`Profile`] and [`OpenDecisions`] for each
//! person, and [`Models`] for everybody. [`Personalizer`](crate::personalizer::Personalizer) holds them for hosts
//! that want one object.
//!
//! Compiling turns every question of the rules about events into a counter, shared by all rules that ask it, and
//! indexes by event kind, and by the value of one tested property, which counters an event can touch. So `apply`
//! costs O(what the event touches), however many rules there are, and allocates nothing in the steady state.

mod apply;
mod asked;
mod causes;
mod check_campaign;
mod check_strategy;
mod compile;
mod computed;
mod consent;
mod cost;
mod decide;
mod definitions;
mod earnings;
mod expire;
mod explain;
mod export;
mod facts;
mod features;
mod filter;
mod fitted;
mod flip;
mod gather;
mod lint;
mod live;
mod models;
mod open;
mod outcome;
mod parts;
mod reach;
mod room;
mod slate;
mod speak;
mod stages;
mod succession;
mod survey;
mod taste;
mod upkeep;

use std::sync::Arc;

use smallvec::SmallVec;

pub use computed::{Compute, Computed};
pub use cost::{Cost, CounterCost, PartCost};
pub use decide::DecideScratch;
pub use definitions::{Definitions, Settings};
pub use expire::{Expired, Retention};
pub use fitted::Fitted;
pub use live::NextChange;
pub use models::{Models, Tally};
pub use open::{Exposure, OpenDecisions, Payment, Payments};
pub(crate) use outcome::visitor;
pub(crate) use slate::sign;
pub(crate) use succession::Births;

use self::features::CompiledFeature;
use crate::campaign::Campaign;
use crate::hash::{Map, Symbol};
use crate::identity;
use crate::profile::{Flip, Flips, Fold, Profile, Upkeep};
use crate::rule::{Answer, Aspect, Compiled, CounterSpec, List, Lists, Unknown};
use crate::schema::Schema;
use crate::segment::Segment;
use crate::time::Timestamp;
use asked::Asked;
use causes::Causes;
use facts::{EventView, Names, ProfileFacts};
use gather::Gathering;
use reach::Reach;
use succession::Before;

/// The compiled definitions.
#[derive(Clone, Debug)]
pub struct Engine {
    identity: identity::Settings,
    settings: Settings,
    schema: Schema,
    listed: Vec<List>,
    /// In an order in which each comes after those it refers to.
    segments: Vec<CompiledSegment>,
    /// The segments by the symbols of their names.
    segment_places: Map<Symbol, u32>,
    /// The segments that an empty profile is in.
    blank: Vec<u32>,
    lists: Lists,
    /// The counters that rules ask for, sorted by id.
    plan: Vec<CounterSpec>,
    reach: Reach,
    causes: Causes,
    upkeep: Upkeep,
    gathering: Gathering,
    /// The names that the definitions speak.
    lexicon: Map<Symbol, Box<str>>,
    names: Names,
    campaigns: Vec<CompiledCampaign>,
    /// Which models they read.
    asked: Asked,
    /// The campaigns by the symbols of their names.
    campaign_places: Map<Symbol, usize>,
    /// The campaigns of each placement, in the order in which they are asked.
    placements: Map<Symbol, (Arc<str>, Vec<usize>)>,
    /// The campaigns whose goals ask for events of a kind.
    goals: Map<Symbol, Vec<usize>>,
    /// Stands for the segments and their order, so that kept memberships are known to be theirs.
    fingerprint: u64,
    /// By counter of the plan: since when it has been kept.
    births: Vec<Timestamp>,
    /// When the engine took the place of another; the earliest time there is if it never did.
    began: Timestamp,
    /// The engines that this one succeeded, the latest first.
    before: Vec<Arc<Before>>,
}

#[derive(Clone, Debug)]
struct CompiledSegment {
    name: Arc<str>,
    definition: Segment,
    rule: Compiled,
    /// Whether an empty profile is in it.
    blank: bool,
    /// Whether those are in it of whom the rule does not tell.
    unknown: Unknown,
}

#[derive(Clone, Debug)]
struct CompiledCampaign {
    name: Arc<str>,
    symbol: Symbol,
    /// The symbols of the variants' names.
    symbols: Vec<Symbol>,
    definition: Campaign,
    audience: Option<Compiled>,
    /// Whether it is for those of whom the audience does not tell.
    unknown: Unknown,
    variants: Vec<Arc<str>>,
    /// What its bandit is told.
    features: Vec<CompiledFeature>,
    goal: Option<CounterSpec>,
}

impl std::ops::Deref for CompiledCampaign {
    type Target = Campaign;
    fn deref(&self) -> &Campaign {
        &self.definition
    }
}

/// What an event changed on a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The event was taken in before; nothing has changed.
    pub repeated: bool,
    /// The segments that the person is in now and was not before.
    pub entered: SmallVec<[Arc<str>; 2]>,
    /// The segments that the person was in before and is not now.
    pub left: SmallVec<[Arc<str>; 2]>,
    /// The attributes that came with a value of another kind than the schema declares, and the purposes of consent that
    /// the settings do not name, by the symbols of their names: they were not taken.
    pub mismatched: SmallVec<[Symbol; 1]>,
    /// The attributes that came with a value larger than an eighth of what a profile may take
    /// ([`Settings::profile_bytes`]), and were not taken.
    pub oversized: SmallVec<[Symbol; 1]>,
    /// The person does not consent to tracking: nothing was kept of the event but what it says about consent.
    pub untracked: bool,
}

impl Engine {
    /// Whether the person is in a segment, by the flips of the profile.
    fn answer(&self, flips: &[Flip], index: u32) -> Answer {
        let blank = self.segments.get(index as usize).is_some_and(|segment| segment.blank);
        flip::answer(flips, index, blank)
    }

    /// Counts an event in the counters that it reaches; whether any of them takes more room now.
    fn count(&self, view: &EventView<'_>, profile: &mut Profile, id: u64, touched: &mut Touched) -> bool {
        let (kind, time) = (view.event().kind.symbol(), view.event().time);
        let mut grew = false;
        self.reach.counters(kind, view, &self.names, &self.plan, &mut |index, step| {
            grew |= self.observe(profile, index, step, (time, id), view);
            touched.extend_from_slice(self.reach.of_planned(index));
        });
        self.gathering.gather(view, &self.names, &mut |id, gather, values| {
            profile.extra.get_or_insert_default().gathered.add(id, gather, view.event().time, values);
            touched.extend_from_slice(self.reach.of_computed(id));
        });
        grew
    }

    /// Notes the segments that an event can have changed otherwise than through counters.
    fn touch(&self, fold: &Fold, profile: &Profile, touched: &mut Touched) {
        for name in &fold.attributes {
            touched.extend_from_slice(self.reach.of_attribute(*name));
        }
        for of in &fold.dimensions {
            self.touch_tastes(profile, self.upkeep.dimensions[usize::from(*of)].code(), touched);
        }
        for (dimension, value) in &fold.left {
            touched.extend_from_slice(self.reach.of_taste(*dimension, *value));
        }
        if let Some(kind) = fold.group {
            touched.extend_from_slice(self.reach.of_group(kind));
        }
        if fold.spent {
            touched.extend_from_slice(self.reach.of_aspect(Aspect::Purchases));
        }
        touched.extend_from_slice(self.reach.of_aspect(Aspect::Session));
    }

    /// Notes the segments that a change of one affinity of a dimension can change: every share and rank is relative to
    /// the others, but a value of which nothing is known has none before and after.
    fn touch_tastes(&self, profile: &Profile, dimension: u32, touched: &mut Touched) {
        touched.extend_from_slice(self.reach.of_whole(dimension));
        for value in profile.tastes(dimension) {
            touched.extend_from_slice(self.reach.of_taste(dimension, value));
        }
    }

    /// Evaluates the touched segments in their order, and those that refer to one that changed. Gives a time before
    /// which none of them changes without an event, and whether any flip is another one now.
    fn settle(
        &self,
        profile: &Profile,
        flips: &mut Flips,
        touched: Touched,
        now: Timestamp,
        changes: &mut Changes,
    ) -> (Timestamp, bool) {
        self.settle_noting(profile, flips, touched, now, |name, is_in| {
            if is_in { &mut changes.entered } else { &mut changes.left }.push(Arc::clone(name));
        })
    }

    /// [`Engine::settle`] that tells `note` of every segment that is entered, or else left.
    fn settle_noting(
        &self,
        profile: &Profile,
        flips: &mut Flips,
        mut touched: Touched,
        now: Timestamp,
        mut note: impl FnMut(&Arc<str>, bool),
    ) -> (Timestamp, bool) {
        touched.sort_unstable();
        touched.dedup();
        let (mut due, mut has_changed) = (Timestamp::MAX, false);
        let mut next = 0;
        while let Some(index) = touched.get(next).copied() {
            next += 1;
            let segment = &self.segments[index as usize];
            let truth = segment.rule.eval(&ProfileFacts { engine: self, profile, flips, now, context: &[] });
            due = due.min(truth.until);
            let Some(before) = flip::set(flips, index, truth.answer, segment.blank) else { continue };
            has_changed = true;
            let (was, is) = (segment.unknown.admits(before), segment.unknown.admits(truth.answer));
            if was != is {
                note(&segment.name, is);
            }
            for referring in self.reach.of_segment(index) {
                // They come later in the order, so they are still ahead.
                if let Err(at) = touched[next..].binary_search(referring) {
                    touched.insert(next + at, *referring);
                }
            }
        }
        (due, has_changed)
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How ids become people, as the definitions say.
    #[must_use]
    pub const fn identity(&self) -> &identity::Settings {
        &self.identity
    }

    /// The names of the segments, each after those it refers to.
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.segments.iter().map(|segment| &segment.name)
    }

    /// A segment as it was defined: its rule says why somebody is in it. Cost: a look at every segment.
    ///
    /// ```
    /// use bespoke::Engine;
    /// let engine = Engine::from_json(r#"{"segments": [{"name": "club", "rule": {"plan": "club"}}]}"#)?;
    /// assert_eq!(engine.segment("club").map(|segment| segment.rule.to_string()), Some("plan = 'club'".to_owned()));
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().map(|segment| &segment.definition).find(|segment| segment.name == name)
    }

    /// The campaigns as they were defined.
    pub fn campaigns(&self) -> impl ExactSizeIterator<Item = &Campaign> {
        self.campaigns.iter().map(|campaign| &campaign.definition)
    }

    /// How many counters the rules ask for, shared ones once: the most that a profile keeps.
    #[must_use]
    pub fn counters(&self) -> usize {
        self.plan.len()
    }

    /// What profiles keep for this engine.
    #[must_use]
    pub const fn upkeep(&self) -> &Upkeep {
        &self.upkeep
    }
}

/// The indexes of segments to settle.
type Touched = SmallVec<[u32; 32]>;

/// A stable number for segments, lists, the counters that these and the audiences ask for, and what else decides
/// how a profile answers.
fn fingerprint(
    segments: &[&Segment],
    lists: &[List],
    plan: &[CounterSpec],
    gathering: &Gathering,
    keep: &Upkeep,
    unknown: Unknown,
) -> u64 {
    let of =
        |segment: &&Segment| [Symbol::new(&segment.name).to_bits(), Symbol::new(&segment.rule.to_string()).to_bits()];
    let including = segments.iter().enumerate().filter(|(_, of)| of.unknown.unwrap_or(unknown) == Unknown::Include);
    let dimensions =
        keep.dimensions.iter().flat_map(|of| [of.attribute.to_bits(), of.half_life.millis().unsigned_abs()]);
    let listed = lists.iter().flat_map(|list| {
        let values = list.values.iter().map(|value| Symbol::new(&value.to_string()).to_bits());
        std::iter::once(Symbol::new(&list.name).to_bits()).chain(values)
    });
    let parts: Vec<u64> = segments
        .iter()
        .flat_map(of)
        .chain(listed)
        .chain(plan.iter().map(|spec| spec.id().to_bits()))
        .chain(gathering.all.iter().flat_map(|of| [of.id.to_bits(), Symbol::new(&of.name).to_bits()]))
        .chain(dimensions)
        .chain(including.map(|(index, _)| index as u64))
        .chain([keep.session_gap.millis().unsigned_abs(), keep.lifecycle.digest(), keep.rfm.digest()])
        .collect();
    // Zero stands for "no engine yet".
    crate::hash::combine(&parts).max(1)
}
