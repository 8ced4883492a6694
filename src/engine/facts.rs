//! What rules read: a profile at a time, and an event as it comes in.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::Engine;
use crate::catalog::Catalog;
use crate::event::Event;
use crate::hash::Symbol;
use crate::id::UserKey;
use crate::profile::{CounterId, Dimension, Flip, Lifecycle, Profile, Purchases, Reading, Visits};
use crate::rule::{Answer, EventFacts, Facts, Part, Scalar, SessionFact};
use crate::sketch::Decayed;
use crate::time::{Span, Timestamp};
use crate::value::{Properties, Value};

/// A request's context by symbol.
pub(super) type Context<'a> = SmallVec<[(Symbol, &'a Value); 8]>;

pub(super) fn context(properties: &Properties) -> Context<'_> {
    properties.iter().map(|(name, value)| (Symbol::new(name), value)).collect()
}

/// A profile at a time, and the request if there is one.
pub(super) struct ProfileFacts<'a> {
    pub(super) engine: &'a Engine,
    pub(super) profile: &'a Profile,
    /// The segments whose answers differ from those of an empty profile.
    pub(super) flips: &'a [Flip],
    pub(super) now: Timestamp,
    pub(super) context: &'a [(Symbol, &'a Value)],
}

impl Facts for ProfileFacts<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn attribute(&self, name: Symbol) -> Option<&Value> {
        self.profile.attributes().value(name)
    }

    fn has_parts(&self, name: Symbol) -> bool {
        self.profile.attributes().has_parts(name)
    }

    fn set_at(&self, name: Symbol) -> Option<Timestamp> {
        self.profile.attributes().find(name).map(|attribute| attribute.time())
    }

    fn group(&self, kind: Symbol, name: Symbol) -> Option<&Value> {
        self.profile.extra.as_ref()?.groups.value(kind, name)
    }

    fn group_has_parts(&self, kind: Symbol, name: Symbol) -> bool {
        self.profile.extra.as_ref().is_some_and(|extra| extra.groups.has_parts(kind, name))
    }

    fn computed(&self, id: CounterId, part: Part) -> Option<Cow<'_, Value>> {
        let answer = self.profile.extra.as_ref()?.gathered.answer(id)?;
        match (part, answer.of) {
            (Part::Value, _) => Some(Cow::Borrowed(answer.value)),
            (Part::Confidence, Some((count, total))) => {
                Some(Cow::Owned(Value::from(f64::from(count) / f64::from(total.max(1)))))
            }
            (Part::Count, Some((_, total))) => Some(Cow::Owned(Value::from(f64::from(total)))),
            _ => None,
        }
    }

    fn context(&self, name: Symbol) -> Option<&Value> {
        self.context.iter().find(|(symbol, _)| *symbol == name).map(|(_, value)| *value)
    }

    fn counter(&self, id: CounterId) -> Option<Reading<'_>> {
        self.profile.counters.find(id)
    }

    #[inline]
    fn absent_since(&self, id: CounterId) -> Timestamp {
        self.engine.absent_since(self.profile, id)
    }

    fn session_start(&self) -> Option<Timestamp> {
        let sessions = self.profile.sessions();
        sessions.is_open(self.now, self.engine.upkeep.session_gap).then_some(sessions.start)
    }

    fn affinity(&self, dimension: Symbol, value: Symbol) -> f64 {
        self.dimension(dimension).map_or(0.0, |of| self.profile.affinity(of, value, self.now))
    }

    fn affinity_until(&self, dimension: Symbol) -> Timestamp {
        self.dimension(dimension).map_or(Timestamp::MAX, |of| self.profile.preferences_until(of, self.now))
    }

    fn affinity_weight(&self, dimension: Symbol, value: Symbol) -> Option<(Decayed, Span)> {
        let of = self.dimension(dimension)?;
        Some((self.profile.affinities().weight(of, value)?, of.half_life))
    }

    fn affinity_rank(&self, dimension: Symbol, value: Symbol) -> Option<u32> {
        self.profile.affinity_rank(self.dimension(dimension)?, value, self.now)
    }

    fn affinity_top(&self, dimension: Symbol) -> Option<Symbol> {
        self.profile.affinity_top(self.dimension(dimension)?, self.now)
    }

    fn person(&self) -> Option<UserKey> {
        self.profile.person()
    }

    fn visits(&self) -> Option<(Visits, &Lifecycle)> {
        Some((self.profile.visits()?, &self.engine.upkeep.lifecycle))
    }

    fn purchases(&self) -> Option<Purchases<'_>> {
        Some(Purchases { spent: self.profile.spent(), rfm: Some(&self.engine.upkeep.rfm) })
    }

    fn session(&self, fact: SessionFact) -> Option<Scalar<'_>> {
        let sessions = self.profile.sessions();
        let open = sessions.is_open(self.now, self.engine.upkeep.session_gap);
        let first = || self.profile.touches()?.first.as_ref();
        let last = || self.profile.touches()?.last.as_ref();
        let of_this = || last().filter(|touch| open && touch.time >= sessions.start);
        let of_open = |number: f64| Some(Scalar::Number(if open { number } else { 0.0 }));
        // An attribute that an earlier session has set says nothing about this one.
        let attribute = |name: &str| {
            let attribute = self.profile.attributes().find(Symbol::new(name))?;
            (open && attribute.time() >= sessions.start).then(|| Scalar::from_value(&attribute.value))?
        };
        match fact {
            SessionFact::Count => Some(Scalar::Number(f64::from(sessions.count))),
            SessionFact::Views => of_open(f64::from(sessions.views)),
            SessionFact::Events => of_open(f64::from(sessions.events)),
            SessionFact::Seconds => of_open(sessions.length().as_seconds()),
            SessionFact::FirstSource => first().map(|touch| Scalar::Text(&touch.source)),
            SessionFact::LastSource => last().map(|touch| Scalar::Text(&touch.source)),
            SessionFact::Source => of_this().map(|touch| Scalar::Text(&touch.source)),
            SessionFact::FirstMedium => first()?.medium().map(Scalar::Text),
            SessionFact::LastMedium => last()?.medium().map(Scalar::Text),
            SessionFact::Medium => of_this()?.medium().map(Scalar::Text),
            SessionFact::FirstCampaign => first()?.campaign().map(Scalar::Text),
            SessionFact::LastCampaign => last()?.campaign().map(Scalar::Text),
            SessionFact::Campaign => of_this()?.campaign().map(Scalar::Text),
            SessionFact::Device => attribute("device"),
            SessionFact::Channel => attribute("channel"),
        }
    }

    fn session_until(&self) -> Timestamp {
        let gap = self.engine.upkeep.session_gap;
        if self.profile.sessions().is_open(self.now, gap) {
            // The last millisecond of the session is still in it.
            self.profile.sessions().until(gap) + Span::from_millis(1)
        } else {
            Timestamp::MAX
        }
    }

    fn segment(&self, index: usize) -> Answer {
        // Segments are counted in u32 when they are compiled.
        self.engine.answer(self.flips, index as u32)
    }
}

impl ProfileFacts<'_> {
    fn dimension(&self, attribute: Symbol) -> Option<&Dimension> {
        self.engine.upkeep.dimensions.iter().find(|of| of.attribute == attribute)
    }
}

/// An event as counters and goals read it: its properties, its own fields, and what the catalog says of its items.
pub(super) struct EventView<'a> {
    event: &'a Event,
    catalog: &'a Catalog,
    properties: SmallVec<[(Symbol, &'a Value); 8]>,
    slots: SmallVec<[u32; 4]>,
    pub(super) items: SmallVec<[Symbol; 4]>,
    shown: Option<Shown<'a>>,
}

/// What a decision has shown, for the events that name it.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) campaign: &'a str,
    pub(super) variant: &'a str,
    pub(super) placement: &'a str,
}

impl<'a> EventView<'a> {
    pub(super) fn new(event: &'a Event, catalog: &'a Catalog) -> Self {
        let properties = event.properties.iter().map(|(name, value)| (Symbol::new(name), value)).collect();
        let items: SmallVec<[Symbol; 4]> = event.items.iter().map(|item| Symbol::new(&item.id)).collect();
        let slots = items.iter().filter_map(|item| catalog.slot(*item)).collect();
        Self { event, catalog, properties, slots, items, shown: None }
    }

    /// The event with what is known of the decision that it names.
    pub(super) fn showing(self, shown: Option<Shown<'a>>) -> Self {
        Self { shown, ..self }
    }

    pub(super) fn event(&self) -> &'a Event {
        self.event
    }

    pub(super) fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// Calls `take` with every value that the event has under a name, until `take` answers true.
    ///
    /// A property of the event hides what the catalog says under the same name.
    fn visit(&self, name: Symbol, names: &Names, take: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        let mut found = false;
        for (_, value) in self.properties.iter().filter(|(symbol, _)| *symbol == name) {
            found = true;
            if each_scalar(value, take) {
                return true;
            }
        }
        if found {
            return false;
        }
        let text = |text: &Option<String>, take: &mut dyn FnMut(Scalar<'_>) -> bool| {
            text.as_deref().is_some_and(|text| take(Scalar::Text(text)))
        };
        if name == names.item {
            return self.event.items.iter().any(|item| take(Scalar::Text(&item.id)));
        }
        if name == names.quantity {
            return self.event.items.iter().any(|item| take(Scalar::Number(item.quantity)));
        }
        if name == names.price {
            let of_event = self.event.items.iter().filter_map(|item| item.price);
            let of_catalog = self.slots.iter().filter_map(|slot| self.catalog.price(*slot));
            return of_event.chain(of_catalog).any(|price| take(Scalar::Number(price)));
        }
        if name == names.value {
            return self.event.amount().is_some_and(|amount| take(Scalar::Number(amount)));
        }
        for (symbol, field) in [
            (names.currency, &self.event.currency),
            (names.channel, &self.event.channel),
            (names.device, &self.event.device),
            (names.source, &self.event.source),
        ] {
            if name == symbol {
                return text(field, take);
            }
        }
        for (symbol, field) in [
            (names.campaign, self.shown.map(|shown| shown.campaign)),
            (names.variant, self.shown.map(|shown| shown.variant)),
            (names.placement, self.shown.map(|shown| shown.placement)),
        ] {
            if let Some(field) = field.filter(|_| name == symbol) {
                return take(Scalar::Text(field));
            }
        }
        let facets = self.slots.iter().flat_map(|slot| self.catalog.facets(*slot));
        for facet in facets.filter(|facet| facet.dimension == name) {
            if self.catalog.text(facet.value).is_some_and(|text| take(Scalar::Text(text))) {
                return true;
            }
        }
        false
    }
}

/// Calls `take` with a value, or with each element of a list, until it answers true.
fn each_scalar(value: &Value, take: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
    match value {
        Value::List(values) => values.iter().any(|value| each_scalar(value, take)),
        value => Scalar::from_value(value).is_some_and(take),
    }
}

impl EventFacts for (&EventView<'_>, &Names) {
    fn any(&self, name: Symbol, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        self.0.visit(name, self.1, test)
    }

    fn number(&self, name: Symbol) -> Option<f64> {
        if name == self.1.quantity {
            let quantities = self.0.event.items.iter().map(|item| item.quantity);
            return (!self.0.event.items.is_empty()).then(|| quantities.sum());
        }
        let mut number = None;
        self.0.visit(name, self.1, &mut |scalar| {
            if let Scalar::Number(found) = scalar {
                number = Some(found);
            }
            number.is_some()
        });
        number
    }
}

/// The names of an event's own fields, as symbols.
#[derive(Clone, Debug)]
pub(super) struct Names {
    item: Symbol,
    quantity: Symbol,
    price: Symbol,
    value: Symbol,
    currency: Symbol,
    channel: Symbol,
    device: Symbol,
    source: Symbol,
    campaign: Symbol,
    variant: Symbol,
    placement: Symbol,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            item: Symbol::new("item"),
            quantity: Symbol::new("quantity"),
            price: Symbol::new("price"),
            value: Symbol::new("value"),
            currency: Symbol::new("currency"),
            channel: Symbol::new("channel"),
            device: Symbol::new("device"),
            source: Symbol::new("source"),
            campaign: Symbol::new("campaign"),
            variant: Symbol::new("variant"),
            placement: Symbol::new("placement"),
        }
    }
}
