//! The conditions worth asking about, as the people of a sample suggest them.

use std::collections::BTreeMap;

use super::value::ValueSettings;
use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::event::EventKind;
use crate::hash::{Map, Symbol};
use crate::profile::Profile;
use crate::rule::{Literal, Operand, Rule, SessionFact, Vocabulary, event};
use crate::time::{Span, Timestamp};
use crate::value::{Kind, Value};

/// Gathers conditions that the engine's schema allows: each holds for some of the sample, and is met at least
/// `least` times where that is known already.
pub(super) fn conditions(
    engine: &Engine,
    profiles: &[&Profile],
    catalog: &Catalog,
    settings: &ValueSettings,
    now: Timestamp,
) -> Vec<Rule> {
    let mut gather = Gather { engine, least: settings.least, rules: Vec::new() };
    let mut having: Map<Symbol, usize> = Map::default();
    for attribute in profiles.iter().flat_map(|profile| profile.attributes().as_slice()) {
        *having.entry(attribute.name).or_default() += 1;
    }
    for name in attributes(engine, settings) {
        if having.get(&Symbol::new(&name)).is_some_and(|count| *count >= settings.least) {
            gather.attribute(&name, profiles);
        }
    }
    gather.touches(profiles);
    gather.affinities(profiles, catalog, now);
    gather.events(profiles, &settings.windows);
    gather.rules
}

/// The names of attributes that are known: declared, asked about by segments, given by the host, or the crate's own.
fn attributes(engine: &Engine, settings: &ValueSettings) -> Vec<String> {
    let own = ["channel", "device"].map(str::to_owned);
    let mut names: Vec<String> = engine.schema().attributes.keys().cloned().chain(own).collect();
    names.extend(settings.attributes.iter().cloned());
    let segments = (0..engine.segments().len()).filter_map(|index| engine.segment_at(index));
    names.extend(segments.flat_map(|segment| segment.rule.attributes()).map(str::to_owned));
    names.sort_unstable();
    names.dedup();
    names
}

struct Gather<'a> {
    engine: &'a Engine,
    least: usize,
    rules: Vec<Rule>,
}

impl Gather<'_> {
    fn add(&mut self, rule: Rule) {
        let vocabulary = Vocabulary::new(self.engine.schema());
        if rule.check(&vocabulary).is_empty() {
            self.rules.push(rule);
        }
    }

    fn attribute(&mut self, name: &str, profiles: &[&Profile]) {
        let symbol = Symbol::new(name);
        let is_time = self.engine.schema().attributes.get(name) == Some(&Kind::Time);
        let (mut texts, mut numbers, mut truths, mut having) = (Counts::default(), Vec::new(), [0_usize; 2], 0_usize);
        for value in profiles.iter().filter_map(|profile| profile.attributes().value(symbol)) {
            having += 1;
            match value {
                Value::Number(number) => numbers.push(*number),
                Value::Bool(truth) => truths[usize::from(*truth)] += 1,
                Value::Text(text) => texts.add(text),
                Value::List(values) => {
                    let mut elements: Vec<&str> = values.iter().filter_map(Value::as_text).collect();
                    elements.sort_unstable();
                    elements.dedup();
                    elements.into_iter().for_each(|text| texts.add(text));
                }
                Value::Null | Value::Object(_) => {}
            }
        }
        let operand = || Rule::attribute(name);
        if having >= self.least && having < profiles.len() {
            self.add(operand().exists());
        }
        for text in texts.most(self.least) {
            self.add(operand().eq(text));
        }
        for (truth, count) in [false, true].into_iter().zip(truths) {
            if count >= self.least {
                self.add(operand().eq(truth));
            }
        }
        if is_time {
            self.cuts(&operand, numbers, &|millis| Literal::Time(day(millis)));
        } else {
            self.cuts(&operand, numbers, &Literal::from);
        }
    }

    /// Ranges between the cuts that part the numbers at a tenth, a quarter, half and so on: below each, from each on,
    /// and between neighbours.
    fn cuts(&mut self, operand: &dyn Fn() -> Operand, mut numbers: Vec<f64>, literal: &dyn Fn(f64) -> Literal) {
        if numbers.len() < self.least {
            return;
        }
        numbers.sort_by(f64::total_cmp);
        let mut cuts: Vec<f64> = QUANTILES.iter().map(|(part, of)| numbers[numbers.len() * part / of]).collect();
        // Nothing lies below the lowest.
        cuts.retain(|cut| *cut > numbers[0]);
        cuts.dedup();
        for cut in &cuts {
            self.add(operand().at_least(literal(*cut)));
            self.add(operand().below(literal(*cut)));
        }
        for pair in cuts.windows(2) {
            self.add(operand().at_least(literal(pair[0])) & operand().below(literal(pair[1])));
        }
    }

    /// Where people came from. How many sessions they had is not asked: every purchase belongs to one, so that it would
    /// go with whatever counts purchases.
    fn touches(&mut self, profiles: &[&Profile]) {
        use SessionFact::{FirstCampaign, FirstMedium, FirstSource, LastCampaign, LastMedium, LastSource};
        let facts = [[FirstSource, LastSource], [FirstMedium, LastMedium], [FirstCampaign, LastCampaign]];
        let mut counts: [[Counts; 2]; 3] = Default::default();
        for touches in profiles.iter().filter_map(|profile| profile.touches()) {
            for (place, touch) in [&touches.first, &touches.last].into_iter().enumerate() {
                let Some(touch) = touch else { continue };
                let said = [Some(&*touch.source), touch.medium(), touch.campaign()];
                for (counts, text) in counts.iter_mut().zip(said) {
                    text.into_iter().for_each(|text| counts[place].add(text));
                }
            }
        }
        for (fact, counts) in facts.into_iter().flatten().zip(counts.into_iter().flatten()) {
            for text in counts.most(self.least) {
                self.add(Rule::session(fact).eq(text));
            }
        }
    }

    /// The values of item attributes that most people have an affinity to, and whose text the catalog knows.
    fn affinities(&mut self, profiles: &[&Profile], catalog: &Catalog, now: Timestamp) {
        for dimension in &self.engine.upkeep().dimensions {
            let declared = &self.engine.schema().affinities;
            let Some(of) = declared.iter().find(|of| Symbol::new(&of.attribute) == dimension.attribute) else {
                continue;
            };
            let mut counts: BTreeMap<Symbol, usize> = BTreeMap::new();
            for profile in profiles {
                for (value, weight) in profile.affinities().ranked(dimension, now) {
                    if weight > 0.0 {
                        *counts.entry(value).or_default() += 1;
                    }
                }
            }
            let mut counts: Vec<(Symbol, usize)> = counts.into_iter().filter(|(_, n)| *n >= self.least).collect();
            counts.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), *value));
            let texts = counts.iter().filter_map(|(value, _)| catalog.text(*value));
            for text in texts.take(MOST_VALUES) {
                for share in [0.1, 0.25, 0.5] {
                    self.add(Rule::affinity(of.attribute.as_str(), text).at_least(share));
                }
            }
        }
    }

    /// How often each kind of event happened, ever and lately.
    fn events(&mut self, profiles: &[&Profile], windows: &[Span]) {
        let mut seen: Map<Symbol, usize> = Map::default();
        let mut once: Vec<Symbol> = Vec::new();
        for profile in profiles {
            once.clear();
            let kind = |of: crate::profile::Remembered| of.known.as_ref().map_or(of.custom, EventKind::symbol);
            once.extend(profile.history().iter().map(kind));
            once.sort_unstable();
            once.dedup();
            once.iter().for_each(|kind| *seen.entry(*kind).or_default() += 1);
        }
        for kind in EventKind::KNOWN.iter().chain(&self.engine.schema().events) {
            if seen.get(&kind.symbol()).is_none_or(|count| *count < self.least) {
                continue;
            }
            for count in [1, 2, 3, 5, 10, 20] {
                self.add(event(kind.name()).count().at_least(count));
                for window in windows {
                    self.add(event(kind.name()).within(*window).count().at_least(count));
                }
            }
        }
    }
}

/// How often texts occur. Of those that hostile events make up by the thousand the first are counted.
#[derive(Default)]
struct Counts(BTreeMap<String, usize>);

impl Counts {
    fn add(&mut self, text: &str) {
        if let Some(count) = self.0.get_mut(text) {
            *count += 1;
        } else if self.0.len() < MOST_COUNTED && text.len() <= LONGEST {
            self.0.insert(text.to_owned(), 1);
        }
    }

    /// The most frequent, ties in the order of the texts.
    fn most(self, least: usize) -> impl Iterator<Item = String> {
        let mut counts: Vec<(String, usize)> = self.0.into_iter().filter(|(_, count)| *count >= least).collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.into_iter().take(MOST_VALUES).map(|(text, _)| text)
    }
}

/// The beginning of the day, in UTC, of a time in milliseconds.
fn day(millis: f64) -> Timestamp {
    // A cast from `f64` saturates.
    let millis = millis as i64;
    Timestamp::from_millis(millis - millis.rem_euclid(Span::days(1).millis()))
}

const QUANTILES: [(usize, usize); 5] = [(1, 10), (1, 4), (1, 2), (3, 4), (9, 10)];
/// How many values of one attribute are asked about.
const MOST_VALUES: usize = 20;
/// How many texts of one attribute are told apart.
const MOST_COUNTED: usize = 10_000;
/// The longest text that is asked about, in bytes.
const LONGEST: usize = 64;
