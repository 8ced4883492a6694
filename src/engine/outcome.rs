//! What follows from an event beside the person's profile: exposures and rewards of decisions, and what all people's
//! events together teach.

use std::sync::Arc;

use smallvec::SmallVec;

use super::facts::EventView;
use super::open::Paid;
use super::slate::{seen_kind, sign};
use super::{CompiledCampaign, Engine, Exposure, Models, OpenDecisions, Payment, Payments};
use crate::campaign::{GoalItems, Pay};
use crate::event::{Event, EventKind};
use crate::hash::{Symbol, fold};
use crate::id::UserKey;
use crate::profile::{MAX_LINES, Profile, event_id, weight_of};
use crate::recommend;

impl Engine {
    /// Notes that a decision was shown, if the event is an exposure: once, by the person it was made for.
    pub fn expose(&self, event: &Event, open: &mut OpenDecisions, models: &mut Models) -> Option<Exposure> {
        let id = event.decision.filter(|_| event.kind == EventKind::Exposed)?;
        let (exposure, shown) = open.expose(id, event.time);
        if let Some(shown) = shown {
            models.expose(shown.campaign, shown.variant, event.time, &shown.features);
            let earnings = models.earnings_mut(shown.campaign, shown.variant);
            if let Some((earnings, spoken)) = earnings.zip(shown.spoken.as_ref()) {
                earnings.expose(spoken, self.settings.position_bias);
            }
        }
        Some(exposure)
    }

    /// The decisions that an event pays: for each campaign whose goal it meets, the latest exposure of that campaign
    /// before it, within the goal's window, once; an event that names a decision, such as a click on what was shown,
    /// pays that one or none. The payments teach the tallies and the policies.
    ///
    /// An exposure must have arrived before the event that it explains. Pass events only once: that
    /// [`Changes::repeated`](super::Changes::repeated) is false says so.
    pub fn pay(&self, event: &Event, open: &mut OpenDecisions, models: &mut Models) -> Payments {
        let mut payments = Payments::new();
        if open.is_empty() {
            return payments;
        }
        let mut view = EventView::new(event, &models.catalog);
        let mut met: SmallVec<[(&CompiledCampaign, Paid); 2]> = SmallVec::new();
        for index in self.goals.get(&event.kind.symbol()).into_iter().flatten() {
            let campaign = &self.campaigns[*index];
            let (Some(goal), Some(spec)) = (&campaign.goal, &campaign.definition.goal) else { continue };
            if !goal.matches(&(&view, &self.names)) {
                continue;
            }
            let items = (spec.items == GoalItems::Recommended).then_some(view.items.as_slice());
            let meant = event.decision;
            met.extend(open.pay(campaign.symbol, event.time, spec.within, items, meant).map(|paid| (campaign, paid)));
        }
        let items = std::mem::take(&mut view.items);
        drop(view);
        for (campaign, paid) in met {
            let Paid { id: decision, variant, .. } = paid;
            let amount = event.amount().unwrap_or(0.0);
            let pays_amount = campaign.definition.goal.as_ref().is_some_and(|goal| goal.pay == Pay::Amount);
            let reward = if pays_amount { amount } else { 1.0 };
            models.pay(campaign.symbol, &paid, reward, amount);
            let earnings = models.earnings_mut(campaign.symbol, variant);
            if let Some((earnings, divided)) = earnings.zip(open.divide(decision, &items)) {
                earnings.pay(&divided);
            }
            payments.push(Payment { decision, campaign: Arc::clone(&campaign.name), variant, reward, amount });
        }
        payments
    }

    /// What an event tells recommenders: for each of its items that somebody showed interest in it, and how much. None
    /// for an event that is no sign of interest, such as an exposure. For a [`Log`](recommend::Log) of the host's own
    /// events:
    ///
    /// ```
    /// use bespoke::hash::Symbol;
    /// use bespoke::recommend::Log;
    /// use bespoke::{Engine, Event, EventKind, Timestamp};
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let mut log = Log::default();
    /// for event in [
    ///     Event::new(EventKind::ItemViewed, "ann", now).item("tent"),
    ///     Event::new(EventKind::PageViewed, "ann", now),
    /// ] {
    ///     Engine::signs(&event).for_each(|seen| log.push(Symbol::new("ann"), seen));
    /// }
    /// assert_eq!(log.len(), 1);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn signs(event: &Event) -> impl Iterator<Item = recommend::Seen> + '_ {
        // Weights are small whole numbers, exact in an `f32`.
        let weight = weight_of(&event.kind) as f32;
        let items = event.items.iter().filter(move |_| weight > 0.0);
        let kind = seen_kind(&event.kind);
        items.map(move |item| recommend::Seen { item: Symbol::new(&item.id), time: event.time, weight, kind })
    }

    /// Teaches the recommenders what a person did with items: popularity, and what goes with what. `profile` is the
    /// person's, before or after the event was applied.
    pub fn learn(&self, event: &Event, profile: &Profile, models: &mut Models, context: &mut Vec<recommend::Seen>) {
        // Only signs of interest teach; being shown a list or giving something back does not.
        if weight_of(&event.kind) <= 0.0 {
            return;
        }
        let id = fold(event_id(event));
        context.clear();
        let others = profile.history().iter().filter(|remembered| remembered.id != id);
        context.extend(others.filter_map(|remembered| sign(&remembered)));
        let at = context.partition_point(|seen| seen.time <= event.time);
        let segments = self.popular_segments(profile);
        // Not the person's key, which changes with the links between ids.
        let visitor = event.key().or_else(|| profile.person()).map(visitor);
        for (line, seen) in Self::signs(event).enumerate() {
            let clicks = models.clicks.as_mut().filter(|_| self.asked.clicks);
            if let Some((clicks, visitor)) = clicks.zip(visitor) {
                clicks.learn(visitor, seen, context);
            }
            models.popular.learn(seen.item, seen.weight, seen.time);
            models.neighbors.learn(seen, context);
            self.learn_asked(seen, context, &segments, models);
            // The lines of one order go together: each is context to those after it.
            if line < MAX_LINES {
                context.insert(at, seen);
            }
        }
    }

    /// Teaches the models that only some strategies ask for.
    fn learn_asked(
        &self,
        seen: recommend::Seen,
        context: &[recommend::Seen],
        segments: &[Symbol],
        models: &mut Models,
    ) {
        let recommend::Seen { item, time, weight, .. } = seen;
        for relation in &self.asked.relations {
            if let Some(neighbors) = models.relations.get_mut(relation) {
                neighbors.learn(seen, context);
            }
        }
        if let Some(lately) = models.lately.as_mut().filter(|_| self.asked.trending) {
            lately.learn(item, weight, time);
        }
        if let Some(slot) = models.catalog.slot(item).filter(|_| self.asked.categories) {
            let category = Symbol::new("category");
            let categories = models.catalog.facets(slot).iter().filter(|facet| facet.dimension == category);
            for facet in categories.take(MOST_CATEGORIES) {
                models.popular_in_category.learn(facet.value, item, weight, time);
            }
        }
        for segment in segments {
            models.popular_in_segment.learn(*segment, item, weight, time);
        }
    }

    /// The segments that the person was in when last settled, of those within which popularity is counted.
    pub(super) fn popular_segments(&self, profile: &Profile) -> SmallVec<[Symbol; 4]> {
        let asked = &self.asked.segments;
        if asked.is_empty() || profile.membership.engine != self.fingerprint {
            return SmallVec::new();
        }
        let flips = profile.membership.flips();
        asked.iter().filter(|(index, _)| self.answer(&flips, *index).is_yes()).map(|(_, name)| *name).collect()
    }
}

/// Whose visits those of an id are.
pub(crate) const fn visitor(id: UserKey) -> Symbol {
    let bits = id.to_bits();
    // Both halves are hashed already.
    Symbol::from_bits((bits >> 64) as u64 ^ bits as u64)
}

/// In how many categories of an item its popularity is counted.
const MOST_CATEGORIES: usize = 16;
