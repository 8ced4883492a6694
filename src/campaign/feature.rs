//! What the bandit of a campaign is told about the person and the request.

use serde_json::Value as Json;

use super::read::rule_of;
use crate::config::{Fault, Reader};
use crate::rule::Rule;

/// A number about the person or the request, by which a bandit chooses: part of a definition.
///
/// In JSON a rule as text, or one of `{"rule": …}`, `{"attribute": "age", "missing": 40}` and
/// `{"context": "hour", "missing": 12}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Feature {
    /// One where the rule says yes, zero where it says no or does not know. Segments are features so: their effects are
    /// drawn towards each other and towards nothing as far as the rewards have it.
    Rule(Rule),
    /// An attribute of the person: its number, or 0 and 1 for yes and no.
    Attribute {
        /// The name.
        name: String,
        /// What counts where there is none, or no number from -10^9 to 10^9.
        missing: f64,
    },
    /// The same of what the request says.
    Context {
        /// The name.
        name: String,
        /// What counts where there is none.
        missing: f64,
    },
}

/// The most features of a campaign.
pub const MAX_FEATURES: usize = 256;

impl Feature {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Self> {
        if let Json::String(_) = reader.json() {
            let json = reader.json();
            return rule_of(reader, "", json).map(Self::Rule);
        }
        reader.is_object().then_some(())?;
        if let Some(json) = reader.field("rule") {
            let rule = rule_of(reader, "rule", json);
            reader.finish();
            return rule.map(Self::Rule);
        }
        let missing = reader.number("missing", -1e9..=1e9, "a number from -1e9 to 1e9").unwrap_or(0.0);
        if reader.field("context").is_some() {
            let name = reader.name("context");
            reader.finish();
            return name.map(|name| Self::Context { name, missing });
        }
        if reader.field("attribute").is_none() {
            reader.fault(Fault::Missing { field: "attribute" });
            return None;
        }
        let name = reader.name("attribute");
        reader.finish();
        name.map(|name| Self::Attribute { name, missing })
    }
}
