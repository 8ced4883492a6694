//! What is asked of one value of a profile, a request or a list: what is derived from it first, and whether the
//! answer moves with time.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::time::{DayOfYear, Span, Timestamp};
use crate::value::Value;

use super::ast::{Comparison, Derive, Expr, Literal, Op, Source, Test};
use super::facts::Scalar;
use super::js;
use super::lists::Lists;
use super::value_test::ValueTest;

/// An answer, and a time before which it does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lasting {
    pub(crate) holds: bool,
    pub(crate) until: Timestamp,
}

impl Lasting {
    const fn always(holds: bool) -> Self {
        Self { holds, until: Timestamp::MAX }
    }

    /// All of several answers as wanted for AND (`true`), or any of them for OR (`false`).
    fn all(parts: impl IntoIterator<Item = Self>, wanted: bool) -> Self {
        let mut until = Timestamp::MAX;
        for part in parts {
            if part.holds != wanted {
                return part;
            }
            until = until.min(part.until);
        }
        Self { holds: wanted, until }
    }
}

/// What is asked of a value.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// What is derived, the innermost first.
    derive: Box<[Derive]>,
    ask: Ask,
}

#[derive(Clone, Debug)]
enum Ask {
    Plain(ValueTest),
    /// Every one of these comparisons with the present.
    Moving(Box<[(Op, Ahead)]>),
    Anniversary(u16),
    Each {
        every: bool,
        inner: Inner,
    },
}

/// An expression over an element of a list.
#[derive(Clone, Debug)]
enum Inner {
    Const(bool),
    And(Box<[Self]>),
    Or(Box<[Self]>),
    Not(Box<Self>),
    Test(Box<(Box<[Box<str>]>, Asked)>),
}

/// A point in time, from the present or not.
#[derive(Clone, Copy, Debug)]
enum Ahead {
    Fixed(Timestamp),
    Of(Span),
    Before(Span),
}

impl Asked {
    /// What `test` asks of a source, without the part that says whose value it is.
    pub(crate) fn new(source: &Source, test: &Test, lists: &Lists) -> Self {
        let (mut derive, mut inner) = (Vec::new(), source);
        while let Source::Derived(what, of) = inner {
            derive.push(*what);
            inner = of;
        }
        derive.reverse();
        let ask = match test {
            Test::Is(op, Literal::Now { span, ahead }) => Ask::Moving([(*op, Ahead::new(*span, *ahead))].into()),
            Test::Between(low, high) if !test.is_scalar() => {
                let end = |op, literal: &Literal| Some((op, Ahead::of(literal)?));
                let ends: Option<Vec<_>> = [end(Op::Ge, low), end(Op::Le, high)].into_iter().collect();
                // A present beside something that is no time: nothing lies between.
                ends.map_or_else(
                    || Ask::Plain(ValueTest::new(&Test::In(Vec::new()), lists)),
                    |ends| Ask::Moving(ends.into()),
                )
            }
            Test::Anniversary(days) => Ask::Anniversary(*days),
            Test::Each { every, inner } => Ask::Each { every: *every, inner: Inner::new(inner, lists) },
            test => Ask::Plain(ValueTest::new(test, lists)),
        };
        Self { derive: derive.into(), ask }
    }

    /// The plain test, if nothing is derived and nothing moves.
    pub(crate) fn into_plain(self) -> Result<ValueTest, Box<Self>> {
        match self {
            Self { derive, ask: Ask::Plain(test) } if derive.is_empty() => Ok(test),
            other => Err(Box::new(other)),
        }
    }

    /// Whether time alone can change the answer.
    pub(crate) fn moves(&self) -> bool {
        match &self.ask {
            Ask::Plain(_) => false,
            Ask::Moving(_) | Ask::Anniversary(_) => true,
            Ask::Each { inner, .. } => inner.moves(),
        }
    }

    /// Whether it asks for a time before the present or after it: what holds at two times then does between them.
    pub(crate) fn is_ordered(&self) -> bool {
        let ordered = |op: Op| matches!(op, Op::Gt | Op::Ge | Op::Lt | Op::Le);
        matches!(&self.ask, Ask::Moving(comparisons) if comparisons.len() == 1 && ordered(comparisons[0].0))
    }

    pub(crate) fn ask(&self, value: Option<&Value>, now: Timestamp) -> Lasting {
        let Some((first, rest)) = self.derive.split_first() else { return self.ask.ask(value, now) };
        let mut derived = derived(*first, value);
        for what in rest {
            derived = self::derived(*what, derived.as_deref()).map(|value| Cow::Owned(value.into_owned()));
        }
        self.ask.ask(derived.as_deref(), now)
    }
}

impl Ask {
    fn ask(&self, value: Option<&Value>, now: Timestamp) -> Lasting {
        match self {
            Self::Plain(test) => Lasting::always(test.value(value)),
            Self::Moving(comparisons) => {
                // Of a list, any element may pass, and all of what is not equal must; as with fixed values.
                let negated = matches!(**comparisons, [(Op::Ne, _)]);
                let each = elements(value).iter().filter_map(time).map(|time| {
                    Lasting::all(comparisons.iter().map(|(op, ahead)| ahead.compare(*op, time, now)), true)
                });
                Lasting::all(each, negated)
            }
            Self::Anniversary(days) => {
                let each = elements(value).iter().filter_map(time);
                Lasting::all(each.map(|time| anniversary(time, *days, now)), false)
            }
            Self::Each { every, inner } => match value {
                Some(Value::List(values)) if !values.is_empty() => {
                    Lasting::all(values.iter().map(|value| inner.ask(value, now)), *every)
                }
                _ => Lasting::always(false),
            },
        }
    }
}

/// The elements of a list, or the one value.
fn elements(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::List(values)) => values,
        Some(value) => std::slice::from_ref(value),
        None => &[],
    }
}

impl Inner {
    fn new(expr: &Expr, lists: &Lists) -> Self {
        let each = |parts: &[Expr]| parts.iter().map(|part| Self::new(part, lists)).collect();
        match expr {
            Expr::Const(value) => Self::Const(*value),
            Expr::And(parts) => Self::And(each(parts)),
            Expr::Or(parts) => Self::Or(each(parts)),
            Expr::Not(inner) => Self::Not(Box::new(Self::new(inner, lists))),
            Expr::Test(comparison) => match element(comparison) {
                Some(path) => {
                    let path = path.split('.').filter(|part| !part.is_empty()).map(Into::into).collect();
                    Self::Test(Box::new((path, Asked::new(&comparison.source, &comparison.test, lists))))
                }
                None => Self::Const(false),
            },
            // Reading and building refuse everything that is not about the element.
            Expr::Segment(..) | Expr::Sequence(_) => Self::Const(false),
        }
    }

    fn moves(&self) -> bool {
        match self {
            Self::Const(_) => false,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::moves),
            Self::Not(inner) => inner.moves(),
            Self::Test(test) => test.1.moves(),
        }
    }

    fn ask(&self, value: &Value, now: Timestamp) -> Lasting {
        match self {
            Self::Const(holds) => Lasting::always(*holds),
            Self::And(parts) => Lasting::all(parts.iter().map(|part| part.ask(value, now)), true),
            Self::Or(parts) => Lasting::all(parts.iter().map(|part| part.ask(value, now)), false),
            Self::Not(inner) => {
                let Lasting { holds, until } = inner.ask(value, now);
                Lasting { holds: !holds, until }
            }
            Self::Test(test) => test.1.ask(follow(value, &test.0), now),
        }
    }
}

/// The path in the element that a comparison asks about, if it asks about one.
pub(crate) fn element(comparison: &Comparison) -> Option<&str> {
    let mut source = &comparison.source;
    while let Source::Derived(_, of) = source {
        source = of;
    }
    match source {
        Source::Element(path) => Some(path),
        _ => None,
    }
}

/// What lies in a value under the names of a path; a number leads into a list.
pub(crate) fn follow<'v>(value: &'v Value, path: &[Box<str>]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| match value {
        Value::Object(fields) => fields.get(key),
        Value::List(values) => values.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

fn derived(what: Derive, value: Option<&Value>) -> Option<Cow<'_, Value>> {
    let number = |count: usize| Some(Cow::Owned(Value::Number(count as f64)));
    let text = |text: Cow<'_, str>| Some(Cow::Owned(Value::Text((&*text).into())));
    let null = &Value::Null;
    let given = value.unwrap_or(null);
    match (what, given) {
        (Derive::Size, Value::List(values)) => number(values.len()),
        (Derive::Length, Value::Text(text)) => number(text.chars().count()),
        (Derive::Size | Derive::Length, _) => None,
        (Derive::JsText | Derive::JsValue | Derive::JsVersion, Value::Text(text))
            if what != Derive::JsVersion || !text.is_empty() =>
        {
            Some(Cow::Borrowed(value?))
        }
        (Derive::JsText, given) => text(js::text(given)),
        (Derive::JsNumber, given) => js::number(given).map(|number| Cow::Owned(Value::Number(number))),
        (Derive::JsBool, Value::Null) => None,
        (Derive::JsBool, given) => Some(Cow::Owned(Value::Bool(js::is_true(given)))),
        (Derive::JsValue, Value::List(_) | Value::Object(_)) => text(js::text(given)),
        (Derive::JsValue, _) => Some(Cow::Borrowed(value?)),
        (Derive::JsVersion, Value::Number(number)) => text(js::number_text(*number).into()),
        (Derive::JsVersion, _) => text("0".into()),
    }
}

/// The point in time that a value stands for.
fn time(value: &Value) -> Option<Timestamp> {
    match Scalar::from_value(value)? {
        // The cast saturates; whole milliseconds are what times have.
        Scalar::Number(number) => Some(Timestamp::from_millis(libm::floor(number) as i64)),
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Bool(_) => None,
    }
}

impl Ahead {
    const fn new(span: Span, ahead: bool) -> Self {
        if ahead { Self::Of(span) } else { Self::Before(span) }
    }

    fn of(literal: &Literal) -> Option<Self> {
        match literal {
            Literal::Now { span, ahead } => Some(Self::new(*span, *ahead)),
            Literal::Time(time) => Some(Self::Fixed(*time)),
            // Milliseconds, as they stand for times elsewhere; the cast saturates.
            Literal::Number(number) => Some(Self::Fixed(Timestamp::from_millis(*number as i64))),
            Literal::Bool(_) | Literal::Text(_) | Literal::Span(_) => None,
        }
    }

    /// How a time compares, and until when: it is ahead at first, then equal for a millisecond, then behind.
    fn compare(self, op: Op, time: Timestamp, now: Timestamp) -> Lasting {
        let (then, meets) = match self {
            Self::Fixed(then) => return Lasting::always(op.holds(time.cmp(&then))),
            Self::Of(span) => (now + span, time - span),
            Self::Before(span) => (now - span, time + span),
        };
        let order = time.cmp(&then);
        let holds = op.holds(order);
        let later = [(Ordering::Equal, meets), (Ordering::Less, meets + Span::from_millis(1))];
        let flip = later.into_iter().find(|(state, at)| *at > now && op.holds(*state) != holds);
        Lasting { holds, until: flip.map_or(Timestamp::MAX, |(_, at)| at) }
    }
}

/// Whether the day and month of a time come up within so many days, all days in UTC.
fn anniversary(time: Timestamp, days: u16, now: Timestamp) -> Lasting {
    let Some(next) = DayOfYear::of(time).and_then(|day| day.next_from(now)) else { return Lasting::always(false) };
    let (starts, ends) = (next - Span::days(u32::from(days)), next + Span::days(1));
    if now < starts { Lasting { holds: false, until: starts } } else { Lasting { holds: true, until: ends } }
}
