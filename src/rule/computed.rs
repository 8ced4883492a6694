//! Names that stand for what is computed from events: rules read them like attributes.
//!
//! A count or a sum stands for the query that gives it, so it shares the counter of any rule that asks the same. What
//! is gathered from the values of a property has a state of its own, and up to three names: the value itself, and with
//! `.confidence` and `.count` behind it how sure it is and from how many choices.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Rule;
use super::ast::{Comparison, EventQuery, Expr, Measure, Source};
use crate::profile::CounterId;

/// What of a computed attribute is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The value.
    Value,
    /// The share of the events that had the value, from 0 to 1.
    Confidence,
    /// How many events there were.
    Count,
}

/// What the names of computed attributes stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct ComputedNames(BTreeMap<String, Source>);

impl ComputedNames {
    /// A name for how many events of a rule's query there are, or for the sum of a property over them.
    pub(crate) fn add_query(&mut self, name: &str, rule: &Rule, sum: Option<&str>) {
        let Some(query) = rule.query() else { return };
        let measure = sum.map_or(Measure::Count, |property| Measure::Sum(property.to_owned()));
        self.0.insert(name.to_owned(), Source::Event(EventQuery { measure, ..query.clone() }));
    }

    /// The names for what is gathered from the values of a property.
    pub(crate) fn add_gathered(&mut self, name: &str, id: CounterId, parts: &[Part]) {
        for part in parts {
            let full = match part {
                Part::Value => name.to_owned(),
                Part::Confidence => format!("{name}.confidence"),
                Part::Count => format!("{name}.count"),
            };
            self.0.insert(full.clone(), Source::Computed { name: full, id, part: *part });
        }
    }

    /// Whether a name stands for something computed.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl Rule {
    /// The query of a rule that is one event and asks nothing but whether it happened, a window included.
    fn query(&self) -> Option<&EventQuery> {
        let Expr::Test(comparison) = &self.expr else { return None };
        let Source::Event(query) = &comparison.source else { return None };
        (comparison.test == super::ast::Test::Is(super::ast::Op::Ge, super::Literal::Number(1.0))
            && query.measure == Measure::Count)
            .then_some(query)
    }

    /// Whether the rule is one event and asks nothing but whether it happened, be it within a window.
    pub(crate) fn is_query(&self) -> bool {
        self.query().is_some()
    }

    /// The rule with what its names of computed attributes stand for in their place.
    pub(crate) fn resolved(&self, names: &ComputedNames) -> Cow<'_, Self> {
        if names.0.is_empty() || !reads_any(&self.expr, names) {
            return Cow::Borrowed(self);
        }
        let mut rule = self.clone();
        resolve(&mut rule.expr, names);
        Cow::Owned(rule)
    }
}

fn reads_any(expr: &Expr, names: &ComputedNames) -> bool {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().any(|part| reads_any(part, names)),
        Expr::Not(inner) => reads_any(inner, names),
        Expr::Test(comparison) => matches!(&comparison.source, Source::Attribute(name) if names.knows(name)),
        _ => false,
    }
}

fn resolve(expr: &mut Expr, names: &ComputedNames) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter_mut().for_each(|part| resolve(part, names)),
        Expr::Not(inner) => resolve(inner, names),
        Expr::Test(comparison) => {
            let Comparison { source, .. } = &mut **comparison;
            let Source::Attribute(name) = source else { return };
            if let Some(known) = names.0.get(name) {
                *source = known.clone();
            }
        }
        _ => {}
    }
}
