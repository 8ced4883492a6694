//! Decisions that await their exposure and their reward.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::earnings::{Divided, Spoken};
use super::facts::{EventView, Shown};
use super::{Changes, Engine};
use crate::catalog::Catalog;
use crate::decision::Decision;
use crate::event::Event;
use crate::hash::Symbol;
use crate::id::{DecisionId, UserKey};
use crate::profile::Profile;
use crate::time::{Span, Timestamp};

/// A decision that was handed out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    /// When it was made.
    time: Timestamp,
    id: DecisionId,
    pub(super) campaign: Symbol,
    pub(super) variant: Symbol,
    /// When it was shown.
    exposed: Option<Timestamp>,
    /// Whether a goal has paid for it.
    paid: bool,
    /// What the bandit was told that chose it.
    pub(super) features: Box<[f64]>,
    /// The items it recommended.
    items: Box<[Symbol]>,
    /// What the sources of its blend said for them, if the blend learns.
    pub(super) spoken: Option<Box<Spoken>>,
}

/// The newest decisions of one person that await exposure or reward: a state that lies beside the profile.
///
/// At most [`OpenDecisions::LIMIT`] are kept; beyond that the oldest leaves, and later exposures and rewards for it
/// are refused as unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Open>")]
pub struct OpenDecisions(Vec<Open>);

/// A decision that a goal pays.
pub(super) struct Paid {
    pub(super) id: DecisionId,
    pub(super) variant: Symbol,
    /// When it was shown.
    pub(super) shown: Timestamp,
    pub(super) features: Box<[f64]>,
}

/// What an exposure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Exposure {
    /// It counts.
    Counted,
    /// The decision was shown before; nothing has changed.
    Repeated,
    /// No decision with this id is open for this person: it was never made, was for somebody else, or has left.
    Unknown,
    /// The exposure lies before the decision, or more than a day after it.
    Expired,
}

impl OpenDecisions {
    /// The most decisions that are kept for a person.
    pub const LIMIT: usize = 16;
    /// For how long after a decision an exposure counts.
    pub const LIFETIME: Span = Span::hours(24);

    /// Keeps what is needed of a decision of an engine's. One that no campaign won needs none of this, and one that was
    /// forced is not counted.
    pub fn keep(&mut self, decision: &Decision, engine: &Engine) {
        if decision.forced {
            return;
        }
        let (Some(campaign), Some(variant)) = (&decision.campaign, &decision.variant) else { return };
        let at = match self.0.binary_search_by_key(&(decision.time, decision.id), |open| (open.time, open.id)) {
            // The same request at the same time has the same answer.
            Ok(_) => return,
            Err(at) => at,
        };
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact((self.0.len() / 2).max(1));
        }
        let (campaign, variant) = (Symbol::new(campaign), Symbol::new(variant));
        let open = Open {
            time: decision.time,
            id: decision.id,
            campaign,
            variant,
            exposed: None,
            paid: false,
            features: decision.features.as_slice().into(),
            items: decision.slate.iter().map(|ranked| Symbol::new(&ranked.item)).collect(),
            spoken: engine.spoken(decision, campaign, variant),
        };
        self.0.insert(at, open);
        self.evict();
    }

    fn evict(&mut self) {
        let over = self.0.len().saturating_sub(Self::LIMIT);
        self.0.drain(..over);
    }

    /// The campaign and the variant of a decision.
    pub(super) fn shown(&self, id: DecisionId) -> Option<(Symbol, Symbol)> {
        self.0.iter().find(|open| open.id == id).map(|open| (open.campaign, open.variant))
    }

    /// Notes that a decision was shown.
    pub(super) fn expose(&mut self, id: DecisionId, time: Timestamp) -> (Exposure, Option<&Open>) {
        let Some(open) = self.0.iter_mut().find(|open| open.id == id) else { return (Exposure::Unknown, None) };
        if open.exposed.is_some() {
            return (Exposure::Repeated, None);
        }
        // Clocks of browsers and servers differ by a little.
        if time + crate::event::SKEW < open.time || time > open.time + Self::LIFETIME {
            return (Exposure::Expired, None);
        }
        open.exposed = Some(time);
        (Exposure::Counted, Some(open))
    }

    /// The latest exposure of a campaign up to a time and within a window before it (and with one of these items, if
    /// they are asked for, and of this id if one is meant), unless it has been paid; it counts as paid from now on.
    pub(super) fn pay(
        &mut self,
        campaign: Symbol,
        time: Timestamp,
        within: Span,
        items: Option<&[Symbol]>,
        meant: Option<DecisionId>,
    ) -> Option<Paid> {
        let fits = |open: &&mut Open| {
            let in_time = open.exposed.is_some_and(|exposed| exposed <= time && time.since(exposed) <= within);
            let about = items.is_none_or(|items| items.iter().any(|item| open.items.contains(item)));
            open.campaign == campaign && in_time && about && meant.is_none_or(|id| id == open.id)
        };
        let latest = self.0.iter_mut().filter(fits).max_by_key(|open| (open.exposed, open.id))?;
        if std::mem::replace(&mut latest.paid, true) {
            return None;
        }
        let features = latest.features.clone();
        Some(Paid { id: latest.id, variant: latest.variant, shown: latest.exposed?, features })
    }

    /// How a payment of a decision for these items is divided among the sources of its blend, if that learns.
    pub(super) fn divide(&self, id: DecisionId, items: &[Symbol]) -> Option<Divided> {
        let open = self.0.iter().find(|open| open.id == id)?;
        let spoken = open.spoken.as_ref()?;
        let paid = open.items.iter().enumerate().filter(|(_, item)| items.contains(item));
        let positions: SmallVec<[usize; 4]> = paid.map(|(position, _)| position).collect();
        Some(spoken.divide(&positions))
    }

    /// Takes in the open decisions of another fragment of the same person. A decision that both know was shown if
    /// either saw it shown, and paid if either saw it paid.
    pub fn merge(&mut self, other: &Self) {
        for theirs in &other.0 {
            match self.0.binary_search_by_key(&(theirs.time, theirs.id), |open| (open.time, open.id)) {
                Ok(at) => {
                    let ours = &mut self.0[at];
                    ours.exposed = [ours.exposed, theirs.exposed].into_iter().flatten().min();
                    ours.paid |= theirs.paid;
                }
                Err(at) => self.0.insert(at, theirs.clone()),
            }
        }
        self.evict();
    }

    /// Takes over what another one knows of decisions that are here too.
    pub(crate) fn follow(&mut self, other: &Self) {
        for ours in &mut self.0 {
            if let Ok(at) = other.0.binary_search_by_key(&(ours.time, ours.id), |open| (open.time, open.id)) {
                (ours.exposed, ours.paid) = (other.0[at].exposed, other.0[at].paid);
            }
        }
    }

    /// When the newest of them was made.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.0.last().map(|open| open.time)
    }

    /// How many decisions are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes on the heap, without the allocator's overhead.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let of = |open: &Open| {
            8 * (open.items.len() + open.features.len()) + open.spoken.as_ref().map_or(0, |spoken| spoken.heap_bytes())
        };
        self.0.capacity() * size_of::<Open>() + self.0.iter().map(of).sum::<usize>()
    }
}

impl Engine {
    /// [`Engine::apply`] for a person whose key is not the one that the event names, such as after ids have been
    /// linked, and whose open decisions tell what an event that names one of them has shown: its `campaign`,
    /// `variant` and `placement` are then known as if they were properties of the event.
    pub fn apply_for(
        &self,
        user: UserKey,
        event: &Event,
        open: &OpenDecisions,
        profile: &mut Profile,
        catalog: &Catalog,
        now: Timestamp,
    ) -> Changes {
        let view = EventView::new(event, catalog).showing(self.shown(event, open));
        self.apply_view(&view, Some(user), profile, now)
    }

    /// What the decision that an event names has shown, if it is open.
    pub(super) fn shown(&self, event: &Event, open: &OpenDecisions) -> Option<Shown<'_>> {
        let (campaign, variant) = open.shown(event.decision?)?;
        let campaign = &self.campaigns[*self.campaign_places.get(&campaign)?];
        let variant = campaign.symbols.iter().position(|symbol| *symbol == variant)?;
        Some(Shown { campaign: &campaign.name, variant: &campaign.variants[variant], placement: &campaign.placement })
    }
}

impl TryFrom<Vec<Open>> for OpenDecisions {
    type Error = &'static str;
    fn try_from(open: Vec<Open>) -> Result<Self, &'static str> {
        let key = |open: &Open| (open.time, open.id);
        if open.len() > Self::LIMIT || !open.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])) {
            return Err("open decisions out of order");
        }
        if !open.iter().all(|open| open.spoken.as_ref().is_none_or(|spoken| spoken.is_sound(open.items.len()))) {
            return Err("an open decision whose parts do not fit its items");
        }
        Ok(Self(open))
    }
}

/// The payments that one event makes.
pub type Payments = SmallVec<[Payment; 1]>;

/// A goal that was met: which decision it pays, and how much.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Payment {
    /// The decision.
    pub decision: DecisionId,
    /// The campaign.
    pub campaign: std::sync::Arc<str>,
    /// The symbol of the variant's name.
    pub variant: Symbol,
    /// What the goal pays: one, or the event's amount.
    pub reward: f64,
    /// The event's amount of money; zero if it has none.
    pub amount: f64,
}
