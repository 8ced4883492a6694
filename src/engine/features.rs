//! The numbers by which the bandit of a campaign chooses, read from a person and a request.

use super::facts::ProfileFacts;
use crate::bandit::Contextual;
use crate::campaign::Feature;
use crate::hash::Symbol;
use crate::rule::{Compiled, Facts};
use crate::value::Value;

/// A [`Feature`], ready to be read.
#[derive(Clone, Debug)]
pub(super) enum CompiledFeature {
    Rule(Box<Compiled>),
    Attribute(Symbol, f64),
    Context(Symbol, f64),
}

impl CompiledFeature {
    /// Of a feature that is no rule; those are compiled with the rest.
    pub(super) fn of(feature: &Feature, compile: impl FnOnce(&crate::rule::Rule) -> Option<Compiled>) -> Option<Self> {
        Some(match feature {
            Feature::Rule(rule) => Self::Rule(Box::new(compile(rule)?)),
            Feature::Attribute { name, missing } => Self::Attribute(Symbol::new(name), *missing),
            Feature::Context { name, missing } => Self::Context(Symbol::new(name), *missing),
        })
    }

    pub(super) fn read(&self, facts: &ProfileFacts<'_>) -> f64 {
        match self {
            Self::Rule(rule) => f64::from(u8::from(rule.eval(facts).answer.is_yes())),
            Self::Attribute(name, missing) => number(facts.attribute(*name)).unwrap_or(*missing),
            Self::Context(name, missing) => number(Facts::context(facts, *name)).unwrap_or(*missing),
        }
    }
}

/// A number that a policy takes.
fn number(value: Option<&Value>) -> Option<f64> {
    let number = match value? {
        Value::Bool(value) => f64::from(u8::from(*value)),
        value => value.as_number()?,
    };
    (number.abs() <= Contextual::MAX_FEATURE).then_some(number)
}
