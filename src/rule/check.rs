//! What a rule may say: names that exist, kinds that fit, windows and thresholds that profiles can answer.

use crate::config::Fault;
use crate::event::EventKind;
use crate::hash::Map;
use crate::near::nearest;
use crate::schema::Schema;
use crate::time::{Span, shorten};
use crate::value::Kind;

use super::ast::{At, Comparison, Derive, EventQuery, Expr, Literal, Measure, Op, SessionFact, Source, Test};
use super::computed::Part;
use super::error::{NameKind, RuleError};
use super::portrait;

/// The names that a rule may use.
#[derive(Clone, Debug)]
pub struct Vocabulary<'a> {
    schema: &'a Schema,
    segments: Names<'a>,
    lists: Names<'a>,
    campaigns: Vec<CampaignNames<'a>>,
}

/// The names of a campaign and of its variants.
#[derive(Clone, Debug)]
pub struct CampaignNames<'a> {
    /// The campaign's.
    pub name: &'a str,
    /// Those of its variants.
    pub variants: Vec<&'a str>,
}

impl<'a> Vocabulary<'a> {
    /// The declared attributes, events and affinities. Where the schema declares no attributes at all, every name of
    /// an attribute is taken; likewise for the request's.
    #[must_use]
    pub fn new(schema: &'a Schema) -> Self {
        Self { schema, segments: Names::default(), lists: Names::default(), campaigns: Vec::new() }
    }

    /// The declared names.
    #[must_use]
    pub const fn schema(&self) -> &'a Schema {
        self.schema
    }

    /// What is wrong with a name that should be a segment's.
    pub(crate) fn segment_fault(&self, name: &str) -> Option<Fault> {
        let is_known = self.segments.known.contains_key(name);
        (!is_known).then(|| Fault::unknown("segment", name, self.segments.in_order.iter().copied()))
    }

    /// Adds the names of segments.
    #[must_use]
    pub fn segments(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.segments.extend(names);
        self
    }

    /// Adds the names of campaigns and of their variants. Where there are none, every name of a campaign is taken.
    #[must_use]
    pub fn campaigns(mut self, names: impl IntoIterator<Item = CampaignNames<'a>>) -> Self {
        self.campaigns.extend(names);
        self
    }

    /// The names of campaigns and of their variants.
    pub(super) fn known_campaigns(&self) -> &[CampaignNames<'a>] {
        &self.campaigns
    }

    /// Adds the names of lists.
    #[must_use]
    pub fn lists(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.lists.extend(names);
        self
    }
}

/// Names that are looked up, and in their order suggested for others.
#[derive(Clone, Debug, Default)]
struct Names<'a> {
    in_order: Vec<&'a str>,
    known: Map<&'a str, ()>,
}

impl<'a> Names<'a> {
    fn extend(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            if self.known.insert(name, ()).is_none() {
                self.in_order.push(name);
            }
        }
    }
}

/// The longest window of a rule.
pub const LONGEST_WINDOW: Span = Span::days(5 * 365);
/// The largest number up to which a count within a window is exact in any case; beyond it buckets answer.
pub const MOST_WITHIN: u32 = 50;
/// The largest number with which a count within a window is compared.
pub const MOST_COUNTED: u32 = 1_000_000;

/// How many errors of one rule are listed.
pub(crate) const MOST_ERRORS: usize = 100;

pub(crate) fn check(expr: &Expr, vocabulary: &Vocabulary<'_>) -> Vec<RuleError> {
    let mut checker = Checker { vocabulary, errors: Vec::new(), in_list: false };
    checker.expr(expr);
    checker.errors
}

/// What kind of value stands on the left of an operator.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Option<Kind>,
    pub(super) spans: Spans,
}

/// Whether a value is compared with spans of time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spans {
    Never,
    /// Or with a number of seconds.
    Also,
    Only,
}

pub(super) struct Checker<'a> {
    pub(super) vocabulary: &'a Vocabulary<'a>,
    pub(super) errors: Vec<RuleError>,
    /// Whether the condition is one on the elements of a list.
    in_list: bool,
}

impl Checker<'_> {
    pub(super) fn expr(&mut self, expr: &Expr) {
        if self.errors.len() >= MOST_ERRORS {
            return;
        }
        match expr {
            Expr::Const(_) => {}
            Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| self.expr(part)),
            Expr::Not(inner) => self.expr(inner),
            Expr::Segment(name, at) => {
                let segments = &self.vocabulary.segments;
                if !segments.known.contains_key(name.as_str()) {
                    self.unknown(at, NameKind::Segment, name, segments.in_order.iter().copied());
                }
            }
            Expr::Sequence(sequence) => {
                sequence.steps.iter().chain(&sequence.without).for_each(|step| self.step(step));
                super::check_query::sequence(sequence, &mut self.errors);
            }
            Expr::Test(comparison) => self.comparison(comparison),
        }
    }

    fn comparison(&mut self, comparison: &Comparison) {
        let Comparison { source, test, at, op_at } = comparison;
        if let Some(what) = self.misplaced(source) {
            let (at, wanted) = (at.0.clone(), "a value of the person or of the request");
            let found = format!("`{}`, {what}", shorten(&source.to_string()));
            return self.errors.push(RuleError::Syntax { at, wanted, found });
        }
        let kind = self.source(source, test, at, op_at);
        let spans = if matches!(source, Source::Session(SessionFact::Seconds)) { Spans::Also } else { Spans::Never };
        let name = match source {
            Source::Attribute(name)
            | Source::Context(name)
            | Source::Computed { name, .. }
            | Source::Group { name, .. } => name.clone(),
            Source::Session(fact) => fact.name().to_owned(),
            Source::Event(query) => format!("{}()", query.measure.name()),
            Source::Element(_) | Source::Property(_) | Source::Derived(..) => source.to_string(),
            Source::Portrait(of) => return portrait::check(self, of, comparison),
            Source::Score(parts) => return portrait::check_score(self, parts, comparison),
        };
        self.test(test, Left { name: &name, kind, spans }, op_at);
        let whole = match source {
            Source::Attribute(_) | Source::Context(_) | Source::Element(_) => true,
            // Derived values are never lists, but may be compared with the present.
            Source::Derived(..) => !matches!(test, Test::Near(_) | Test::Each { .. }),
            // Of a single time, but it may be compared with the present.
            Source::Event(EventQuery { measure: Measure::First | Measure::Last, .. }) => {
                matches!(test, Test::Is(..) | Test::Between(..) | Test::Anniversary(_)) || is_of_one(test)
            }
            _ => return self.one_value(source, test, op_at),
        };
        if !whole {
            self.errors.push(RuleError::NotAsked { at: op_at.0.clone(), op: test.name(), of: source.name() });
        }
    }

    /// What a source is that has no value where it stands, which only rules that were built in Rust can have.
    fn misplaced(&self, source: &Source) -> Option<&'static str> {
        match source {
            Source::Element(_) if !self.in_list => Some("which only `any` and `every` of a list give"),
            Source::Property(_) => Some("which only `filter` of an event gives"),
            Source::Derived(_, of) => self.misplaced(of),
            _ => None,
        }
    }

    /// Notes a test that asks for more than a single value.
    pub(super) fn one_value(&mut self, source: &Source, test: &Test, op_at: &At) {
        if !is_of_one(test) {
            self.errors.push(RuleError::NotAsked { at: op_at.0.clone(), op: test.name(), of: source.name() });
        }
    }

    /// The kind of value that a source gives, if that is known.
    fn source(&mut self, source: &Source, test: &Test, at: &At, op_at: &At) -> Option<Kind> {
        let schema = self.vocabulary.schema;
        match source {
            Source::Attribute(name) => self.declared(NameKind::Attribute, name, &schema.attributes, at),
            Source::Group { kind, name } => self.group(kind, name, at),
            Source::Computed { part: Part::Value, .. } => None,
            Source::Computed { .. } => Some(Kind::Number),
            Source::Context(name) => self.declared(NameKind::Context, name, &schema.context, at),
            Source::Session(fact) => Some(if fact.is_number() { Kind::Number } else { Kind::Text }),
            Source::Event(query) => {
                self.event(query, test, op_at);
                Some(if matches!(query.measure, Measure::First | Measure::Last) { Kind::Time } else { Kind::Number })
            }
            // These are checked by themselves.
            Source::Element(_) | Source::Property(_) | Source::Portrait(_) | Source::Score(_) => None,
            Source::Derived(derive, of) => {
                let kind = self.source(of, &Test::Exists, at, op_at);
                let wanted = match derive {
                    Derive::Size => Some((Kind::List, "a list")),
                    Derive::Length => Some((Kind::Text, "text")),
                    _ => None,
                };
                if let (Some(found), Some((wanted, phrase))) = (kind, wanted) {
                    if found != wanted {
                        let name = shorten(&of.to_string());
                        let at = at.0.clone();
                        let (op, wanted, found) = (derive.text(), phrase, self::phrase(found));
                        self.errors.push(RuleError::KindMismatch { at, op, wanted, name, found });
                    }
                }
                derive.kind()
            }
        }
    }

    /// The kind of a declared name; of a dotted one, that of the whole name, or nothing inside a declared object.
    fn declared(
        &mut self,
        what: NameKind,
        name: &str,
        known: &std::collections::BTreeMap<String, Kind>,
        at: &At,
    ) -> Option<Kind> {
        if let Some(kind) = known.get(name) {
            return Some(*kind);
        }
        let inside = name.split_once('.').and_then(|(first, _)| known.get(first));
        if !known.is_empty() && inside != Some(&Kind::Object) {
            self.unknown(at, what, name, known.keys().map(String::as_str));
        }
        None
    }

    /// The kind of an attribute of a group. Where no kinds of groups are declared, all are taken.
    fn group(&mut self, kind: &str, name: &str, at: &At) -> Option<Kind> {
        let groups = &self.vocabulary.schema.groups;
        if groups.is_empty() {
            return None;
        }
        let Some(known) = groups.get(kind) else {
            self.unknown(at, NameKind::Group, kind, groups.keys().map(String::as_str));
            return None;
        };
        if name == "id" {
            return Some(Kind::Text);
        }
        self.declared(NameKind::GroupAttribute, name, known, at)
    }

    /// The names of an event and of what is asked of its properties.
    fn step(&mut self, query: &EventQuery) {
        let schema = self.vocabulary.schema;
        if !schema.knows(&query.kind) {
            // Our own names come first, so that of equally near names the one that we print is suggested.
            let known = EventKind::KNOWN;
            let names = known.iter().chain(&schema.events).map(EventKind::name);
            let aliases = known.iter().flat_map(|kind| kind.aliases().iter().copied());
            self.unknown(&query.at, NameKind::Event, query.kind.name(), names.chain(aliases));
        }
        query.each_test(&mut |asked| {
            let left = Left { name: asked.name, kind: None, spans: Spans::Never };
            self.test(asked.test, left, asked.at);
        });
        portrait::check_event(self, query);
    }

    fn event(&mut self, query: &EventQuery, test: &Test, op_at: &At) {
        self.step(query);
        super::check_query::query(query, test, op_at, &mut self.errors);
    }

    pub(super) fn test(&mut self, test: &Test, left: Left<'_>, at: &At) {
        let op = test.name();
        let ordered = matches!(test, Test::Is(Op::Gt | Op::Ge | Op::Lt | Op::Le, _) | Test::Between(..));
        let found = |name: &str, found: Kind, wanted: &'static str| RuleError::KindMismatch {
            at: at.0.clone(),
            op,
            wanted,
            name: shorten(name),
            found: phrase(found),
        };
        let plain = match test {
            Test::IgnoringCase(inner) => inner,
            test => test,
        };
        let (wanted, kinds): (&'static str, &[Kind]) = match plain {
            Test::Contains(_) | Test::StartsWith(_) | Test::EndsWith(_) | Test::Matches(_) => {
                ("text", &[Kind::Text, Kind::List])
            }
            Test::Version(..) => ("text", &[Kind::Text, Kind::List, Kind::Number]),
            Test::Each { .. } => ("a list", &[Kind::List]),
            Test::Near(_) => ("a place", &[Kind::List, Kind::Object]),
            Test::Anniversary(_) => ("a time", &[Kind::Time, Kind::Text, Kind::List]),
            _ => ("", &Kind::ALL),
        };
        if let Some(kind) = left.kind.filter(|kind| !kinds.contains(kind)) {
            self.errors.push(found(left.name, kind, wanted));
        }
        match plain {
            Test::InList(name) | Test::NotInList(name) => {
                let lists = &self.vocabulary.lists;
                if !lists.known.contains_key(name.as_str()) {
                    self.unknown(at, NameKind::List, name, lists.in_order.iter().copied());
                }
            }
            Test::Each { inner, .. } => {
                let outside = std::mem::replace(&mut self.in_list, true);
                self.expr(inner);
                self.in_list = outside;
            }
            _ => {}
        }
        for literal in literals(test) {
            let kind = match literal {
                Literal::Bool(_) => Kind::Bool,
                Literal::Number(number) => {
                    if !number.is_finite() {
                        self.errors.push(RuleError::NotFinite { at: at.0.clone() });
                        return;
                    }
                    Kind::Number
                }
                Literal::Text(_) => Kind::Text,
                Literal::Time(_) | Literal::Now { .. } => Kind::Time,
                Literal::Span(_) => {
                    if left.spans == Spans::Never {
                        let (at, name, found) = (at.0.clone(), literal.to_string(), "a span of time");
                        let wanted = left.kind.map_or("another value", phrase);
                        self.errors.push(RuleError::KindMismatch { at, op, wanted, name, found });
                        return;
                    }
                    continue;
                }
            };
            if left.spans == Spans::Only {
                let (at, name) = (at.0.clone(), left.name.to_owned());
                let (wanted, found) = (phrase(kind), "a span of time, such as `7d`");
                self.errors.push(RuleError::KindMismatch { at, op, wanted, name, found });
                return;
            }
            if ordered && kind == Kind::Bool {
                self.errors.push(found(&literal.to_string(), kind, "text, a number or a time"));
                return;
            }
            let fits = match left.kind {
                None | Some(Kind::List) => true,
                // A time may also be written as milliseconds.
                Some(Kind::Time) => matches!(kind, Kind::Time | Kind::Number),
                Some(left) => left == kind,
            };
            if let (false, Some(left_kind)) = (fits, left.kind) {
                // What the rule wrote tells what it took the value for; one error for a list is enough.
                self.errors.push(found(left.name, left_kind, phrase(kind)));
                return;
            }
        }
    }

    pub(super) fn unknown<'n>(
        &mut self,
        at: &At,
        what: NameKind,
        name: &str,
        candidates: impl Iterator<Item = &'n str>,
    ) {
        let nearest = nearest(name, candidates);
        self.errors.push(RuleError::Unknown { at: at.0.clone(), what, name: shorten(name), nearest });
    }
}

/// Whether it can be asked of a single value that has no parts and does not move.
fn is_of_one(test: &Test) -> bool {
    test.is_scalar() || matches!(test, Test::InList(_) | Test::NotInList(_))
}

pub(super) fn literals(test: &Test) -> std::iter::Chain<std::slice::Iter<'_, Literal>, Ends<'_>> {
    let (some, pair): (&[Literal], [Option<&Literal>; 2]) = match test {
        Test::Is(_, literal) => (&[], [Some(literal), None]),
        Test::Between(low, high) => (&[], [Some(low), Some(high)]),
        Test::In(values) | Test::NotIn(values) | Test::All(values) => (values, [None, None]),
        Test::IgnoringCase(inner) => return literals(inner),
        _ => (&[], [None, None]),
    };
    some.iter().chain(pair.into_iter().flatten())
}

/// The literals of a test that has one or two.
pub(super) type Ends<'a> = std::iter::Flatten<std::array::IntoIter<Option<&'a Literal>, 2>>;

/// The kind as it reads in a sentence.
const fn phrase(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "true or false",
        Kind::Number => "a number",
        Kind::Text => "text",
        Kind::Time => "a time",
        Kind::List => "a list",
        Kind::Object => "an object",
    }
}
