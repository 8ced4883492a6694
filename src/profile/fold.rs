//! Taking an event into a profile.

use smallvec::SmallVec;

use super::attribute::{self, Written};
use super::channel::Channel;
use super::group::{group_of, leaves};
use super::session::Seen;
use super::{MAX_CURRENCIES, MAX_LINES, Preference, Preferences, Profile, Remembered, Spent, Upkeep, weight_of};
use crate::catalog::Catalog;
use crate::event::{Event, EventKind};
use crate::hash::{Symbol, combine};
use crate::schema::{Keep, Keeping};
use crate::sketch::{Decayed, ExactSum};
use crate::time::{Span, Timestamp};
use crate::value::{Kind, Value, digest};

/// What an event did to a profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    /// The event was there already; nothing has changed.
    pub(crate) repeated: bool,
    /// The attributes whose values changed.
    pub(crate) attributes: SmallVec<[Symbol; 4]>,
    /// The dimensions, by their index in the upkeep, whose affinities changed.
    pub(crate) dimensions: SmallVec<[u8; 4]>,
    /// What has left to make room for others: the code of the dimension, and the value.
    pub(crate) left: SmallVec<[(u32, Symbol); 2]>,
    /// The attributes that came with a value of another kind than declared, and were not taken.
    pub(crate) mismatched: SmallVec<[Symbol; 1]>,
    /// The attributes that came with a value larger than profiles keep, and were not taken.
    pub(crate) oversized: SmallVec<[Symbol; 1]>,
    /// The kind of group that the event is about.
    pub(crate) group: Option<Symbol>,
    /// Whether the sums of purchases changed.
    pub(crate) spent: bool,
    /// The hash of the event's id.
    pub(crate) id: u64,
}

impl Fold {
    /// Notes a preference that had to leave, which changes the weight of all others of its dimension.
    fn leaves(&mut self, left: &Preference, keep: &Upkeep) {
        self.left.push((left.dimension, left.value));
        // A schema declares at most 64 dimensions.
        let of = keep.dimensions.iter().position(|dimension| dimension.code() == left.dimension);
        self.dimensions.extend(of.map(|of| of as u8));
    }
}

impl Profile {
    /// Takes in an event that has passed [`Event::check`]. An event that the history holds already changes nothing.
    pub(crate) fn fold(&mut self, event: &Event, catalog: &Catalog, keep: &Upkeep) -> Fold {
        let id = event_id(event);
        let mut fold = Fold { id, ..Fold::default() };
        if self.history.has(id, &event.kind) {
            fold.repeated = true;
            return fold;
        }
        self.first_seen = self.first_seen.min(event.time);
        self.events = self.events.saturating_add(1);
        self.set_attributes(event, keep, &mut fold);
        self.add_affinities(event, catalog, keep, &mut fold);
        self.remember(event, keep, id);
        self.last_seen = self.last_seen.max(event.time);
        if let Some(seen) = Seen::of(event) {
            self.touches.get_or_insert_default().add(seen);
        }
        fold.spent = self.spend(event);
        if event.kind == EventKind::PreferenceStated {
            self.prefer(event, keep, &mut fold);
        }
        self.join_group(event, keep);
        fold.group = group_of(event).map(|(kind, _)| kind);
        fold
    }

    /// Whether the history holds an event.
    pub(crate) fn has(&self, event: &Event) -> bool {
        self.history.has(event_id(event), &event.kind)
    }

    /// Notes what the person says about values of item attributes.
    fn prefer(&mut self, event: &Event, keep: &Upkeep, fold: &mut Fold) {
        let liked = event.properties.get("like") != Some(&Value::Bool(false));
        let lifetime = event.properties.get("for").and_then(Value::as_text).and_then(|text| text.parse().ok());
        let until = event.time + lifetime.unwrap_or(Preferences::LIFETIME);
        for (name, value) in event.properties.iter().filter(|(name, _)| !["like", "for"].contains(&name.as_str())) {
            let symbol = Symbol::new(name);
            let Some(of) = keep.dimensions.iter().position(|dimension| dimension.attribute == symbol) else {
                fold.mismatched.push(symbol);
                continue;
            };
            let values = if let Value::List(values) = value { &**values } else { std::slice::from_ref(value) };
            for text in values.iter().filter_map(Value::as_text).take(MAX_LINES) {
                let mut say = |text: &str| {
                    let dimension = keep.dimensions[of].code();
                    let said = Preference { dimension, value: Symbol::new(text), time: event.time, until, liked };
                    let left = self.extra.get_or_insert_default().preferences.add(said);
                    left.into_iter().for_each(|left| fold.leaves(&left, keep));
                };
                say(text);
                // Who likes running shoes likes shoes; who does not may still like others.
                for (end, _) in text.match_indices('/').filter(|_| liked && name == "category").take(MAX_LINES) {
                    say(&text[..end]);
                }
            }
            // A schema declares at most 64 dimensions.
            fold.dimensions.push(of as u8);
        }
    }

    /// Notes the group that an event puts the person into, or takes them out of, and tells whether that is news.
    pub(crate) fn join_group(&mut self, event: &Event, keep: &Upkeep) -> bool {
        let Some((kind, id)) = group_of(event) else { return false };
        if !(keep.groups.is_empty() || keep.groups.contains_key(&kind)) {
            return false;
        }
        let id = if leaves(event) { Value::Null } else { id.clone() };
        self.extra.get_or_insert_default().groups.join(kind, id, event.time)
    }

    fn set_attributes(&mut self, event: &Event, keep: &Upkeep, fold: &mut Fold) {
        let (attributes, extra) = (&mut self.attributes, &mut self.extra);
        let written = Written::new(event.time, event.channel.as_deref().map(Channel::new).unwrap_or_default());
        let note = |outcome, name, changed: &mut SmallVec<[Symbol; 4]>| match outcome {
            attribute::Outcome::Changed => changed.push(name),
            attribute::Outcome::Instead(left) => changed.extend([name, left]),
            attribute::Outcome::Kept => {}
        };
        let how = |name: Symbol| keep.keeping(name).keep;
        let mut set = |wholes: &[Symbol], name: Symbol, value: &Value| {
            let (kind, keeping) = (keep.kinds.get(&name).copied(), keep.keeping(name));
            let is_plain = kind.is_none_or(|kind| kind == Kind::Text) && keeping == Keeping::default();
            // What is sent again and again is copied once.
            if is_plain && value.as_text().is_some_and(|text| attributes.renew(name, written, text, keep)) {
                return attributes.cover(name, keep, &how, &mut |name| fold.attributes.push(name));
            }
            let Some(value) = fit(value, kind, keeping.keep) else {
                fold.mismatched.push(name);
                return;
            };
            if value.content_bytes() > keep.largest() {
                fold.oversized.push(name);
                return;
            }
            if let Some(limit) = keep.past(name) {
                extra.get_or_insert_default().past.add(name, event.time, &value, limit);
            }
            let outcome = attributes.set_part(wholes, name, (written, value), keep, &how);
            if outcome != attribute::Outcome::Kept {
                // Whoever asks for an object asks for its parts.
                fold.attributes.extend_from_slice(wholes);
            }
            note(outcome, name, &mut fold.attributes);
            attributes.cover(name, keep, &how, &mut |name| fold.attributes.push(name));
        };
        // Those that come with a group are the group's.
        for (name, value) in event.attributes.iter().filter(|_| event.kind != EventKind::Grouped) {
            attribute::flatten(name, value, &mut set);
        }
        for (name, value) in [("device", &event.device), ("channel", &event.channel)] {
            if let Some(value) = value {
                let name = Symbol::new(name);
                // An unchanged device only moves its time on: no text is copied on the steady path.
                if attributes.renew(name, written, value, keep) {
                    continue;
                }
                note(attributes.set(name, written, value.as_str().into(), keep), name, &mut fold.attributes);
            }
        }
    }

    fn add_affinities(&mut self, event: &Event, catalog: &Catalog, keep: &Upkeep, fold: &mut Fold) {
        let weight = weight_of(&event.kind);
        if weight == 0.0 || keep.dimensions.is_empty() {
            return;
        }
        let mut latest: Option<(Span, Decayed)> = None;
        for item in event.items.iter().take(MAX_LINES) {
            let Some(slot) = catalog.slot(Symbol::new(&item.id)) else { continue };
            for facet in catalog.facets(slot) {
                let of = keep.dimensions.iter().position(|dimension| dimension.attribute == facet.dimension);
                let Some(of) = of else { continue };
                let dimension = &keep.dimensions[of];
                let term = match latest {
                    Some((half_life, term)) if half_life == dimension.half_life => term,
                    _ => Decayed::of(weight, event.time, dimension.half_life),
                };
                latest = Some((dimension.half_life, term));
                let left = self.affinities.add(dimension, facet.value, term);
                fold.left.extend(left.map(|value| (dimension.code(), value)));
                // A schema declares at most 64 dimensions.
                if !fold.dimensions.contains(&(of as u8)) {
                    fold.dimensions.push(of as u8);
                }
            }
        }
    }

    fn remember(&mut self, event: &Event, keep: &Upkeep, id: u64) {
        let dwell = event.properties.get("dwell").and_then(Value::as_number).unwrap_or(0.0);
        let remembered = Remembered::new(&event.kind, event.time, dwell, id);
        // A list of fifty items that was scrolled past is one event, not interest in fifty items.
        let is_list = matches!(event.kind, EventKind::ListViewed | EventKind::ListFiltered);
        let items: SmallVec<[Symbol; 4]> =
            event.items.iter().filter(|_| !is_list).take(MAX_LINES).map(|item| Symbol::new(&item.id)).collect();
        let sealed = &mut self.sealed;
        self.history.add(&remembered, &items, keep.history, &mut |left| {
            sealed.get_or_insert_default().push(left, keep);
        });
        if event.time >= self.last_seen {
            self.sessions.push(&remembered, keep);
        } else {
            self.recount_sessions(keep);
        }
    }

    /// Folds the sessions again from the history, after an event has come late or what is kept has changed.
    pub(crate) fn recount_sessions(&mut self, keep: &Upkeep) {
        self.sessions = self.sealed.as_deref().copied().unwrap_or_default();
        for event in self.history.events() {
            self.sessions.push(&event, keep);
        }
    }

    /// Adds what was bought or given back; whether the event is of that kind. A purchase of unknown amount counts.
    fn spend(&mut self, event: &Event) -> bool {
        let amount = event.amount();
        let (purchases, last, sign) = match event.kind {
            EventKind::Purchased => (1, event.time, 1.0),
            EventKind::Refunded if amount.is_some() => (0, Timestamp::MIN, -1.0),
            _ => return false,
        };
        let mut sum = ExactSum::default();
        sum.add(sign * amount.unwrap_or(0.0));
        self.add_spent(Spent {
            currency: Symbol::new(event.currency.as_deref().unwrap_or("")),
            last,
            purchases,
            amount: sum,
        });
        true
    }

    pub(super) fn add_spent(&mut self, more: Spent) {
        match self.spent.binary_search_by_key(&more.currency, |spent| spent.currency) {
            Ok(at) => {
                let spent = &mut self.spent[at];
                spent.last = spent.last.max(more.last);
                spent.purchases = spent.purchases.saturating_add(more.purchases);
                spent.amount.merge(more.amount);
            }
            Err(at) if self.spent.len() < MAX_CURRENCIES => {
                let mut spent = std::mem::take(&mut self.spent).into_vec();
                spent.reserve_exact(1);
                spent.insert(at, more);
                self.spent = spent.into();
            }
            Err(_) => {}
        }
    }
}

/// The hash by which a repeated event is recognised: of its id, or of what it says where it has none.
pub(crate) fn event_id(event: &Event) -> u64 {
    if let Some(id) = &event.id {
        return Symbol::new(id).to_bits();
    }
    let mut parts: SmallVec<[u64; 8]> = SmallVec::new();
    parts.extend([event.time.millis() as u64, event.kind.symbol().to_bits()]);
    parts.extend(event.decision.map(|decision| decision.to_bits()));
    parts.extend(event.items.iter().map(|item| Symbol::new(&item.id).to_bits()));
    for values in [&event.attributes, &event.properties] {
        if !values.is_empty() {
            parts.push(digest(values));
        }
    }
    combine(&parts)
}

/// The value as an attribute of the declared kind; `None` if it is of another. A list that is united from many
/// writes takes single values too.
pub(super) fn fit(value: &Value, kind: Option<Kind>, keep: Keep) -> Option<Value> {
    match (kind, value) {
        (None, value) => Some(value.clone()),
        (Some(_), Value::Null) => Some(Value::Null),
        (Some(Kind::List), value) if matches!(keep, Keep::Union(_)) => Some(value.clone()),
        (Some(Kind::Time), Value::Number(_)) => Some(value.clone()),
        (Some(Kind::Time), Value::Text(text)) => {
            let time: Timestamp = text.parse().ok()?;
            // Times between the years 1 and 9999 are exact in an `f64`.
            Some(Value::Number(time.millis() as f64))
        }
        (Some(kind), value) => (value.kind() == Some(kind)).then(|| value.clone()),
    }
}
