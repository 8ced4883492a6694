//! Segments: named rules with kept membership.
//!
//! A [`Segment`] is a name and a [`Rule`]. Segments may refer to each other, but not in a circle; compiled, they
//! stand in an order in which every segment comes after those it refers to, so that one pass settles them all.

mod order;

use serde::Serialize;

pub(crate) use order::order;

use crate::rule::Rule;

/// A named rule with kept membership: a definition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// The name, unlike that of every other segment.
    pub name: String,
    /// Who is in it.
    pub rule: Rule,
}

impl Segment {
    /// Names a rule.
    #[must_use]
    pub fn new(name: impl Into<String>, rule: Rule) -> Self {
        Self { name: name.into(), rule }
    }
}
