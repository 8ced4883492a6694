//! Tests of values, written in Rust.

use super::ast::{Derive, Expr, Literal, MAX_VALUES, Op, Source, Test};
use super::builder::Operand;
use super::error::{Location, NameKind, RuleError};
use super::geo::Circle;
use super::parse_test::ignoring_case;
use super::parser::{MAX_DERIVED, check_name};
use super::pattern::Pattern;
use super::{Rule, RuleErrors};
use crate::value::{Kind, Value};

impl Rule {
    /// The element of a list, within [`Operand::any`] and [`Operand::every`].
    pub fn it() -> Operand {
        Operand { source: Source::Element(String::new()), error: None }
    }

    /// A part of the element of a list; dots lead further in.
    pub fn it_at(name: impl Into<String>) -> Operand {
        let name = name.into();
        Operand::named(NameKind::Property, &name.clone(), Source::Element(name))
    }

    /// A property of an event, within [`EventOperand::filter`](super::EventOperand::filter).
    pub fn property(name: impl Into<String>) -> Operand {
        let name = name.into();
        Operand::named(NameKind::Property, &name.clone(), Source::Property(name))
    }

    /// The same comparison with upper and lower case taken as one. A rule that is no single comparison of text becomes
    /// an error that [`Rule::check`] reports.
    ///
    /// ```
    /// use bespoke::Rule;
    /// let rule = Rule::attribute("country").one_of(["de", "at"]).ignoring_case();
    /// assert_eq!(rule.to_string(), "country IN ('de', 'at') IGNORING CASE");
    /// ```
    #[must_use]
    pub fn ignoring_case(self) -> Self {
        let wanted = "one comparison of text";
        let failed = |found| RuleError::Syntax { at: Location::Built, wanted, found };
        match self.expr {
            Expr::Test(mut comparison) => match ignoring_case(comparison.test.clone()) {
                Ok(test) => {
                    comparison.test = test;
                    Self { expr: Expr::Test(comparison), broken: self.broken }
                }
                Err(found) => {
                    let broken = self.broken.or_else(|| Some(Box::new(failed(found))));
                    Self { expr: Expr::Const(false), broken }
                }
            },
            expr => {
                let found = crate::time::shorten(&expr.to_string());
                let broken = self.broken.or_else(|| Some(Box::new(failed(format!("`{found}`")))));
                Self { expr: Expr::Const(false), broken }
            }
        }
    }
}

impl Operand {
    fn derive(mut self, derive: Derive) -> Self {
        let (mut nested, mut of) = (0, &self.source);
        while let Source::Derived(_, inner) = of {
            (nested, of) = (nested + 1, inner);
        }
        let error = match of {
            _ if nested >= MAX_DERIVED => Some(RuleError::TooDeep { at: Location::Built, limit: MAX_DERIVED }),
            Source::Attribute(_) | Source::Context(_) | Source::Element(_) => None,
            other => Some(RuleError::NotAsked { at: Location::Built, op: derive.text(), of: other.name() }),
        };
        if let Some(error) = error {
            self.error.get_or_insert(error);
            return self;
        }
        Self { source: Source::Derived(derive, Box::new(self.source)), error: self.error }
    }

    /// The number of elements of a list.
    pub fn size(self) -> Self {
        self.derive(Derive::Size)
    }

    /// The number of characters of text.
    pub fn length(self) -> Self {
        self.derive(Derive::Length)
    }

    /// The value as text, as JavaScript turns it.
    ///
    /// ```
    /// use bespoke::Rule;
    /// let rule = Rule::attribute("age").js_number().above(18) & Rule::attribute("beta").js_bool().eq(true);
    /// assert_eq!(rule.to_string(), "js_number(age) > 18 AND js_bool(beta) = true");
    /// ```
    pub fn js_text(self) -> Self {
        self.derive(Derive::JsText)
    }

    /// The value as a number, as JavaScript turns it: what is missing is 0, and text that is no number is none.
    pub fn js_number(self) -> Self {
        self.derive(Derive::JsNumber)
    }

    /// Whether JavaScript takes the value for true; missing if the value is.
    pub fn js_bool(self) -> Self {
        self.derive(Derive::JsBool)
    }

    /// The value with lists and objects turned into text, as JavaScript does before it compares.
    pub fn js_value(self) -> Self {
        self.derive(Derive::JsValue)
    }

    /// The version that GrowthBook's SDKs read in the value: text as it is, a number as text, and `0` for the rest.
    pub fn js_version(self) -> Self {
        self.derive(Derive::JsVersion)
    }

    /// Text that ends with this.
    #[must_use]
    pub fn ends_with(self, text: impl Into<String>) -> Rule {
        self.test(Test::EndsWith(text.into()))
    }

    /// Text in which a regular expression finds something; [`Rule::check`] reports one that cannot be used.
    #[must_use]
    pub fn matches(mut self, pattern: &str) -> Rule {
        match Pattern::new(pattern, false) {
            Ok(pattern) => self.test(Test::Matches(pattern)),
            Err(source) => {
                self.error.get_or_insert(RuleError::Pattern { at: Location::Built, source });
                self.test(Test::Exists)
            }
        }
    }

    /// A list that has all of these; an empty list is an error that [`Rule::check`] reports.
    #[must_use]
    pub fn all_of<L: Into<Literal>>(mut self, literals: impl IntoIterator<Item = L>) -> Rule {
        let literals: Vec<Literal> = literals.into_iter().map(Into::into).collect();
        literals.iter().for_each(|literal| self.finite(literal));
        if literals.is_empty() {
            self.error.get_or_insert(RuleError::Empty { at: Location::Built, what: "list" });
        } else if literals.len() > MAX_VALUES {
            self.error.get_or_insert(RuleError::TooManyValues { at: Location::Built, limit: MAX_VALUES });
        }
        self.test(Test::All(literals))
    }

    /// One of a list that stands beside the rules.
    #[must_use]
    pub fn in_list(mut self, name: impl Into<String>) -> Rule {
        let name = name.into();
        if let Err(error) = check_name(NameKind::List, &name, &Location::Built) {
            self.error.get_or_insert(error);
        }
        self.test(Test::InList(name))
    }

    /// None of a list that stands beside the rules, or missing.
    #[must_use]
    pub fn not_in_list(mut self, name: impl Into<String>) -> Rule {
        let name = name.into();
        if let Err(error) = check_name(NameKind::List, &name, &Location::Built) {
            self.error.get_or_insert(error);
        }
        self.test(Test::NotInList(name))
    }

    /// This version, in the order of Semantic Versioning: `1.2` is `1.2.0`.
    #[must_use]
    pub fn version_eq(self, version: impl Into<String>) -> Rule {
        self.test(Test::Version(Op::Eq, version.into()))
    }

    /// Another version, or missing.
    #[must_use]
    pub fn version_ne(self, version: impl Into<String>) -> Rule {
        self.test(Test::Version(Op::Ne, version.into()))
    }

    /// This version or a later one.
    #[must_use]
    pub fn version_at_least(self, version: impl Into<String>) -> Rule {
        self.test(Test::Version(Op::Ge, version.into()))
    }

    /// This version or one before it.
    #[must_use]
    pub fn version_at_most(self, version: impl Into<String>) -> Rule {
        self.test(Test::Version(Op::Le, version.into()))
    }

    /// A version after this one.
    #[must_use]
    pub fn version_above(self, version: impl Into<String>) -> Rule {
        self.test(Test::Version(Op::Gt, version.into()))
    }

    /// A version before this one.
    #[must_use]
    pub fn version_below(self, version: impl Into<String>) -> Rule {
        self.test(Test::Version(Op::Lt, version.into()))
    }

    /// A value of this kind.
    #[must_use]
    pub fn is_of(self, kind: Kind) -> Rule {
        self.test(Test::OfKind(kind))
    }

    /// Exactly this value, lists and objects as a whole; null asks for what is missing.
    #[must_use]
    pub fn same(mut self, value: impl Into<Value>) -> Rule {
        let value = value.into();
        if !value.is_sound() {
            self.error.get_or_insert(RuleError::NotFinite { at: Location::Built });
        }
        if value.is_null() { !self.exists() } else { self.test(Test::Same(value)) }
    }

    /// A list with an element of which the rule holds; the rule asks about [`Rule::it`] and nothing else.
    ///
    /// ```
    /// use bespoke::Rule;
    /// let rule = Rule::attribute("orders").any(Rule::it_at("total").above(50) & Rule::it_at("paid").eq(true));
    /// assert_eq!(rule.to_string(), "orders ANY (it.total > 50 AND it.paid = true)");
    /// ```
    #[must_use]
    pub fn any(self, of: Rule) -> Rule {
        self.each(false, of)
    }

    /// A list that is not empty, with no element of which the rule does not hold.
    #[must_use]
    pub fn every(self, of: Rule) -> Rule {
        self.each(true, of)
    }

    fn each(mut self, every: bool, of: Rule) -> Rule {
        // Written down it is read again, which finds what may not stand there.
        let read = of.broken.map_or(Ok(()), |error| Err(*error)).and_then(|()| {
            let text = Expr::Test(Box::new(super::ast::Comparison {
                source: Source::Attribute("list".to_owned()),
                test: Test::Each { every, inner: Box::new(of.expr.clone()) },
                at: super::builder::BUILT,
                op_at: super::builder::BUILT,
            }));
            Rule::from_json(&super::json::write(&text)).map_err(first)
        });
        if let Err(error) = read {
            self.error.get_or_insert(error);
        }
        self.test(Test::Each { every, inner: Box::new(of.expr) })
    }

    /// A place within so many kilometres of a latitude and a longitude.
    #[must_use]
    pub fn near(mut self, lat: f64, lon: f64, km: f64) -> Rule {
        match Circle::new(lat, lon, km) {
            Some(circle) => self.test(Test::Near(circle)),
            None => {
                self.error.get_or_insert(RuleError::Place { at: Location::Built });
                self.test(Test::Exists)
            }
        }
    }

    /// A date whose day and month come up within so many days, up to 366; 0 is today. All days are in UTC.
    #[must_use]
    pub fn anniversary(self, days: u16) -> Rule {
        self.test(Test::Anniversary(days.min(366)))
    }
}

/// The first of errors that are never empty.
fn first(errors: RuleErrors) -> RuleError {
    errors.first().cloned().unwrap_or(RuleError::NotFinite { at: Location::Built })
}
