//! Every kind of leaf that the tree can have, from Rust to text and JSON and back.

use std::collections::BTreeSet;

use super::*;
use crate::profile::Period;
use crate::rule::ast::{Derive, EventQuery, Measure, Op, Source, Test, When};
use crate::rule::portrait::{AffinityMeasure, Portrait};

/// The kinds of leaf that were seen. The matches have no `_`, so that a new kind must be named here; [`KINDS`] counts
/// them.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    fn note(&mut self, kind: impl Into<String>) {
        self.0.insert(kind.into());
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Const(value) => self.note(format!("{value}")),
            Expr::And(parts) => {
                self.note("and");
                parts.iter().for_each(|part| self.expr(part));
            }
            Expr::Or(parts) => {
                self.note("or");
                parts.iter().for_each(|part| self.expr(part));
            }
            Expr::Not(inner) => {
                self.note("not");
                self.expr(inner);
            }
            Expr::Segment(..) => self.note("segment"),
            Expr::Sequence(of) => {
                self.note("sequence");
                self.note(if of.after.is_some() { "after" } else { "no after" });
                self.note(if of.without.is_some() { "without" } else { "no without" });
                self.when("sequence", of.when);
                of.steps.iter().chain(&of.without).for_each(|step| self.query(step));
            }
            Expr::Test(comparison) => {
                self.source(&comparison.source);
                self.test(&comparison.test);
            }
        }
    }

    fn query(&mut self, query: &EventQuery) {
        self.when("event", query.when);
        self.note(match &query.measure {
            Measure::Count => "count",
            Measure::Sum(_) => "sum",
            Measure::Mean(_) => "mean",
            Measure::Min(_) => "min",
            Measure::Max(_) => "max",
            Measure::Distinct(_) => "distinct",
            Measure::First => "first",
            Measure::Last => "last",
            Measure::Periods(Period::Day) => "days",
            Measure::Periods(Period::Week) => "weeks",
        });
        query.tests.iter().for_each(|test| self.expr(test));
    }

    fn when(&mut self, of: &str, when: When) {
        let when = match when {
            When::Ever => "ever",
            When::Within(_) => "within",
            When::Between(..) => "between",
            When::Since(_) => "since",
            When::InSession => "in session",
            When::Days(..) => "calendar days",
            When::Weeks(..) => "calendar weeks",
        };
        self.note(format!("{of} {when}"));
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Attribute(_) => self.note("attribute"),
            Source::Group { .. } => self.note("group"),
            // Only made when definitions are compiled, in place of an attribute.
            Source::Computed { .. } => {}
            Source::Context(_) => self.note("context"),
            Source::Session(fact) => self.note(format!("session {}", fact.name())),
            Source::Event(query) => self.query(query),
            Source::Portrait(of) => self.note(match of {
                Portrait::Affinity { measure: AffinityMeasure::Share, .. } => "share".to_owned(),
                Portrait::Affinity { measure: AffinityMeasure::Score, .. } => "affinity score".to_owned(),
                Portrait::Affinity { measure: AffinityMeasure::Rank, .. } => "rank".to_owned(),
                Portrait::Top(_) => "top".to_owned(),
                Portrait::Percent(_) => "percent".to_owned(),
                Portrait::Stage => "stage".to_owned(),
                Portrait::StageSince => "stage since".to_owned(),
                Portrait::Purchases => "purchases".to_owned(),
                Portrait::PurchaseSince => "purchased since".to_owned(),
                Portrait::Spent(_) => "spent".to_owned(),
                Portrait::Rfm(score) => format!("rfm {}", score.name()),
                Portrait::Local(fact, None) => format!("local {}", fact.name()),
                Portrait::Local(fact, Some(_)) => format!("local {} at an offset", fact.name()),
                Portrait::Variant(_) => "variant".to_owned(),
            }),
            Source::Score(parts) => {
                self.note("score");
                parts.iter().for_each(|part| self.expr(&part.rule));
            }
            Source::Element(path) => self.note(if path.is_empty() { "it" } else { "part of it" }),
            Source::Property(_) => self.note("property"),
            Source::Derived(derive, of) => {
                self.note(derive.text());
                self.source(of);
            }
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Is(op, literal) => {
                self.note(op.text());
                self.literal(literal);
            }
            Test::In(values) | Test::NotIn(values) | Test::All(values) => {
                self.note(test.name());
                values.iter().for_each(|value| self.literal(value));
            }
            Test::Between(low, high) => {
                self.note("between");
                self.literal(low);
                self.literal(high);
            }
            Test::Exists
            | Test::Contains(_)
            | Test::StartsWith(_)
            | Test::EndsWith(_)
            | Test::InList(_)
            | Test::NotInList(_)
            | Test::Near(_)
            | Test::Anniversary(_) => self.note(test.name()),
            Test::IgnoringCase(inner) => self.note(format!("{} ignoring case", inner.name())),
            Test::Matches(pattern) => self.note(format!("matches, any case: {}", pattern.ignores_case())),
            Test::Version(op, _) => self.note(op.version()),
            Test::OfKind(kind) => self.note(format!("is {}", kind.name())),
            Test::Same(_) => self.note("same"),
            Test::Each { every, inner } => {
                self.note(if *every { "every" } else { "any" });
                self.expr(inner);
            }
        }
    }

    fn literal(&mut self, literal: &Literal) {
        self.note(match literal {
            Literal::Bool(_) => "a truth",
            Literal::Number(_) => "a number",
            Literal::Text(_) => "text",
            Literal::Time(_) => "a time",
            Literal::Span(_) => "a span",
            Literal::Now { ahead: true, .. } => "ahead of now",
            Literal::Now { ahead: false, span } if span.is_zero() => "now",
            Literal::Now { ahead: false, .. } => "before now",
        });
    }
}

fn values() -> Vec<Rule> {
    let x = || Rule::attribute("x");
    let mut rules = vec![
        Rule::always(true),
        Rule::always(false),
        x().eq(1) & x().ne("a") | !x().eq(true),
        x().above(at(0)) & x().at_least(Span::days(1)),
        x().below(Literal::ago(Span::days(3))) & x().at_most(Literal::ahead(Span::days(3))),
        x().between(Literal::ago(Span::ZERO), 5),
        x().one_of(["a", "b"]) & x().none_of([1, 2]) & x().all_of([1, 2]),
        x().exists() & x().contains("a") & x().starts_with("a") & x().ends_with("a"),
        x().matches("^a+$") & x().matches("^a+$").ignoring_case(),
        x().eq("a").ignoring_case() & x().ne("a").ignoring_case() & x().contains("a").ignoring_case(),
        x().one_of(["a"]).ignoring_case() & x().none_of(["a"]).ignoring_case() & x().all_of(["a"]).ignoring_case(),
        x().starts_with("a").ignoring_case() & x().ends_with("a").ignoring_case(),
        x().in_list("l") & x().not_in_list("l") & x().same(Value::from(1.5)),
        x().version_eq("1.2") & x().version_ne("1.2") & x().version_above("1.2") & x().version_at_least("1.2"),
        x().version_below("1.2") & x().version_at_most("1.2"),
        x().any(Rule::it().eq(1) | Rule::it_at("a.b").eq(2)) & x().every(!Rule::it().size().above(3)),
        x().near(52.5, 13.4, 25.0) & x().anniversary(7),
        x().size().above(1) & x().length().above(1),
        x().js_text().eq("1") & x().js_number().eq(1) & x().js_bool().eq(true) & x().js_value().eq(1),
        x().js_version().version_above("1.2") & Rule::context("y").eq(1) & Rule::group("company", "plan").eq("pro"),
        Rule::segment("vip"),
    ];
    rules.extend(Kind::ALL.map(|kind| x().is_of(kind)));
    rules.extend(SessionFact::ALL.map(|fact| Rule::session(fact).exists()));
    rules
}

fn portraits() -> Vec<Rule> {
    let offset = "+02:00".parse().ok();
    let mut rules = vec![
        Rule::affinity("category", "shoes").above(0.3) & Rule::affinity_score("category", "shoes").above(3),
        Rule::affinity_rank("category", "shoes").at_most(3) & Rule::top_affinity("category").eq("shoes"),
        Rule::percent("salt").below(10) & Rule::lifecycle().eq("lapsed") & Rule::lifecycle_since().below(Span::days(3)),
        Rule::purchases().at_least(2) & Rule::purchased_since().below(Span::days(9)) & Rule::spent("EUR").above(100),
        Rule::variant("spring").eq("b"),
        Rule::score([(3.0, Rule::attribute("plan").eq("pro")), (-1.5, Rule::segment("vip"))]).at_least(2),
    ];
    rules.extend(RfmScore::ALL.map(|score| Rule::rfm(score).at_least(4)));
    rules.extend(LocalFact::ALL.map(|fact| Rule::local(fact, None).exists() & Rule::local(fact, offset).exists()));
    rules
}

fn events() -> Vec<Rule> {
    let a = || event("a");
    let asked = Rule::property("p").eq(1) | !(Rule::property("q").exists() & Rule::property("r").version_above("2"));
    vec![
        a().count().above(3) & a().within(Span::days(1)).sum("p").above(3) & a().avg("p").above(3),
        a().min("p").above(3) & a().max("p").above(3) & a().distinct("p").above(3),
        a().first().above(at(5)) & a().last().above(Literal::ago(Span::days(30))),
        a().days().above(3) & a().weeks().above(3),
        a().between(Span::days(2), Span::days(1)).happened()
            & a().since(at(5)).happened()
            & a().in_session().happened(),
        a().calendar_days(3, 60).happened() & a().calendar_weeks(3, -60).happened(),
        a().filter(asked).with("s", "t").happened(),
        sequence([a(), event("b").within(Span::days(1))]).happened(),
        sequence([a()]).without(event("c")).after(Span::hours(2)).within(Span::days(2)).happened(),
        sequence([a(), a()]).between(Span::days(2), Span::days(1)).happened(),
        sequence([a(), a()]).since(at(5)).happened() & sequence([a(), a()]).in_session().happened(),
        sequence([a(), a()]).calendar_days(3, 60).happened() & sequence([a(), a()]).calendar_weeks(3, -60).happened(),
    ]
}

/// What there is: both truths, `and`, `or`, `not`, segments and sequences (7), with `after` and `without` or not (4);
/// the windows of events and of sequences (2 * 7), the measures (10), attributes, groups, the request and properties
/// (4), scores (1), `it` and its parts (2), what is derived, and facts about sessions, purchases and the local time;
/// the other portraits (11); the operators of order and of versions (2 * 6), eight that ignore case and patterns that do
/// or do not (10), kinds, and the other operators (BETWEEN, IN, NOT IN, ALL, EXISTS, CONTAINS, STARTS_WITH, ENDS_WITH, the lists,
/// WITHIN, ANNIVERSARY, `===`, ANY and EVERY: 15); literals (8).
fn kinds() -> usize {
    let tables = Derive::ALL.len() + SessionFact::ALL.len() + RfmScore::ALL.len() + 2 * LocalFact::ALL.len();
    7 + 4 + 2 * 7 + 10 + 4 + 1 + 2 + tables + 11 + 2 * Op::ALL.len() + 10 + Kind::ALL.len() + 15 + 8
}

#[test]
fn every_kind_of_leaf_can_be_built_written_and_read() {
    let mut seen = Seen::default();
    for rule in [values(), portraits(), events()].concat() {
        assert_eq!(rule.broken, None, "{rule}");
        seen.expr(&rule.expr);
        assert_eq!(Rule::parse(&rule.to_string()).as_ref(), Ok(&rule), "{rule}");
        assert_eq!(Rule::from_json(&rule.to_json()).as_ref(), Ok(&rule), "{}", rule.to_json());
    }
    assert_eq!(seen.0.len(), kinds(), "{:?}", seen.0);
}
