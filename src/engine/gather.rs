//! From events to computed attributes, and to groups.

use std::sync::Arc;

use smallvec::SmallVec;

use super::Engine;
use super::computed::{Compute, Computed};
use super::facts::{EventView, Names};
use crate::config::{Fault, Problems, join};
use crate::event::Event;
use crate::hash::{Map, Symbol};
use crate::profile::{CounterId, Gather, Gathered, Group, Profile, group_of};
use crate::rule::{ComputedNames, CounterPlan, CounterSpec, EventFacts, Lists, Part, Scalar};
use crate::schema::Schema;
use crate::time::Timestamp;
use crate::value::Value;

/// The computed attributes whose values are gathered, and what each name stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathering {
    pub(super) names: ComputedNames,
    /// In the order of their ids.
    pub(super) all: Vec<Question>,
    by_kind: Map<Symbol, Vec<u32>>,
}

/// One computed attribute that is gathered from the values of a property.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) id: CounterId,
    pub(super) name: Arc<str>,
    gather: Gather,
    spec: CounterSpec,
    property: Symbol,
}

impl Gathering {
    /// Compiles the definitions; notes what is wrong.
    pub(super) fn new(computed: &[Computed], schema: &Schema, paths: &[String], problems: &mut Problems) -> Self {
        let mut gathering = Self::default();
        if computed.len() > Gathered::LIMIT {
            let found = format!("{} computed attributes", computed.len());
            problems.push("computed", Fault::Range { found, wanted: "at most 256" });
        }
        for (Computed { name, of }, path) in computed.iter().zip(paths) {
            if gathering.names.knows(name) || schema.attributes.contains_key(name) {
                problems.push(join(path, "name"), Fault::Duplicate { what: "attribute", name: name.clone() });
                continue;
            }
            let is_counted = matches!(of, Compute::Count { .. } | Compute::Sum { .. });
            let event = of.event();
            if !(event.is_event() || is_counted && event.is_query()) {
                let found = format!("`{event}`");
                let wanted = "one event with tests on its properties, such as event('purchased').where(value >= 50)";
                problems.push(path.as_str(), Fault::Range { found, wanted });
                continue;
            }
            let property = of.property().unwrap_or_default();
            let gather = match of {
                Compute::Count { .. } => {
                    gathering.names.add_query(name, event, None);
                    continue;
                }
                Compute::Sum { .. } => {
                    gathering.names.add_query(name, event, Some(property));
                    continue;
                }
                Compute::First { .. } => Gather::First,
                Compute::Last { .. } => Gather::Last,
                Compute::MostFrequent { .. } => Gather::MostFrequent,
                Compute::Unique { limit, .. } => Gather::Unique(*limit),
            };
            if let Gather::Unique(limit) = gather {
                if !(1..=64).contains(&limit) {
                    let fault = Fault::Range { found: limit.to_string(), wanted: "a number of values from 1 to 64" };
                    problems.push(join(path, "unique.limit"), fault);
                }
            }
            let mut counters = CounterPlan::default();
            let compiled = event.compile(&mut |_| None, &Lists::default(), &mut counters);
            let (Ok(_), [spec]) = (compiled, counters.specs()) else { continue };
            let id = CounterId::of(&format!("{gather:?} {property}\n{event}"));
            let parts: &[Part] = match gather {
                Gather::MostFrequent => &[Part::Value, Part::Confidence, Part::Count],
                _ => &[Part::Value],
            };
            gathering.names.add_gathered(name, id, parts);
            let (spec, property) = (spec.clone(), Symbol::new(property));
            gathering.all.push(Question { id, name: name.as_str().into(), gather, spec, property });
        }
        gathering.all.sort_by(|a, b| (a.id, &a.name).cmp(&(b.id, &b.name)));
        for (at, question) in (0..).zip(&gathering.all) {
            // Two names can ask the same; it is gathered once.
            let of: &mut Vec<u32> = gathering.by_kind.entry(question.spec.kind().symbol()).or_default();
            if of.last().is_none_or(|last: &u32| gathering.all[*last as usize].id != question.id) {
                of.push(at);
            }
        }
        gathering
    }

    /// Whether a question is asked.
    pub(super) fn asks(&self, id: CounterId) -> bool {
        self.all.binary_search_by_key(&id, |question| question.id).is_ok()
    }

    /// What is gathered, by question, each once.
    pub(super) fn gathers(&self) -> impl Iterator<Item = Gather> {
        self.all.chunk_by(|a, b| a.id == b.id).filter_map(|of| Some(of.first()?.gather))
    }

    /// Calls `take` with each question that the event has values for.
    pub(super) fn gather(
        &self,
        view: &EventView<'_>,
        names: &Names,
        take: &mut dyn FnMut(CounterId, Gather, &[Value]),
    ) {
        let Some(of) = self.by_kind.get(&view.event().kind.symbol()) else { return };
        let facts = (view, names);
        for question in of.iter().map(|at| &self.all[*at as usize]) {
            if !question.spec.matches(&facts) {
                continue;
            }
            let mut values: SmallVec<[Value; 4]> = SmallVec::new();
            facts.any(question.property, &mut |scalar| {
                let value = match scalar {
                    Scalar::Bool(value) => Value::Bool(value),
                    Scalar::Number(number) => Value::from(number),
                    Scalar::Text(text) if text.len() > Gathered::MAX_TEXT_BYTES => return false,
                    Scalar::Text(text) => Value::from(text),
                };
                if !values.contains(&value) {
                    values.push(value);
                }
                values.len() >= MOST_VALUES
            });
            if !values.is_empty() {
                take(question.id, question.gather, &values);
            }
        }
    }
}

impl Engine {
    /// A group after an event about it, and in `refused` the names of the attributes that were not taken, since they
    /// are too large or of another kind than declared. `None` if nothing has changed: the event is not about a group,
    /// or says nothing new.
    ///
    /// ```
    /// use bespoke::profile::Group;
    /// use bespoke::{Engine, Event, EventKind, Timestamp};
    /// let engine = Engine::from_json("{}")?;
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let event = Event::new(EventKind::Grouped, "ann", now).property("group_id", "acme").attribute("seats", 40.0);
    /// let acme = engine.fold_group(&event, &Group::default(), &mut Default::default()).unwrap_or_default();
    /// assert_eq!(acme.attributes().value("seats"), Some(&40.0.into()));
    /// assert_eq!(engine.fold_group(&event, &acme, &mut Default::default()), None);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn fold_group(&self, event: &Event, group: &Group, refused: &mut SmallVec<[Symbol; 1]>) -> Option<Group> {
        let (kind, _) = group_of(event)?;
        let known = &self.upkeep.groups;
        (known.is_empty() || known.contains_key(&kind)).then(|| group.with(event, &self.upkeep, refused))?
    }

    /// Notes the group that an event puts the person into before [`Engine::apply`] does, so that it can be attached.
    pub(crate) fn join_group(&self, event: &Event, profile: &mut Profile) {
        if self.tracks(profile, event.time) && profile.join_group(event, &self.upkeep) {
            profile.membership.due = Timestamp::MIN;
        }
    }
}

/// How many values of one event are gathered.
const MOST_VALUES: usize = 16;
