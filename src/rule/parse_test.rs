//! Operators and what follows them, from tokens.

use crate::time::{Span, Timestamp};
use crate::value::{Kind, Value};

use super::ast::{Literal, MAX_DEPTH, MAX_VALUES, Op, Scope, Test};
use super::error::{NameKind, RuleError};
use super::geo::Circle;
use super::lexer::Token;
use super::parser::{Parser, check_name};
use super::pattern::Pattern;

impl Parser<'_> {
    /// The operator and what follows it, if there is one; `depth` is that of the rule so far.
    pub(super) fn test(&mut self, depth: usize) -> Result<Option<Test>, RuleError> {
        let Some(test) = self.operator(depth)? else { return Ok(None) };
        let at = self.at.clone();
        if !self.take_word("IGNORING")? {
            return Ok(Some(test));
        }
        if !self.take_word("CASE")? {
            return Err(self.unexpected("`CASE`"));
        }
        ignoring_case(test).map(Some).map_err(|found| RuleError::Syntax {
            at,
            wanted: "`IGNORING CASE` after text that is compared, looked for or listed",
            found,
        })
    }

    fn operator(&mut self, depth: usize) -> Result<Option<Test>, RuleError> {
        if let Token::Mark(mark) = self.token {
            if mark == "===" {
                self.advance()?;
                return self.same().map(Some);
            }
            let Some(op) = self.op() else { return Ok(None) };
            self.advance()?;
            return Ok(Some(Test::Is(op, self.literal()?)));
        }
        let Token::Word(word) = self.token else { return Ok(None) };
        let word = word.to_ascii_uppercase();
        let known = WORDS.contains(&word.as_str());
        if known {
            self.advance()?;
        }
        Ok(Some(match word.as_str() {
            "NOT" => {
                if !self.take_word("IN")? {
                    return Err(self.unexpected("`IN`"));
                }
                if self.take_word("LIST")? {
                    Test::NotInList(self.name(NameKind::List)?)
                } else {
                    Test::NotIn(self.list()?)
                }
            }
            "IN" if self.take_word("LIST")? => Test::InList(self.name(NameKind::List)?),
            "IN" => Test::In(self.list()?),
            "BETWEEN" => {
                let low = self.literal()?;
                if !self.take_word("AND")? {
                    return Err(self.unexpected("`AND` and the upper end"));
                }
                Test::Between(low, self.literal()?)
            }
            "EXISTS" => Test::Exists,
            "CONTAINS" => Test::Contains(self.quoted()?),
            "STARTS_WITH" => Test::StartsWith(self.quoted()?),
            "ENDS_WITH" => Test::EndsWith(self.quoted()?),
            "MATCHES" => {
                let at = self.at.clone();
                let pattern = Pattern::new(&self.quoted()?, false);
                Test::Matches(pattern.map_err(|source| RuleError::Pattern { at, source })?)
            }
            "ALL" => Test::All(self.list()?),
            "VERSION" => {
                let Some(op) = self.op() else { return Err(self.unexpected("`=`, `!=`, `>`, `>=`, `<` or `<=`")) };
                self.advance()?;
                Test::Version(op, self.quoted()?)
            }
            "IS" => {
                let kind = |word: &str| Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(word));
                let Token::Word(name) = self.token else { return Err(self.unexpected(KINDS)) };
                let Some(kind) = kind(name) else { return Err(self.unexpected(KINDS)) };
                self.advance()?;
                Test::OfKind(kind)
            }
            "ANY" | "EVERY" => self.each(word == "EVERY", depth)?,
            "WITHIN" => self.circle()?,
            "ANNIVERSARY" if self.take_word("WITHIN")? => {
                let at = self.at.clone();
                let span = self.bare_span()?;
                let days = span.millis() / Span::days(1).millis();
                let whole = Span::days(1).millis() * days == span.millis();
                match u16::try_from(days).ok().filter(|days| whole && *days <= MOST_DAYS) {
                    Some(days) => Test::Anniversary(days),
                    None => return Err(RuleError::Syntax { at, wanted: DAYS, found: format!("`{span}`") }),
                }
            }
            "ANNIVERSARY" => Test::Anniversary(0),
            _ => return Ok(None),
        }))
    }

    fn op(&self) -> Option<Op> {
        let Token::Mark(mark) = self.token else { return None };
        Op::ALL.into_iter().find(|op| op.text() == mark)
    }

    /// What follows `===`.
    fn same(&mut self) -> Result<Test, RuleError> {
        let at = self.at.clone();
        if self.take_word("json")? {
            self.expect("(", "`(` and JSON in quotes")?;
            let at = self.at.clone();
            let wanted = "JSON in quotes that is not null, of at most 8 levels";
            let found = self.token.describe();
            let value: Value = serde_json::from_str(&self.quoted()?).unwrap_or_default();
            if value.is_null() {
                return Err(RuleError::Syntax { at, wanted, found });
            }
            self.expect(")", "`)`")?;
            return Ok(Test::Same(value));
        }
        let found = self.token.describe();
        Ok(Test::Same(match self.literal()? {
            Literal::Bool(value) => Value::Bool(value),
            Literal::Number(number) => Value::Number(number),
            Literal::Text(text) => text.into(),
            Literal::Time(_) | Literal::Span(_) | Literal::Now { .. } => {
                let wanted = "text in quotes, a number, `true`, `false` or `json('…')`";
                return Err(RuleError::Syntax { at, wanted, found });
            }
        }))
    }

    /// What follows `ANY` or `EVERY`.
    fn each(&mut self, every: bool, depth: usize) -> Result<Test, RuleError> {
        if depth >= MAX_DEPTH {
            return Err(RuleError::TooDeep { at: self.at.clone(), limit: MAX_DEPTH });
        }
        self.expect("(", "`(` and a condition on `it`")?;
        let outside = std::mem::replace(&mut self.scope, Scope::Element);
        let inner = self.or(depth + 1);
        self.scope = outside;
        let inner = Box::new(inner?);
        self.expect(")", "`AND`, `OR` or `)`")?;
        Ok(Test::Each { every, inner })
    }

    /// What follows `WITHIN`: a distance and a place.
    fn circle(&mut self) -> Result<Test, RuleError> {
        let at = self.at.clone();
        let distance = self.number()?;
        let km = match self.token {
            Token::Word(unit) if unit.eq_ignore_ascii_case("km") => distance,
            Token::Word(unit) if unit.eq_ignore_ascii_case("m") => distance / 1000.0,
            Token::Word(unit) if unit.eq_ignore_ascii_case("mi") => distance * KM_PER_MILE,
            _ => return Err(self.unexpected("`km`, `m` or `mi`")),
        };
        self.advance()?;
        if !self.take_word("OF")? {
            return Err(self.unexpected("`OF` and a place such as `(52.52, 13.40)`"));
        }
        self.expect("(", "`(` and a latitude")?;
        let lat = self.number()?;
        self.expect(",", "`,` and a longitude")?;
        let lon = self.number()?;
        self.expect(")", "`)`")?;
        Circle::new(lat, lon, km).map(Test::Near).ok_or(RuleError::Place { at })
    }

    fn number(&mut self) -> Result<f64, RuleError> {
        let Token::Number(number) = self.token else { return Err(self.unexpected("a number")) };
        self.advance()?;
        Ok(number)
    }

    fn list(&mut self) -> Result<Vec<Literal>, RuleError> {
        let at = self.at.clone();
        self.expect("(", "`(` and values")?;
        if self.token == Token::Mark(")") {
            return Err(RuleError::Empty { at, what: "list" });
        }
        let mut values = Vec::new();
        loop {
            if matches!(self.token, Token::Word(word) if word.eq_ignore_ascii_case("now")) {
                return Err(self.unexpected("a value that does not move with time"));
            }
            values.push(self.literal()?);
            if values.len() > MAX_VALUES {
                return Err(RuleError::TooManyValues { at, limit: MAX_VALUES });
            }
            if self.token != Token::Mark(",") {
                break;
            }
            self.advance()?;
        }
        self.expect(")", "`,` or `)`")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Literal, RuleError> {
        let literal = match self.token.clone() {
            Token::Text(text) => Literal::Text(text),
            Token::Number(number) => {
                self.advance()?;
                return Ok(self.unit(number)?.map_or(Literal::Number(number), Literal::Span));
            }
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Literal::Bool(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Literal::Bool(false),
            Token::Word(word) if word.eq_ignore_ascii_case("time") => {
                self.advance()?;
                self.expect("(", "`(` and a time in quotes")?;
                let at = self.at.clone();
                let time = self.quoted()?.parse::<Timestamp>().map_err(|source| RuleError::Time { at, source })?;
                self.expect(")", "`)`")?;
                return Ok(Literal::Time(time));
            }
            Token::Word(word) if word.eq_ignore_ascii_case("now") => {
                self.advance()?;
                self.expect("(", "`()`")?;
                self.expect(")", "`)`")?;
                return match self.token {
                    Token::Mark("+") => self.advance().and_then(|()| Ok(Literal::ahead(self.bare_span()?))),
                    Token::Mark("-") => self.advance().and_then(|()| Ok(Literal::ago(self.bare_span()?))),
                    // `now() -30 days`: the sign sticks to the number.
                    Token::Number(number) if number < 0.0 => {
                        self.token = Token::Number(-number);
                        Ok(Literal::ago(self.bare_span()?))
                    }
                    _ => Ok(Literal::ago(Span::ZERO)),
                };
            }
            _ => {
                return Err(self.unexpected("a value: text in quotes, a number, `true`, `false` or `time('…')`"));
            }
        };
        self.advance()?;
        Ok(literal)
    }

    /// The span of time that a number begins, if a unit follows it: `7 days`, `1h30m`.
    fn unit(&mut self, number: f64) -> Result<Option<Span>, RuleError> {
        let Token::Word(unit) = self.token else { return Ok(None) };
        // No span is so long that it would be worth copying more.
        let mut text = number.to_string();
        text.extend(unit.chars().take(64));
        let span = text.parse::<Span>().ok();
        if span.is_some() {
            self.advance()?;
        }
        Ok(span)
    }

    /// A span of time without parentheses: numbers and units.
    fn bare_span(&mut self) -> Result<Span, RuleError> {
        let at = self.at.clone();
        let Token::Number(number) = self.token else { return Err(self.unexpected("a span such as `30 days`")) };
        self.advance()?;
        let mut text = number.to_string();
        // A unit and what is joined to it are one word: `1h30m`.
        if let Token::Word(unit) = self.token {
            // No unit is as long as a text that would be worth copying.
            text.extend(unit.chars().take(64));
            self.advance()?;
        }
        text.parse::<Span>().map_err(|source| RuleError::Time { at, source })
    }

    pub(super) fn quoted(&mut self) -> Result<String, RuleError> {
        let Token::Text(text) = &mut self.token else { return Err(self.unexpected("text in quotes")) };
        let text = std::mem::take(text);
        self.advance()?;
        Ok(text)
    }

    /// What follows `it` in a list: the name of a part of the element, if there is one.
    pub(super) fn element(&mut self) -> Result<String, RuleError> {
        let at = self.at.clone();
        if self.token == Token::Mark("(") {
            self.advance()?;
            let name = self.name(NameKind::Property)?;
            self.expect(")", "`)`")?;
            return Ok(name);
        }
        if self.token != Token::Mark(".") {
            return Ok(String::new());
        }
        self.advance()?;
        let Token::Word(word) = self.token else { return Err(self.unexpected("a name after `.`")) };
        self.advance()?;
        let name = self.path(word, NameKind::Property, &at)?;
        check_name(NameKind::Property, &name, &at).map(|()| name)
    }
}

/// The test with case ignored; what was found instead, if case does not matter to it.
pub(super) fn ignoring_case(test: Test) -> Result<Test, String> {
    let is_text = |literal: &Literal| matches!(literal, Literal::Text(_));
    match &test {
        Test::Is(Op::Eq | Op::Ne, literal) if is_text(literal) => {}
        Test::In(values) | Test::NotIn(values) | Test::All(values) if values.iter().any(is_text) => {}
        Test::Contains(_) | Test::StartsWith(_) | Test::EndsWith(_) => {}
        Test::Matches(pattern) => {
            // Folding adds at most a few ranges, which the size of a pattern that reads leaves room for, or not.
            return Pattern::new(pattern.text(), true).map(Test::Matches).map_err(|error| error.to_string());
        }
        other => return Err(format!("`{}`", crate::time::shorten(&other.to_string()))),
    }
    Ok(Test::IgnoringCase(Box::new(test)))
}

const WORDS: [&str; 15] = [
    "NOT",
    "IN",
    "BETWEEN",
    "EXISTS",
    "CONTAINS",
    "STARTS_WITH",
    "ENDS_WITH",
    "MATCHES",
    "ALL",
    "VERSION",
    "IS",
    "ANY",
    "EVERY",
    "WITHIN",
    "ANNIVERSARY",
];
const KINDS: &str = "`BOOL`, `NUMBER`, `TEXT`, `TIME`, `LIST` or `OBJECT`";
const DAYS: &str = "a whole number of days up to 366";
const MOST_DAYS: u16 = 366;
/// By definition of the international mile.
const KM_PER_MILE: f64 = 1.609344;
