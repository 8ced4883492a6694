//! Rules: yes/no expressions over a person and a request, written as text, as JSON or in Rust.
//!
//! ```text
//! plan = 'pro' AND event('item_viewed').where(category = 'shoes').within(7 days).count() >= 3
//!     AND NOT segment('newsletter') AND (affinity('category', 'shoes') > 0.3 OR context('page') = '/shoes')
//! ```
//!
//! Attributes stand by their names, or in quotes within `attribute('…')`; those of the person's groups behind their
//! kind, as in `group('company').plan`. `context`, `session`, `segment`, `event` and those under
//! [Portrait](#portrait) are the other things to ask about. The operators are `= != > >= < <=`, `[NOT] IN (…)`,
//! `BETWEEN … AND …`, `EXISTS`, `CONTAINS`, `STARTS_WITH`; `AND`, `OR`, `NOT` and parentheses combine. The same in
//! JSON is `{"plan": "pro", "$event": {"name": "item_viewed", "where": {"category": "shoes"}, "within": "7d",
//! "count": {"$gte": 3}}, "$not": {"$segment": "newsletter"}}`. All forms give one tree.
//!
//! # Values
//!
//! | Written | Holds for |
//! |---|---|
//! | `plan ENDS_WITH 'o'`, `plan MATCHES '^p.o$'` | text; patterns are matched in linear time, with the syntax of [`regex_lite`] |
//! | `plan IN ('Pro', 'max') IGNORING CASE` | text in upper or lower case; also of `=`, `!=`, `ALL` and parts of text |
//! | `plan IN LIST 'paid'` | one of a list that stands beside the rules ([`Lists`]) |
//! | `tags ALL ('new', 'red')` | a list that has all of these |
//! | `orders ANY (it.total > 50 AND it.paid = true)` | a list with such an element; `EVERY`: one of none other, and not empty |
//! | `size(tags) > 2`, `length(name) < 20` | a list of so many elements, text of so many characters |
//! | `plan IS TEXT` | a value of this kind: `BOOL`, `NUMBER`, `TEXT`, `TIME`, `LIST`, `OBJECT` |
//! | `tags === json('["a", "b"]')` | exactly this value, lists and objects as a whole |
//! | `app VERSION >= '2.10.0'` | a version, in the order of Semantic Versioning |
//! | `since < now() - 30 days` | a time, compared with the present |
//! | `born ANNIVERSARY WITHIN 7 days` | a date whose day and month come up, all days in UTC |
//! | `home WITHIN 25 km OF (52.52, 13.40)` | a place: `[latitude, longitude]`, or an object with `lat` and `lon` (or `lng`) |
//! | `js_number(n) > 5` | what JavaScript makes of a value; also `js_text`, `js_bool`, `js_value`, `js_version` |
//!
//! In JSON these are `$endsWith`, `$regex`, `$regexi`, `$ini`, `$eqi` and so on, `$inGroup`, `$all`, `$elemMatch`,
//! `$every`, `$size`, `$length`, `$type`, `$same`, `$vgte`, `{"$now": "-30d"}`, `$anniversary`, `$near` and `$jsNumber`.
//!
//! # Events
//!
//! | Written | What it is |
//! |---|---|
//! | `event('x').count() >= 3`, `event('x')` | how often; whether at all. "Never" is `NOT event('x')` or `count() = 0` |
//! | `.sum(p)`, `.avg(p)`, `.min(p)`, `.max(p)` | of a numeric property; of no event the sum is 0, the others are missing |
//! | `.distinct(p)` | how many different values |
//! | `.first()`, `.last()` | when, as in `last() > now() - 30 days`; missing where there is none. Of dates: `first() ANNIVERSARY` |
//! | `.days()`, `.weeks()` | in how many calendar days or weeks; "regularly" is `within(7 days).days() >= 3` |
//! | `.within(7 days)`, `.between(14 days, 7 days)` | the last 168 hours; those before them |
//! | `.since('2026-03-01')`, `.in_session()` | from a time on; in the running session |
//! | `.today('+01:00')`, `.this_week()` | the calendar's, at an offset from UTC; also `.calendar_days(7)`, `.calendar_weeks(2)` |
//! | `sequence(event('a') then event('b').within(1 h))` | one after the other; `.without(event('c'))` in between |
//! | `sequence(event('a')).without(event('c')).after(2 hours)` | absence: `a`, and no `c` within two hours; holds from then on |
//!
//! `where(…)` takes `AND`, `OR`, `NOT` and parentheses as well, as in `where(category = 'shoes' AND NOT (price < 50 OR
//! brand IN ('x', 'y')))`, in JSON `$and`, `$or`, `$nor`, `$not`, or a list that means AND; a property whose name begins
//! with `$` stands within `$property`. Its tests read the event's properties, its own fields and what the catalog says of
//! its items; of several items any may pass, for each test by itself, and NOT then asks that none does. Counts up to
//! 50 are exact to the millisecond, lifetime ones are always exact. Amounts, and counts above 50, are exact up to 51
//! events in the window or in windows of the calendar, and read whole buckets of a 24th of the window beyond. Distinct
//! values are exact up to 64, then estimated to 9.2 %. Sequences look at the newest 64 events that match a step. In
//! JSON the window is one of `within`, `between`, `since`, `in_session`, `calendar_days` and `calendar_weeks` (with
//! `offset`), the measure stands beside it by its name, and `$sequence` has `steps`, `without`, `after` and a window.
//!
//! # Portrait
//!
//! | Written | Is |
//! |---|---|
//! | `affinity('category', 'shoes')` | the share of the interest along an item attribute, from 0 to 1 |
//! | `affinity('category', 'shoes').score()`, `….rank()` | its decayed weight; its place, from 1 on |
//! | `affinity('category').top() = 'shoes'` | the value of the strongest interest |
//! | `lifecycle() = 'at_risk'` | `new`, `active`, `at_risk`, `lapsed` or `returned`; see [`Lifecycle`](crate::profile::Lifecycle) |
//! | `lifecycle().since() < 3 days` | for how long the person has been in that stage |
//! | `purchases().count()`, `purchases().since()`, `purchases('EUR').sum()` | how often, how long ago, for how much |
//! | `rfm(recency) >= 4` | a score by the schema's cut points; also `frequency` and `monetary` |
//! | `percent('new-checkout') < 10` | where the stable hash of the person falls; see [`Bucket::percent`](crate::hash::Bucket::percent) |
//! | `variant('spring') = 'b'` | the variant that a campaign showed first |
//! | `local(hour, '+02:00') >= 18` | the local time; also `time`, `day_part`, `weekday` and `date` |
//! | `score(3 IF plan = 'pro', -1 IF event('refunded')) >= 2` | the points of the conditions that hold |
//!
//! What time alone changes has its exact time: weights fade, stages and scores end, clocks go on. Without an offset
//! `local` takes the request's: `context('utc_offset')`, in minutes or such as `+02:00`, else UTC. Spans are written as
//! `7 days` or `1h30m`. "First time" is `session(count) = 1`, "in two of three segments" is `score(1 IF segment('a'),
//! 1 IF segment('b'), 1 IF segment('c')) >= 2`, and what was shown is asked of events: `event('exposed').where(campaign
//! = 'spring' AND variant = 'b').within(7 days).count() >= 3`, with `campaign`, `variant` and `placement` known from the
//! decision that the event names. Page, referrer, device and UTM parameters are what the host puts into the request:
//! `context('utm.source') = 'newsletter'`.
//!
//! Where visits came from is a fact of the session: `session(source)`, `session(medium)` and `session(campaign)` of the
//! running one, and each with `first_` or `last_` before it of the first and the last visit that named a source. Medium
//! and campaign are the properties `utm_medium` and `utm_campaign` of the event with the source.
//!
//! In JSON these are `$affinity`, `$affinityScore`, `$affinityRank`, `$affinityTop`, `{"$lifecycle": {"stage": "lapsed",
//! "since": {"$lt": {"$span": "3d"}}}}`, `$purchases` with `count`, `since` and `sum`, `$rfm`, `$percent`, `$variant`,
//! `{"$local": {"offset": "+02:00", "hour": {"$gte": 18}}}`, and `{"$score": {"of": [{"points": 3, "if": {…}}, …],
//! "$gte": 2}}`.
//!
//! # Meaning
//!
//! An object is kept as its parts: `address EXISTS` holds where any of them is there, and `address.city` asks for one;
//! likewise `group('company').address EXISTS`.
//! What is missing compares as false, and so `x != 1`, which is `NOT x = 1`, holds where `x` is missing. Kinds are
//! never turned into each other: `'5'` is not `5`. A list passes if any of its elements does. Text compares by bytes.
//! `time('2026-03-01')` compares with milliseconds and with RFC 3339 text. A window is `(now - W, now]`, and a day is
//! 24 hours. What approximates says by how much (see [`Reading::estimate`](crate::profile::Reading::estimate)).
//!
//! Answers have three values. A condition on what is no longer kept (the newest times of a counter all lie ahead, say)
//! is unknown unless what is kept settles it; AND, OR and NOT follow Kleene, and who asks takes unknown for no, unless a
//! segment, a campaign or the settings say otherwise ([`Unknown`]).
//!
//! A rule is parsed, then checked against the declared names ([`Rule::check`]), then compiled into symbols and
//! counters ([`Rule::compile`]), then evaluated against [`Facts`] as often as needed.

mod alone;
mod asked;
mod ast;
mod build_query;
mod build_values;
mod builder;
mod cause;
mod check;
mod check_query;
mod computed;
mod derive;
mod error;
mod eval;
mod eval_query;
mod explain;
mod facts;
mod fold;
mod geo;
mod growthbook;
mod js;
mod js_pattern;
mod json;
mod json_logic;
mod json_query;
mod json_test;
mod lexer;
mod lint;
mod lists;
mod parse_query;
mod parse_test;
mod parser;
mod pattern;
mod plan;
mod portrait;
mod print;
mod query;
mod session;
mod value_test;
mod version;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use alone::{Alone, Given};
pub use ast::{Literal, MAX_DEPTH, MAX_TEXT_BYTES, MAX_VALUES, SessionFact};
pub use build_query::{EventOperand, SequenceOperand, event, sequence};
pub use builder::Operand;
pub(crate) use cause::{Cause, Variety};
pub use check::{CampaignNames, LONGEST_WINDOW, MOST_COUNTED, MOST_WITHIN, Vocabulary};
pub(crate) use computed::ComputedNames;
pub use computed::Part;
pub use error::{Location, NameKind, RuleError, RuleErrors};
pub use eval::{Aspect, Compiled, Reads};
pub use explain::{Branch, Change, Evidence, Explanation, Step};
pub(crate) use explain::{Segments, explain};
pub use facts::{EventFacts, Facts, Scalar};
pub(crate) use lint::Linter;
pub use lists::{List, Lists};
pub use pattern::PatternError;
pub use plan::{CounterPlan, CounterSpec};
pub use portrait::{LocalFact, RfmScore};

pub use crate::truth::{Answer, Truth, Unknown};

use crate::hash::Map;
use crate::profile::CounterId;
use ast::Expr;

/// A yes/no expression over a person and a request.
///
/// Rules are equal when they mean the same tree, however and wherever it was written. They are stored as text.
///
/// ```
/// use bespoke::rule::{Rule, Vocabulary};
/// use bespoke::schema::Schema;
/// let rule = Rule::parse("event('product_veiwed').within(7 days).count() >= 3").unwrap();
/// let errors = rule.check(&Vocabulary::new(&Schema::default()));
/// assert_eq!(errors[0].to_string(), "1:7: unknown event `product_veiwed`; did you mean `product_viewed`?");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    expr: Expr,
    /// What was wrong with a rule that was built in Rust.
    broken: Option<Box<RuleError>>,
}

impl Rule {
    /// Reads the text form; linear in its length.
    ///
    /// # Errors
    /// The first [`RuleError`], with line and column.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        Self::of(parser::parse(text)?, || Location::Text { line: 1, column: 1 })
    }

    /// Reads the JSON form.
    ///
    /// A key that stood twice in an object of a text has lost one of its values before this sees it, in `serde_json` as
    /// in most readers. Rules within definitions are read from their text, where that is an error
    /// ([`Fault::RepeatedKey`](crate::config::Fault::RepeatedKey)); conditions on one name are joined by `$and`.
    ///
    /// # Errors
    /// Every [`RuleError`] up to a hundred, each with its path.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, RuleErrors> {
        Ok(Self::of(json::read(json)?, || Location::Path("".into()))?)
    }

    /// Reads a condition as GrowthBook's SDKs evaluate it, into the same tree as every other rule.
    ///
    /// What their conditions leave to JavaScript is said openly: `{"n": {"$gt": 5}}` becomes `js_number(n) > 5`, which
    /// takes the text `"8"` for a number and what is missing for 0. A condition that the SDKs take but answer with
    /// false becomes false: an unknown operator or saved group, a pattern that is none, an operand of the wrong kind.
    /// `lists` are the saved groups.
    ///
    /// It differs from the SDKs in this: objects are equal whatever the order of their fields, text is ordered by
    /// Unicode rather than by UTF-16, and an attribute with a dot in its name is found by it.
    ///
    /// # Errors
    /// What is no condition at all, a pattern that cannot be matched in linear time (such as one with look-around),
    /// and what passes the limits of rules.
    ///
    /// ```
    /// use bespoke::rule::{Lists, Rule};
    /// let condition = serde_json::json!({"age": {"$gt": 18}, "country": {"$in": ["DE", "AT"]}});
    /// let rule = Rule::from_growthbook(&condition, &Lists::default()).unwrap();
    /// assert_eq!(rule.to_string(), "js_number(age) > 18 AND country IN ('DE', 'AT')");
    /// ```
    pub fn from_growthbook(condition: &serde_json::Value, lists: &Lists) -> Result<Self, RuleErrors> {
        Ok(Self::of(growthbook::read(condition, lists)?, || Location::Path("".into()))?)
    }

    /// Reads a rule of JsonLogic, with flagd's `starts_with`, `ends_with` and `sem_ver`, into the same tree as every
    /// other rule. A `var` is an attribute; within `some`, `all` and `none` it is a part of the element.
    ///
    /// It answers as the reference implementation in JavaScript does, but that a list is `in` another one if any of
    /// its elements is.
    ///
    /// # Errors
    /// What computes a value rather than saying yes or no (arithmetic, `map`, `fractional` …), what compares two
    /// `var`s with each other, what is no operator, and what passes the limits of rules; each with its path.
    ///
    /// ```
    /// use bespoke::Rule;
    /// let logic = serde_json::json!({"and": [{">=": [{"var": "age"}, 18]}, {"ends_with": [{"var": "email"}, "@x.org"]}]});
    /// let rule = Rule::from_jsonlogic(&logic).unwrap();
    /// assert_eq!(rule.to_string(), "js_number(age) >= 18 AND email ENDS_WITH '@x.org'");
    /// ```
    pub fn from_jsonlogic(logic: &serde_json::Value) -> Result<Self, RuleErrors> {
        Ok(Self::of(json_logic::read(logic)?, || Location::Path("".into()))?)
    }

    /// Reads either form: a JSON string holds the text form, anything else is the JSON form.
    ///
    /// # Errors
    /// As [`Rule::parse`] or [`Rule::from_json`].
    pub fn from_value(json: &serde_json::Value) -> Result<Self, RuleErrors> {
        match json {
            serde_json::Value::String(text) => Ok(Self::parse(text)?),
            other => Self::from_json(other),
        }
    }

    /// The JSON form.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        json::write(&self.expr)
    }

    /// What in the rule does not fit the declared names, or no profile can answer, up to a hundred errors; empty if it
    /// is sound.
    #[must_use]
    pub fn check(&self, vocabulary: &Vocabulary<'_>) -> Vec<RuleError> {
        let mut errors: Vec<RuleError> = self.broken.iter().map(|error| (**error).clone()).collect();
        let bytes = self.expr.text_bytes();
        if bytes > MAX_TEXT_BYTES {
            errors.push(RuleError::TooLong { bytes, limit: MAX_TEXT_BYTES });
        }
        errors.extend(check::check(&self.expr, vocabulary));
        errors
    }

    /// The names of the segments that the rule asks about, in the order in which it does, without repetition.
    #[must_use]
    pub fn segments(&self) -> Vec<&str> {
        fn walk<'a>(expr: &'a Expr, names: &mut Vec<&'a str>, seen: &mut Map<&'a str, ()>) {
            match expr {
                Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| walk(part, names, seen)),
                Expr::Not(inner) => walk(inner, names, seen),
                Expr::Segment(name, _) if seen.insert(name, ()).is_none() => names.push(name),
                Expr::Test(comparison) => {
                    if let ast::Source::Score(parts) = &comparison.source {
                        parts.iter().for_each(|part| walk(&part.rule, names, seen));
                    }
                }
                _ => {}
            }
        }
        let mut names = Vec::new();
        walk(&self.expr, &mut names, &mut Map::default());
        names
    }

    /// The names of the attributes that the rule asks about, in the order in which it does, without repetition.
    ///
    /// ```
    /// use bespoke::Rule;
    /// let rule = Rule::parse("plan = 'pro' AND NOT (age > 30 OR plan = 'club')").unwrap();
    /// assert_eq!(rule.attributes(), ["plan", "age"]);
    /// ```
    #[must_use]
    pub fn attributes(&self) -> Vec<&str> {
        fn walk<'a>(expr: &'a Expr, names: &mut Vec<&'a str>) {
            match expr {
                Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| walk(part, names)),
                Expr::Not(inner) => walk(inner, names),
                Expr::Test(comparison) => match &comparison.source {
                    ast::Source::Attribute(name) if !names.contains(&name.as_str()) => names.push(name),
                    _ => {}
                },
                _ => {}
            }
        }
        let mut names = Vec::new();
        walk(&self.expr, &mut names);
        names
    }

    /// The parts of which all must hold: those of a conjunction, or the rule itself.
    ///
    /// ```
    /// use bespoke::Rule;
    /// let rule = Rule::parse("plan = 'pro' AND (age > 30 OR age EXISTS)").unwrap();
    /// assert_eq!(rule.parts().len(), 2);
    /// assert_eq!(rule.parts()[0].to_string(), "plan = 'pro'");
    /// ```
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        match &self.expr {
            Expr::And(parts) if self.broken.is_none() => {
                parts.iter().map(|part| Self { expr: part.clone(), broken: None }).collect()
            }
            _ => vec![self.clone()],
        }
    }

    /// Every counter that the rule asks for, with what it counts.
    pub(crate) fn counted(
        &self,
        segment: &mut dyn FnMut(&str) -> Option<usize>,
        lists: &Lists,
    ) -> Vec<(CounterId, String)> {
        let mut counted = Vec::new();
        lint::each_test(&self.expr, &mut |expr, comparison| {
            let compiled = eval::compile(expr, segment, lists, &mut CounterPlan::default());
            let text = match &comparison.source {
                // Counts within all windows share one counter; sums within windows of one width do.
                ast::Source::Event(query)
                    if !matches!(query.when, ast::When::Since(_)) && query.measure.property().is_none() =>
                {
                    let mut lifelong = query.clone();
                    lifelong.when = ast::When::Ever;
                    lifelong.to_string()
                }
                source => source.to_string(),
            };
            let ids = compiled.map(|compiled| compiled.reads().counters.clone()).unwrap_or_default();
            counted.extend(ids.into_iter().map(|id| (id, text.clone())));
        });
        lint::each_sequence(&self.expr, &mut |expr| {
            let compiled = eval::compile(expr, segment, lists, &mut CounterPlan::default());
            let ids = compiled.map(|compiled| compiled.reads().counters.clone()).unwrap_or_default();
            counted.extend(ids.into_iter().map(|id| (id, expr.to_string())));
        });
        counted
    }

    /// Makes the rule ready for evaluation: `segment` gives the index of a segment by its name, and what the rule
    /// counts is added to the plan; `lists` are those that it may look into. Limits that [`Rule::check`] reports are not looked at again; a count beyond them
    /// is then a lower bound.
    ///
    /// # Errors
    /// An unknown segment or list, or what was wrong with a rule built in Rust.
    pub fn compile(
        &self,
        segment: &mut dyn FnMut(&str) -> Option<usize>,
        lists: &Lists,
        plan: &mut CounterPlan,
    ) -> Result<Compiled, RuleError> {
        match &self.broken {
            Some(error) => Err((**error).clone()),
            None => eval::compile(&self.expr, segment, lists, plan),
        }
    }

    /// Whether the rule is one event with tests on its properties, and asks nothing but whether it happened.
    pub(crate) fn is_event(&self) -> bool {
        let Expr::Test(comparison) = &self.expr else { return false };
        let ast::Source::Event(query) = &comparison.source else { return false };
        let asks = comparison.test == ast::Test::Is(ast::Op::Ge, Literal::Number(1.0));
        asks && query.measure == ast::Measure::Count && query.when == ast::When::Ever
    }

    fn of(expr: Expr, at: impl FnOnce() -> Location) -> Result<Self, RuleError> {
        if expr.depth() > MAX_DEPTH {
            return Err(RuleError::TooDeep { at: at(), limit: MAX_DEPTH });
        }
        // It is stored as text, which must read back.
        let bytes = expr.text_bytes();
        if bytes > MAX_TEXT_BYTES {
            return Err(RuleError::TooLong { bytes, limit: MAX_TEXT_BYTES });
        }
        Ok(Self { expr, broken: None })
    }
}

impl fmt::Display for Rule {
    /// The text form, which parses back to an equal rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl FromStr for Rule {
    type Err = RuleError;
    fn from_str(text: &str) -> Result<Self, RuleError> {
        Self::parse(text)
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rule {
    /// Takes either form from JSON and its like, the text form from compact encodings.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Self::from_value(&serde_json::Value::deserialize(deserializer)?).map_err(de::Error::custom)
        } else {
            Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests;
