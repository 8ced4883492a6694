//! A rule by itself: for hosts that only want to know whether attributes pass a condition.

use super::error::RuleError;
use super::eval::Compiled;
use super::facts::Facts;
use super::lists::Lists;
use super::{CounterPlan, Rule};
use crate::hash::Symbol;

use crate::time::Timestamp;
use crate::truth::Truth;
use crate::value::{Properties, Value};

/// A rule that is asked of attributes alone, without profiles, events and segments.
///
/// ```
/// use bespoke::rule::{Lists, Rule};
/// use bespoke::value::Properties;
/// let rule = Rule::parse("age >= 18 AND address.city IN ('Graz', 'Linz')")?.compile_alone(&Lists::default())?;
/// let ann: Properties = serde_json::from_str(r#"{"age": 30, "address": {"city": "Graz"}}"#).unwrap();
/// assert!(rule.matches(&ann));
/// # Ok::<(), bespoke::rule::RuleError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Alone(Compiled);

impl Rule {
    /// Makes the rule ready to be asked of attributes alone; `lists` are those that it may look into.
    ///
    /// What it asks about events, affinities and sessions finds nothing there.
    ///
    /// # Errors
    /// An unknown list, a segment, or what was wrong with a rule built in Rust.
    pub fn compile_alone(&self, lists: &Lists) -> Result<Alone, RuleError> {
        self.compile(&mut |_| None, lists, &mut CounterPlan::default()).map(Alone)
    }
}

impl Alone {
    /// Whether attributes pass, at the beginning of 1970 and with no request; linear in their number.
    #[must_use]
    pub fn matches(&self, attributes: &Properties) -> bool {
        self.eval(&Given::new(attributes)).holds()
    }

    /// Whether the rule holds for what is given, and until when.
    #[must_use]
    pub fn eval(&self, given: &Given<'_>) -> Truth {
        self.0.eval(given)
    }
}

/// Attributes, the request and the time, as a rule reads them: the simplest [`Facts`].
///
/// ```
/// use bespoke::rule::{Given, Lists, Rule};
/// use bespoke::time::{Span, Timestamp};
/// let rule = Rule::parse("born ANNIVERSARY AND context('page') = 'home'").unwrap();
/// let rule = rule.compile_alone(&Lists::default()).unwrap();
/// let (ann, request) = ([("born".to_owned(), "1990-07-14".into())].into(), [("page".to_owned(), "home".into())].into());
/// let now: Timestamp = "2026-07-14T18:00:00Z".parse().unwrap();
/// let truth = rule.eval(&Given::new(&ann).context(&request).at(now));
/// assert!(truth.holds());
/// assert_eq!(truth.until, now + Span::hours(6));
/// ```
#[derive(Clone, Debug)]
pub struct Given<'a> {
    attributes: Vec<(Symbol, &'a Value)>,
    context: Vec<(Symbol, &'a Value)>,
    now: Timestamp,
}

impl<'a> Given<'a> {
    /// Attributes by themselves, at the beginning of 1970.
    #[must_use]
    pub fn new(attributes: &'a Properties) -> Self {
        Self { attributes: symbols(attributes), context: Vec::new(), now: Timestamp::EPOCH }
    }

    /// The same with a request.
    #[must_use]
    pub fn context(mut self, context: &'a Properties) -> Self {
        self.context = symbols(context);
        self
    }

    /// The same at another time.
    #[must_use]
    pub const fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }
}

fn symbols(properties: &Properties) -> Vec<(Symbol, &Value)> {
    let mut symbols: Vec<_> = properties.iter().map(|(name, value)| (Symbol::new(name), value)).collect();
    symbols.sort_unstable_by_key(|(symbol, _)| *symbol);
    symbols
}

fn find<'a>(symbols: &[(Symbol, &'a Value)], name: Symbol) -> Option<&'a Value> {
    symbols.binary_search_by_key(&name, |(symbol, _)| *symbol).ok().map(|at| symbols[at].1)
}

impl Facts for Given<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }
    fn attribute(&self, name: Symbol) -> Option<&Value> {
        find(&self.attributes, name)
    }
    fn context(&self, name: Symbol) -> Option<&Value> {
        find(&self.context, name)
    }
}
