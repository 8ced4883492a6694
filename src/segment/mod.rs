//! Segments: named rules with kept membership.
//!
//! A [`Segment`] is a name and a [`Rule`]. Segments may refer to each other, but not in a circle; compiled, they
//! stand in an order in which every segment comes after those it refers to, so that one pass settles them all.
//!
//! Where what is kept of a person does not tell whether a rule holds, the segment's [`Unknown`] decides who is in. A rule
//! that refers to the segment reads the answer, not that decision: of what is unknown the opposite is unknown too, and
//! each segment decides for itself.

mod order;

use serde::Serialize;

pub(crate) use order::order;

use crate::rule::{Rule, Unknown};

/// A named rule with kept membership: a definition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// The name, unlike that of every other segment.
    pub name: String,
    /// Who is in it.
    pub rule: Rule,
    /// Whether those are in it of whom the rule does not tell; `None` for what the settings say of all segments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Unknown>,
}

impl Segment {
    /// Names a rule.
    #[must_use]
    pub fn new(name: impl Into<String>, rule: Rule) -> Self {
        Self { name: name.into(), rule, unknown: None }
    }

    /// Says whether those are in it of whom the rule does not tell.
    ///
    /// ```
    /// use bespoke::rule::{Rule, Unknown};
    /// use bespoke::segment::Segment;
    /// let thrifty = Rule::parse("event('purchased').within(7 days).sum(value) < 50")?;
    /// let segment = Segment::new("thrifty", thrifty).unknown(Unknown::Include);
    /// assert_eq!(segment.unknown, Some(Unknown::Include));
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn unknown(self, unknown: Unknown) -> Self {
        Self { unknown: Some(unknown), ..self }
    }
}
