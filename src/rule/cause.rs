//! What must be there before a rule can answer otherwise than for an empty profile.
//!
//! Most rules never concern most people. To settle all rules for a person it suffices to look at those of which some
//! cause is there: an attribute with one of some values, a counter that has counted, an interest. Of a conjunction
//! that an empty profile fails, the causes of one failing part suffice, since while that part fails the whole does;
//! the part with the rarest causes is taken. Publish/subscribe systems call this the access predicate of a
//! subscription (Fabret et al., 2001, "Filtering Algorithms and Implementation for Very Fast Publish/Subscribe
//! Systems"; Whang et al., 2009, "Indexing Boolean Expressions"). Here it is taken relative to the answer that an
//! empty profile gets, so that it serves negations and disjunctions alike.

use std::collections::BTreeSet;

use crate::hash::{Map, Symbol};
use crate::profile::CounterId;
use crate::truth::Answer;

use super::eval::{Name, Node, Place};
use super::facts::{Facts, Scalar};
use super::portrait;
use super::value_test::{Passing, ValueTest};

/// Something on a profile that can make a rule answer otherwise than for an empty one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cause {
    /// The attribute is this value, or a list with it, by [`Scalar::key`](super::Scalar::key).
    Value(Symbol, u64),
    /// The attribute is a text with this start, or a list with one: by the number of bytes and the symbol of the start.
    Start(Symbol, usize, Symbol),
    /// The attribute is a number from the one to the other, or a list with any number.
    Number(Symbol, f64, f64),
    /// The attribute is there.
    Attribute(Symbol),
    /// The counter has counted something.
    Counter(CounterId),
    /// There is an interest in this value along this dimension.
    Affinity(Symbol, Symbol),
}

/// Which values rules ask of each attribute: where these are many, few people have any one of them.
#[derive(Debug, Default)]
pub(crate) struct Variety(Map<Symbol, BTreeSet<u64>>);

impl Variety {
    pub(super) fn note(&mut self, node: &Node) {
        match node {
            Node::And(tests, parts) => {
                tests.iter().for_each(|(name, test)| self.note_test(name, test));
                parts.iter().for_each(|part| self.note(part));
            }
            Node::Or(parts) => parts.iter().for_each(|part| self.note(part)),
            Node::Not(inner) => self.note(inner),
            Node::Attribute(name, test) => self.note_test(name, test),
            _ => {}
        }
    }

    fn note_test(&mut self, name: &Name, test: &ValueTest) {
        if let (Some(name), Passing::Keys(keys)) = (name.plain(), test.passing()) {
            self.0.entry(name).or_default().extend(keys);
        }
    }

    /// The share of people of whom a cause is true, roughly: a plan is shared by many, a counter has counted for few,
    /// an attribute is there for most.
    fn share(&self, cause: &Cause) -> f64 {
        match cause {
            Cause::Value(_, key) if *key <= Scalar::Bool(true).key() => 0.5,
            // Some have a value that no rule asks for.
            Cause::Value(name, _) => 1.0 / (3.0 + self.0.get(name).map_or(1, BTreeSet::len) as f64),
            Cause::Counter(_) | Cause::Affinity(..) => 0.05,
            Cause::Number(_, low, high) if low.is_finite() && high.is_finite() => 0.25,
            Cause::Start(..) => 0.25,
            Cause::Number(..) => 0.5,
            Cause::Attribute(_) => 1.0,
        }
    }
}

/// The causes of a rule; `None` if it can answer otherwise without any of these. Another segment is no cause: whoever
/// settles segments looks at those that refer to one that changed anyway. `nobody` is an empty profile.
pub(super) fn causes(node: &Node, variety: &Variety, nobody: &impl Facts) -> Option<Vec<Cause>> {
    Causes::of(node, variety, nobody).causes
}

struct Causes {
    /// What the node says of an empty profile.
    blank: Answer,
    causes: Option<Vec<Cause>>,
    /// The share of people of whom one of the causes is true, roughly.
    share: f64,
}

impl Causes {
    fn of(node: &Node, variety: &Variety, nobody: &impl Facts) -> Self {
        let counter = |id: CounterId| Some(vec![Cause::Counter(id)]);
        let causes = match node {
            Node::And(tests, parts) => {
                let of_one = tests.chunk_by(|(a, _), (b, _)| a.plain().is_some() && a.plain() == b.plain());
                let tests = of_one.flat_map(|tests| {
                    // A single number that passes all lies in all ranges.
                    let within = tests.iter().fold(EVERYWHERE, |within, (_, test)| match test.passing() {
                        Passing::Numbers(low, high) => common(within, (low, high)),
                        _ => within,
                    });
                    tests.iter().map(move |(name, test)| Self::of_attribute(name, test, within, variety, nobody))
                });
                let parts = parts.iter().map(|part| Self::of(part, variety, nobody));
                return Self::all(tests.chain(parts), Answer::No);
            }
            Node::Or(parts) => return Self::all(parts.iter().map(|part| Self::of(part, variety, nobody)), Answer::Yes),
            Node::Not(inner) => {
                let inner = Self::of(inner, variety, nobody);
                return Self { blank: !inner.blank, ..inner };
            }
            Node::Const(_) | Node::Segment(_) => Some(Vec::new()),
            Node::Attribute(name, test) => return Self::of_attribute(name, test, EVERYWHERE, variety, nobody),
            // A part of an object is found under the object's name too.
            Node::Exists(name) => Some(attributes(std::iter::once(name))),
            // What is derived from nothing, or compared with it, is the same at any time.
            Node::Asked(Place::Profile, name, _) => Some(attributes(std::iter::once(name))),
            Node::Near(Place::Profile, spot) => Some(attributes(spot.names())),
            Node::Portrait(portrait) => match &**portrait {
                portrait::Node::Share { dimension, value, .. }
                | portrait::Node::Score { dimension, value, .. }
                | portrait::Node::Rank { dimension, value, .. } => Some(vec![Cause::Affinity(*dimension, *value)]),
                portrait::Node::Variant { campaign, .. } => counter(*campaign),
                _ => None,
            },
            Node::Score(scoring) => {
                let each = scoring.parts().map(|part| Self::of(part, variety, nobody).causes);
                each.collect::<Option<Vec<_>>>().map(|causes| causes.concat())
            }
            Node::AtLeast { counter: id, .. } => counter(*id),
            Node::Events(events) => counter(events.counter()),
            // What else there is may turn by time, or by what is no part of the list above.
            _ => None,
        };
        Self::new(node.eval(nobody).answer, causes, variety)
    }

    fn of_attribute(name: &Name, test: &ValueTest, within: (f64, f64), variety: &Variety, nobody: &impl Facts) -> Self {
        let causes = match (name.plain(), test.passing()) {
            (Some(name), Passing::Keys(keys)) => keys.iter().map(|key| Cause::Value(name, *key)).collect(),
            (Some(name), Passing::Start(start)) => vec![Cause::Start(name, start.len(), Symbol::new(start))],
            (Some(name), Passing::Numbers(low, high)) => {
                let (low, high) = common(within, (low, high));
                vec![Cause::Number(name, low, high)]
            }
            _ => attributes(std::iter::once(name)),
        };
        let blank = test.value(name.find(|symbol| nobody.attribute(symbol)));
        Self::new(blank.into(), Some(causes), variety)
    }

    fn new(blank: Answer, causes: Option<Vec<Cause>>, variety: &Variety) -> Self {
        let share = |causes: &Vec<Cause>| causes.iter().map(|cause| variety.share(cause)).sum();
        let share = causes.as_ref().map_or(f64::INFINITY, share);
        Self { blank, causes, share }
    }

    /// The causes of a conjunction (`decides` is no) or a disjunction (yes). A part that decides the blank answer goes
    /// on to decide it while none of its causes is there; otherwise the causes of all parts count.
    fn all(parts: impl Iterator<Item = Self>, decides: Answer) -> Self {
        let mut all = Self { blank: !decides, causes: Some(Vec::new()), share: 0.0 };
        let mut rarest: Option<Self> = None;
        for part in parts {
            if part.blank == decides {
                if rarest.as_ref().is_none_or(|rarest| part.share < rarest.share) {
                    rarest = Some(part);
                }
                continue;
            }
            if part.blank.is_unknown() {
                all.blank = Answer::Unknown;
            }
            all.share += part.share;
            all.causes = all.causes.take().zip(part.causes).map(|(mut all, part)| {
                all.extend(part);
                all
            });
        }
        rarest.unwrap_or(all)
    }
}

fn attributes<'n>(names: impl Iterator<Item = &'n Name>) -> Vec<Cause> {
    names.flat_map(Name::symbols).map(Cause::Attribute).collect()
}

/// What two ranges have in common.
fn common(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0.max(b.0), a.1.min(b.1))
}

const EVERYWHERE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{CounterPlan, Lists, Rule};

    /// Hand-derived: which part fails for an empty profile, and what makes it pass.
    #[test]
    fn the_rarest_part_that_fails_for_nobody_is_the_cause() {
        let value = |name: &str, text: &str| Cause::Value(Symbol::new(name), Scalar::Text(text).key());
        for (text, expected) in [
            ("plan = 'pro'", Some(vec![value("plan", "pro")])),
            ("plan != 'pro'", Some(vec![value("plan", "pro")])),
            ("age >= 18 AND plan = 'pro' AND country != 'DE'", Some(vec![value("plan", "pro")])),
            ("plan = 'pro' OR country != 'DE'", Some(vec![value("country", "DE")])),
            ("plan = 'pro' OR country = 'DE'", Some(vec![value("plan", "pro"), value("country", "DE")])),
            ("NOT (plan = 'pro' AND age >= 18)", Some(vec![value("plan", "pro")])),
            ("age >= 18", Some(vec![Cause::Number(Symbol::new("age"), 18.0, f64::INFINITY)])),
            ("age BETWEEN 18 AND 30", Some(vec![Cause::Number(Symbol::new("age"), 18.0, 30.0)])),
            ("age >= 18 AND age <= 30", Some(vec![Cause::Number(Symbol::new("age"), 18.0, 30.0)])),
            ("age >= 18 AND age <= 30 AND member = true", Some(vec![Cause::Number(Symbol::new("age"), 18.0, 30.0)])),
            ("age >= 18 AND member = true AND plan = 'pro'", Some(vec![value("plan", "pro")])),
            ("city STARTS_WITH 'Ber'", Some(vec![Cause::Start(Symbol::new("city"), 3, Symbol::new("Ber"))])),
            ("city EXISTS", Some(vec![Cause::Attribute(Symbol::new("city"))])),
            ("a.b = 1", Some(vec![Cause::Attribute(Symbol::new("a.b")), Cause::Attribute(Symbol::new("a"))])),
            ("affinity('brand', 'x') > 0.2", Some(vec![Cause::Affinity(Symbol::new("brand"), Symbol::new("x"))])),
            ("segment('other')", Some(Vec::new())),
            ("session(views) >= 2 OR plan = 'pro'", None),
            ("session(views) >= 2 AND plan = 'pro'", Some(vec![value("plan", "pro")])),
        ] {
            let mut plan = CounterPlan::default();
            let compiled = Rule::parse(text).unwrap().compile(&mut |_| Some(0), &Lists::default(), &mut plan).unwrap();
            assert_eq!(
                compiled.causes(&Variety::default(), &crate::rule::tests::Person::default()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn of_two_values_that_of_which_rules_ask_more_others_is_the_rarer() {
        let mut plan = CounterPlan::default();
        let mut compile =
            |text: &str| Rule::parse(text).unwrap().compile(&mut |_| None, &Lists::default(), &mut plan).unwrap();
        let mut variety = Variety::default();
        for text in ["plan = 'pro'", "city IN ('Graz', 'Linz') OR NOT city = 'Wien'", "plan = 'free' AND a EXISTS"] {
            compile(text).note_variety(&mut variety);
        }
        for text in ["plan = 'pro' AND city = 'Rome'", "city = 'Rome' AND plan = 'pro'"] {
            let causes = compile(text).causes(&variety, &crate::rule::tests::Person::default());
            assert_eq!(causes, Some(vec![Cause::Value(Symbol::new("city"), Scalar::Text("Rome").key())]));
        }
    }

    #[test]
    fn a_count_is_caused_by_its_counter() {
        let mut plan = CounterPlan::default();
        let rule = Rule::parse("NOT event('purchased') AND event('item_viewed').count() >= 3").unwrap();
        let compiled = rule.compile(&mut |_| None, &Lists::default(), &mut plan).unwrap();
        let viewed = plan.specs().iter().find(|spec| spec.kind().name() == "item_viewed").unwrap().id();
        assert_eq!(
            compiled.causes(&Variety::default(), &crate::rule::tests::Person::default()),
            Some(vec![Cause::Counter(viewed)])
        );
    }
}
