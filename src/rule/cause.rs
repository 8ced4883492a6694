//! What must be there before a rule can answer otherwise than for an empty profile.
//!
//! Most rules never concern most people. To settle all rules for a person it suffices to look at those of which some
//! cause is there: an attribute with one of some values, a counter that has counted, an interest. Of a conjunction
//! that an empty profile fails, the causes of one failing part suffice, since while that part fails the whole does;
//! the part with the rarest causes is taken. Publish/subscribe systems call this the access predicate of a
//! subscription (Fabret et al., 2001, "Filtering Algorithms and Implementation for Very Fast Publish/Subscribe
//! Systems"; Whang et al., 2009, "Indexing Boolean Expressions"). Here it is taken relative to the answer that an
//! empty profile gets, so that it serves negations and disjunctions alike.

use crate::hash::Symbol;
use crate::profile::CounterId;
use crate::truth::Answer;

use super::eval::{Name, Node, Place};
use super::facts::Facts;
use super::portrait;
use super::value_test::{Passing, ValueTest};

/// Something on a profile that can make a rule answer otherwise than for an empty one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cause {
    /// The attribute is this value, or a list with it, by [`Scalar::key`](super::Scalar::key).
    Value(Symbol, u64),
    /// The attribute is a text with this start, or a list with one: by the number of bytes and the symbol of the start.
    Start(Symbol, usize, Symbol),
    /// The attribute is a number from the one to the other, or a list with one.
    Number(Symbol, f64, f64),
    /// The attribute is there.
    Attribute(Symbol),
    /// The counter has counted something.
    Counter(CounterId),
    /// There is an interest in this value along this dimension.
    Affinity(Symbol, Symbol),
}

/// The causes of a rule; `None` if it can answer otherwise without any of these. Another segment is no cause: whoever
/// settles segments looks at those that refer to one that changed anyway. `nobody` is an empty profile.
pub(super) fn causes(node: &Node, nobody: &impl Facts) -> Option<Vec<Cause>> {
    Causes::of(node, nobody).causes
}

struct Causes {
    /// What the node says of an empty profile.
    blank: Answer,
    causes: Option<Vec<Cause>>,
    /// How often one of the causes is there, roughly: a weight that grows with it.
    weight: f64,
}

impl Causes {
    fn of(node: &Node, nobody: &impl Facts) -> Self {
        let counter = |id: CounterId| Some(vec![Cause::Counter(id)]);
        let causes = match node {
            Node::And(tests, parts) => {
                let tests = tests.iter().map(|(name, test)| Self::of_attribute(name, test, nobody));
                let parts = parts.iter().map(|part| Self::of(part, nobody));
                return Self::all(tests.chain(parts), Answer::No);
            }
            Node::Or(parts) => return Self::all(parts.iter().map(|part| Self::of(part, nobody)), Answer::Yes),
            Node::Not(inner) => {
                let inner = Self::of(inner, nobody);
                return Self { blank: !inner.blank, ..inner };
            }
            Node::Const(_) | Node::Segment(_) => Some(Vec::new()),
            Node::Attribute(name, test) => return Self::of_attribute(name, test, nobody),
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
                let each = scoring.parts().map(|part| Self::of(part, nobody).causes);
                each.collect::<Option<Vec<_>>>().map(|causes| causes.concat())
            }
            Node::AtLeast { counter: id, .. } => counter(*id),
            Node::Events(events) => counter(events.counter()),
            // What else there is may turn by time, or by what is no part of the list above.
            _ => None,
        };
        Self::new(node.eval(nobody).answer, causes)
    }

    fn of_attribute(name: &Name, test: &ValueTest, nobody: &impl Facts) -> Self {
        let causes = match (name.plain(), test.passing()) {
            (Some(name), Passing::Keys(keys)) => keys.iter().map(|key| Cause::Value(name, *key)).collect(),
            (Some(name), Passing::Start(start)) => vec![Cause::Start(name, start.len(), Symbol::new(start))],
            (Some(name), Passing::Numbers(low, high)) => vec![Cause::Number(name, low, high)],
            _ => attributes(std::iter::once(name)),
        };
        let blank = test.value(name.find(|symbol| nobody.attribute(symbol)));
        Self::new(blank.into(), Some(causes))
    }

    fn new(blank: Answer, causes: Option<Vec<Cause>>) -> Self {
        let weight = causes.as_ref().map_or(f64::INFINITY, |causes| causes.iter().map(weight).sum());
        Self { blank, causes, weight }
    }

    /// The causes of a conjunction (`decides` is no) or a disjunction (yes). A part that decides the blank answer goes
    /// on to decide it while none of its causes is there; otherwise the causes of all parts count.
    fn all(parts: impl Iterator<Item = Self>, decides: Answer) -> Self {
        let mut all = Self { blank: !decides, causes: Some(Vec::new()), weight: 0.0 };
        let mut rarest: Option<Self> = None;
        for part in parts {
            if part.blank == decides {
                if rarest.as_ref().is_none_or(|rarest| part.weight < rarest.weight) {
                    rarest = Some(part);
                }
                continue;
            }
            if part.blank.is_unknown() {
                all.blank = Answer::Unknown;
            }
            all.weight += part.weight;
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

/// How often a cause is there, in rough relation to others: a plan is shared by many, a counter has counted for few,
/// an attribute is there for most.
const fn weight(cause: &Cause) -> f64 {
    match cause {
        Cause::Value(..) => 1.0,
        Cause::Counter(_) | Cause::Affinity(..) => 0.5,
        Cause::Start(..) => 2.0,
        Cause::Number(_, low, high) if low.is_finite() && high.is_finite() => 5.0,
        Cause::Number(..) => 10.0,
        Cause::Attribute(_) => 20.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{CounterPlan, Lists, Rule, Scalar};

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
            assert_eq!(compiled.causes(&crate::rule::tests::Person::default()), expected, "{text}");
        }
    }

    #[test]
    fn a_count_is_caused_by_its_counter() {
        let mut plan = CounterPlan::default();
        let rule = Rule::parse("NOT event('purchased') AND event('item_viewed').count() >= 3").unwrap();
        let compiled = rule.compile(&mut |_| None, &Lists::default(), &mut plan).unwrap();
        let viewed = plan.specs().iter().find(|spec| spec.kind().name() == "item_viewed").unwrap().id();
        assert_eq!(compiled.causes(&crate::rule::tests::Person::default()), Some(vec![Cause::Counter(viewed)]));
    }
}
