//! Rules written in Rust, giving the same trees as text and JSON.

use std::ops::{BitAnd, BitOr, Not};

use super::Rule;
use super::ast::{At, Comparison, Expr, Literal, MAX_DEPTH, Op, SessionFact, Source, Test};
use super::build_query::{EventOperand, event};
use super::error::{Location, NameKind, RuleError};
use super::parser::check_name;

pub(super) const BUILT: At = At(Location::Built);

/// A value of the person or the request, about to be compared.
///
/// ```
/// use bespoke::rule::{Rule, event};
/// use bespoke::time::Span;
/// let rule = Rule::attribute("plan").eq("pro") & !event("purchased").within(Span::days(30)).happened();
/// assert_eq!(rule.to_string(), "plan = 'pro' AND NOT event('purchased').within(30d).count() >= 1");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Operand {
    pub(super) source: Source,
    pub(super) error: Option<RuleError>,
}

impl Rule {
    /// An attribute of the profile; dots lead into nested values.
    pub fn attribute(name: impl Into<String>) -> Operand {
        let name = name.into();
        Operand::named(NameKind::Attribute, &name.clone(), Source::Attribute(name))
    }

    /// An attribute of the person's group of a kind, such as the plan of their company; `id` is the group's id.
    ///
    /// ```
    /// use bespoke::Rule;
    /// let rule = Rule::group("company", "plan").eq("enterprise");
    /// assert_eq!(rule.to_string(), "group('company').plan = 'enterprise'");
    /// ```
    pub fn group(kind: impl Into<String>, attribute: impl Into<String>) -> Operand {
        let (kind, name) = (kind.into(), attribute.into());
        let error = check_name(NameKind::GroupAttribute, &name, &Location::Built).err();
        let operand = Operand::named(NameKind::Group, &kind.clone(), Source::Group { kind, name });
        Operand { error: operand.error.or(error), ..operand }
    }

    /// An attribute of the request.
    pub fn context(name: impl Into<String>) -> Operand {
        let name = name.into();
        Operand::named(NameKind::Context, &name.clone(), Source::Context(name))
    }

    /// A fact about the running session.
    pub fn session(fact: SessionFact) -> Operand {
        Operand { source: Source::Session(fact), error: None }
    }

    /// Events of a kind, to be counted or summed.
    pub fn event(name: &str) -> EventOperand {
        event(name)
    }

    /// Membership in another segment.
    #[must_use]
    pub fn segment(name: impl Into<String>) -> Self {
        let name = name.into();
        let error = check_name(NameKind::Segment, &name, &Location::Built).err();
        Self::built(Expr::Segment(name, BUILT), error)
    }

    /// Everyone, or no one.
    #[must_use]
    pub const fn always(holds: bool) -> Self {
        Self { expr: Expr::Const(holds), broken: None }
    }

    /// A rule built in Rust; one that cannot be written is remembered as an error for [`Rule::check`], since
    /// building has nowhere to report it.
    pub(super) fn built(expr: Expr, error: Option<RuleError>) -> Self {
        let deep = || {
            let too_deep = RuleError::TooDeep { at: Location::Built, limit: MAX_DEPTH };
            (expr.depth() > MAX_DEPTH).then_some(too_deep)
        };
        match error.or_else(deep) {
            Some(error) => Self { expr: Expr::Const(false), broken: Some(Box::new(error)) },
            None => Self { expr, broken: None },
        }
    }
}

impl Operand {
    pub(super) fn named(what: NameKind, name: &str, source: Source) -> Self {
        Self { source, error: check_name(what, name, &Location::Built).err() }
    }

    pub(super) fn test(self, test: Test) -> Rule {
        let comparison = Comparison { source: self.source, test, at: BUILT, op_at: BUILT };
        Rule::built(Expr::Test(Box::new(comparison)), self.error)
    }

    fn is(mut self, op: Op, literal: Literal) -> Rule {
        self.finite(&literal);
        self.test(Test::Is(op, literal))
    }

    pub(super) fn finite(&mut self, literal: &Literal) {
        if matches!(literal, Literal::Number(number) if !number.is_finite()) {
            self.error.get_or_insert(RuleError::NotFinite { at: Location::Built });
        }
    }

    /// Equal to it.
    #[must_use]
    pub fn eq(self, literal: impl Into<Literal>) -> Rule {
        self.is(Op::Eq, literal.into())
    }

    /// Not equal to it, or missing.
    #[must_use]
    pub fn ne(self, literal: impl Into<Literal>) -> Rule {
        self.is(Op::Ne, literal.into())
    }

    /// Greater than or equal to it.
    #[must_use]
    pub fn at_least(self, literal: impl Into<Literal>) -> Rule {
        self.is(Op::Ge, literal.into())
    }

    /// Less than or equal to it.
    #[must_use]
    pub fn at_most(self, literal: impl Into<Literal>) -> Rule {
        self.is(Op::Le, literal.into())
    }

    /// Greater than it.
    #[must_use]
    pub fn above(self, literal: impl Into<Literal>) -> Rule {
        self.is(Op::Gt, literal.into())
    }

    /// Less than it.
    #[must_use]
    pub fn below(self, literal: impl Into<Literal>) -> Rule {
        self.is(Op::Lt, literal.into())
    }

    /// From the lower to the upper end, both included.
    #[must_use]
    pub fn between(mut self, low: impl Into<Literal>, high: impl Into<Literal>) -> Rule {
        let (low, high) = (low.into(), high.into());
        self.finite(&low);
        self.finite(&high);
        self.test(Test::Between(low, high))
    }

    /// One of these; an empty list is an error that [`Rule::check`] reports.
    #[must_use]
    pub fn one_of<L: Into<Literal>>(mut self, literals: impl IntoIterator<Item = L>) -> Rule {
        let literals: Vec<Literal> = literals.into_iter().map(Into::into).collect();
        literals.iter().for_each(|literal| self.finite(literal));
        if literals.is_empty() {
            self.error.get_or_insert(RuleError::Empty { at: Location::Built, what: "list" });
        } else if literals.len() > super::MAX_VALUES {
            self.error.get_or_insert(RuleError::TooManyValues { at: Location::Built, limit: super::MAX_VALUES });
        }
        self.test(Test::In(literals))
    }

    /// None of these, or missing; an empty list is an error that [`Rule::check`] reports.
    #[must_use]
    pub fn none_of<L: Into<Literal>>(self, literals: impl IntoIterator<Item = L>) -> Rule {
        let mut rule = self.one_of(literals);
        if let Expr::Test(comparison) = &mut rule.expr {
            if let Test::In(values) = &mut comparison.test {
                comparison.test = Test::NotIn(std::mem::take(values));
            }
        }
        rule
    }

    /// Present at all.
    #[must_use]
    pub fn exists(self) -> Rule {
        self.test(Test::Exists)
    }

    /// Text with this in it.
    #[must_use]
    pub fn contains(self, text: impl Into<String>) -> Rule {
        self.test(Test::Contains(text.into()))
    }

    /// Text that begins with this.
    #[must_use]
    pub fn starts_with(self, text: impl Into<String>) -> Rule {
        self.test(Test::StartsWith(text.into()))
    }
}

impl BitAnd for Rule {
    type Output = Self;
    /// Both hold.
    fn bitand(self, other: Self) -> Self {
        let error = self.broken.or(other.broken).map(|error| *error);
        Self::built(Expr::and([self.expr, other.expr]), error)
    }
}

impl BitOr for Rule {
    type Output = Self;
    /// One or both hold.
    fn bitor(self, other: Self) -> Self {
        let error = self.broken.or(other.broken).map(|error| *error);
        Self::built(Expr::or([self.expr, other.expr]), error)
    }
}

impl Not for Rule {
    type Output = Self;
    /// It does not hold.
    fn not(self) -> Self {
        Self::built(Expr::Not(Box::new(self.expr)), self.broken.map(|error| *error))
    }
}
