//! Lists of values that stand beside the rules and are asked for by name.

use std::sync::Arc;

use super::ast::Literal;
use super::value_test::Set;
use crate::hash::Map;
use crate::value::Value;

/// A named list of values: a definition.
///
/// ```
/// use bespoke::rule::{List, Lists, Rule};
/// let lists = Lists::new(&[List::new("partners", ["acme", "globex"])]);
/// let rule = Rule::parse("employer IN LIST 'partners'").unwrap().compile_alone(&lists).unwrap();
/// assert!(rule.matches(&[("employer".to_owned(), "acme".into())].into()));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// The name, unlike that of every other list.
    pub name: String,
    /// Its values; order and repetition do not matter.
    pub values: Vec<Literal>,
}

impl List {
    /// Names values.
    #[must_use]
    pub fn new<L: Into<Literal>>(name: impl Into<String>, values: impl IntoIterator<Item = L>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(Into::into).collect() }
    }
}

/// The lists that rules may ask for, ready for being looked into; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lists(Map<Box<str>, Arc<Set>>);

impl Lists {
    /// Makes lists ready; of two with one name the later counts. `O(n log n)` in the number of values.
    #[must_use]
    pub fn new(lists: &[List]) -> Self {
        Self(lists.iter().map(|list| (list.name.as_str().into(), Arc::new(Set::new(&list.values)))).collect())
    }

    /// Whether there is a list of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn set(&self, name: &str) -> Option<&Arc<Set>> {
        self.0.get(name)
    }
}

impl Literal {
    /// The literal that equals a value; `None` for nothing, lists and objects.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(number) => Some(Self::from(*number)),
            Value::Text(text) => Some(Self::Text((**text).to_owned())),
            Value::Null | Value::List(_) | Value::Object(_) => None,
        }
    }
}
