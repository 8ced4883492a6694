//! Tokens to the tree, by recursive descent with a limit on depth; linear in the length of the text.

use crate::event::EventKind;
use crate::id::MAX_ID_BYTES;
use crate::near::nearest;
use crate::time::{Span, shorten};

use super::ast::{
    At, Comparison, Derive, Expr, Literal, MAX_DEPTH, MAX_TEXT_BYTES, Measure, Op, Scope, SessionFact, Source, Test,
};
use super::error::{Location, NameKind, RuleError};
use super::lexer::{Lexer, Token};
use super::portrait;

pub(crate) fn parse(text: &str) -> Result<Expr, RuleError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(RuleError::TooLong { bytes: text.len(), limit: MAX_TEXT_BYTES });
    }
    let mut lexer = Lexer::new(text);
    let (token, at) = lexer.next()?;
    let mut parser = Parser { lexer, token, at, scope: Scope::Person };
    let expr = parser.or(0)?;
    match parser.token {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("`AND`, `OR` or the end")),
    }
}

/// The words that cannot be bare names, in upper case.
pub(crate) const RESERVED: [&str; 10] =
    ["AND", "OR", "NOT", "IN", "BETWEEN", "EXISTS", "CONTAINS", "STARTS_WITH", "TRUE", "FALSE"];

pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

/// The kind of event with this name, if the name can be written back.
pub(crate) fn event_kind(name: &str, at: &Location) -> Result<EventKind, RuleError> {
    check_name(NameKind::Event, name, at)?;
    let kind = EventKind::from(name);
    if kind.name().is_empty() || EventKind::from(kind.name()) != kind {
        return Err(RuleError::Name { at: at.clone(), what: NameKind::Event, name: shorten(name) });
    }
    Ok(kind)
}

pub(crate) fn check_name(what: NameKind, name: &str, at: &Location) -> Result<(), RuleError> {
    if name.is_empty() || name.len() > MAX_ID_BYTES || name.trim() != name {
        return Err(RuleError::Name { at: at.clone(), what, name: shorten(name) });
    }
    Ok(())
}

/// A property of an event was asked what only a whole value can answer.
pub(crate) fn not_scalar(at: Location, test: &Test) -> RuleError {
    RuleError::NotAsked { at, op: test.name(), of: "the properties of an event" }
}

fn derive(word: &str) -> Option<Derive> {
    Derive::ALL.into_iter().find(|derive| derive.text().eq_ignore_ascii_case(word))
}

/// How deep functions that derive a value may nest.
pub(crate) const MAX_DERIVED: usize = 4;

pub(crate) fn session_fact(name: &str, at: &Location) -> Result<SessionFact, RuleError> {
    SessionFact::from_name(name).ok_or_else(|| RuleError::Unknown {
        at: at.clone(),
        what: NameKind::Session,
        name: shorten(name),
        nearest: nearest(name, SessionFact::ALL.map(SessionFact::name)),
    })
}

pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    pub(super) token: Token<'a>,
    pub(super) at: Location,
    /// What the condition is about.
    pub(super) scope: Scope,
}

impl<'a> Parser<'a> {
    pub(super) fn or(&mut self, depth: usize) -> Result<Expr, RuleError> {
        let mut parts = vec![self.and(depth)?];
        while self.take_word("OR")? {
            parts.push(self.and(depth)?);
        }
        Ok(Expr::or(parts))
    }

    fn and(&mut self, depth: usize) -> Result<Expr, RuleError> {
        let mut parts = vec![self.not(depth)?];
        while self.take_word("AND")? {
            parts.push(self.not(depth)?);
        }
        Ok(Expr::and(parts))
    }

    fn not(&mut self, depth: usize) -> Result<Expr, RuleError> {
        let mut nots = 0;
        while self.is_word("NOT") {
            nots += 1;
            self.check_depth(depth + nots)?;
            self.advance()?;
        }
        let mut expr = self.atom(depth + nots)?;
        for _ in 0..nots {
            expr = Expr::Not(Box::new(expr));
        }
        Ok(expr)
    }

    fn atom(&mut self, depth: usize) -> Result<Expr, RuleError> {
        if self.token == Token::Mark("(") {
            self.check_depth(depth + 1)?;
            self.advance()?;
            let expr = self.or(depth + 1)?;
            self.expect(")", "`AND`, `OR` or `)`")?;
            return Ok(expr);
        }
        for (word, value) in [("TRUE", true), ("FALSE", false)] {
            if self.scope != Scope::Event && self.take_word(word)? {
                return Ok(Expr::Const(value));
            }
        }
        let at = self.at.clone();
        let source = match self.token.clone() {
            Token::Word(word) if !is_reserved(word) => {
                self.advance()?;
                if self.scope == Scope::Element {
                    self.in_element(word, &at, 0)?
                } else if self.scope == Scope::Event {
                    Source::Property(self.property(word, &at)?)
                } else if self.token == Token::Mark("(") {
                    self.advance()?;
                    if word.eq_ignore_ascii_case("segment") {
                        let name = self.name(NameKind::Segment)?;
                        self.expect(")", "`)`")?;
                        return Ok(Expr::Segment(name, At(at)));
                    }
                    if word.eq_ignore_ascii_case("sequence") {
                        return self.sequence(at, depth).map(|sequence| Expr::Sequence(Box::new(sequence)));
                    }
                    self.function(word, &at, depth)?
                } else {
                    Source::Attribute(self.path(word, NameKind::Attribute, &at)?)
                }
            }
            _ if self.scope == Scope::Event => return Err(self.unexpected("a property's name")),
            _ => return Err(self.unexpected("a condition")),
        };
        let op_at = At(self.at.clone());
        let counts = matches!(&source, Source::Event(query) if query.measure == Measure::Count);
        let test = match self.test(depth)? {
            Some(test) => test,
            // An event by itself asks whether it happened at all.
            None if counts => Test::Is(Op::Ge, Literal::Number(1.0)),
            None => return Err(self.unexpected("an operator")),
        };
        if self.scope == Scope::Event && !test.is_scalar() {
            return Err(not_scalar(op_at.0, &test));
        }
        Ok(Expr::Test(Box::new(Comparison { source, test, at: At(at), op_at })))
    }

    /// What begins with a word within a condition on the elements of a list.
    fn in_element(&mut self, word: &str, at: &Location, nested: usize) -> Result<Source, RuleError> {
        if word.eq_ignore_ascii_case("it") {
            return Ok(Source::Element(self.element()?));
        }
        if let (Some(derive), Token::Mark("(")) = (derive(word), &self.token) {
            self.advance()?;
            return self.derived(derive, nested);
        }
        let found = format!("`{}`", shorten(word));
        Err(RuleError::Syntax { at: at.clone(), wanted: "`it`, the element of the list", found })
    }

    /// What follows the `(` of a function that derives a value from another.
    fn derived(&mut self, derive: Derive, nested: usize) -> Result<Source, RuleError> {
        let at = self.at.clone();
        if nested >= MAX_DERIVED {
            return Err(RuleError::TooDeep { at, limit: MAX_DERIVED });
        }
        let wanted = "the name of an attribute, `attribute('…')` or `context('…')`";
        let Token::Word(word) = self.token else { return Err(self.unexpected(wanted)) };
        if is_reserved(word) {
            return Err(self.unexpected(wanted));
        }
        self.advance()?;
        let of = if self.scope == Scope::Element {
            self.in_element(word, &at, nested + 1)?
        } else if self.token == Token::Mark("(") {
            let lower = word.to_ascii_lowercase();
            self.advance()?;
            match (self::derive(word), lower.as_str()) {
                (Some(inner), _) => self.derived(inner, nested + 1)?,
                (None, "attribute" | "context") => self.function(word, &at, 0)?,
                (None, _) => return Err(RuleError::Syntax { at, wanted, found: format!("`{}`", shorten(word)) }),
            }
        } else {
            Source::Attribute(self.path(word, NameKind::Attribute, &at)?)
        };
        self.expect(")", "`)`")?;
        Ok(Source::Derived(derive, Box::new(of)))
    }

    /// What follows the `(` of a function.
    fn function(&mut self, word: &str, at: &Location, depth: usize) -> Result<Source, RuleError> {
        const FUNCTIONS: [&str; 9] =
            ["attribute", "group", "context", "session", "event", "segment", "sequence", "size", "length"];
        if let Some(derive) = derive(word) {
            return self.derived(derive, 0);
        }
        let source = match word.to_ascii_lowercase().as_str() {
            "attribute" => Source::Attribute(self.name(NameKind::Attribute)?),
            "context" => Source::Context(self.name(NameKind::Context)?),
            "session" => {
                let at = self.at.clone();
                let name = self.name(NameKind::Session)?;
                Source::Session(session_fact(&name, &at)?)
            }
            "event" => return self.event(depth).map(Source::Event),
            "group" => return self.group(),
            other => {
                if let Some(source) = portrait::function(self, other, depth)? {
                    return Ok(source);
                }
                let known = FUNCTIONS.into_iter().chain(portrait::FUNCTIONS);
                let (name, nearest) = (shorten(word), nearest(word, known));
                return Err(RuleError::Unknown { at: at.clone(), what: NameKind::Function, name, nearest });
            }
        };
        self.expect(")", "`)`")?;
        Ok(source)
    }

    /// What follows `group(`: the kind of group, and an attribute of it, bare or within `attribute('…')`.
    fn group(&mut self) -> Result<Source, RuleError> {
        let kind = self.name(NameKind::Group)?;
        self.expect(")", "`)`")?;
        self.expect(".", "`.` and an attribute of the group")?;
        let at = self.at.clone();
        let name = match self.token.clone() {
            Token::Word(word) if !is_reserved(word) => {
                self.advance()?;
                if self.token == Token::Mark("(") && word.eq_ignore_ascii_case("attribute") {
                    self.advance()?;
                    let name = self.name(NameKind::GroupAttribute)?;
                    self.expect(")", "`)`")?;
                    name
                } else {
                    self.path(word, NameKind::GroupAttribute, &at)?
                }
            }
            _ => return Err(self.unexpected("an attribute of the group")),
        };
        Ok(Source::Group { kind, name })
    }

    /// The name of a property, of which the first word has been taken: bare or within `property('…')`.
    fn property(&mut self, word: &str, at: &Location) -> Result<String, RuleError> {
        if self.token != Token::Mark("(") || !word.eq_ignore_ascii_case("property") {
            return self.path(word, NameKind::Property, at);
        }
        self.advance()?;
        let name = self.name(NameKind::Property)?;
        self.expect(")", "`)`")?;
        Ok(name)
    }

    /// A name in quotes or bare.
    pub(super) fn name(&mut self, what: NameKind) -> Result<String, RuleError> {
        let at = self.at.clone();
        match self.token.clone() {
            Token::Text(name) => {
                check_name(what, &name, &at)?;
                self.advance()?;
                Ok(name)
            }
            Token::Word(word) => {
                self.advance()?;
                self.path(word, what, &at)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// The rest of a bare name whose first word has been taken.
    pub(super) fn path(&mut self, first: &str, what: NameKind, at: &Location) -> Result<String, RuleError> {
        let mut name = first.to_owned();
        while self.token == Token::Mark(".") {
            self.advance()?;
            let Token::Word(word) = self.token else { return Err(self.unexpected("a name after `.`")) };
            // Names are checked for length as they grow, so that no dotted name holds the whole text.
            name.push('.');
            name.push_str(word);
            check_name(what, &name, at)?;
            self.advance()?;
        }
        check_name(what, &name, at)?;
        Ok(name)
    }

    /// A span of time in parentheses, bare or in quotes.
    pub(super) fn span(&mut self) -> Result<(Span, Location), RuleError> {
        if self.token != Token::Mark("(") {
            return Err(self.unexpected("`(` and a span such as `7 days`"));
        }
        // The lexer stands behind the parenthesis, since no token is read ahead of the current one.
        let at = self.lexer.here();
        let text = self.lexer.until_parenthesis().trim();
        let text = text.trim_matches(|c| c == '\'' || c == '"');
        let span = text.parse::<Span>().map_err(|source| RuleError::Time { at: at.clone(), source })?;
        self.advance()?;
        self.expect(")", "`)`")?;
        Ok((span, at))
    }

    /// Two spans of time in parentheses.
    pub(super) fn spans(&mut self) -> Result<((Span, Span), Location), RuleError> {
        if self.token != Token::Mark("(") {
            return Err(self.unexpected("`(` and two spans such as `14 days, 7 days`"));
        }
        let at = self.lexer.here();
        let text = self.lexer.until_parenthesis();
        let (from, to) = text.split_once(',').unwrap_or((text, ""));
        let span = |text: &str| {
            let text = text.trim().trim_matches(|c| c == '\'' || c == '"');
            text.parse::<Span>().map_err(|source| RuleError::Time { at: at.clone(), source })
        };
        let spans = (span(from)?, span(to)?);
        self.advance()?;
        self.expect(")", "`)`")?;
        Ok((spans, at))
    }

    pub(super) fn check_depth(&self, depth: usize) -> Result<(), RuleError> {
        if depth > MAX_DEPTH { Err(RuleError::TooDeep { at: self.at.clone(), limit: MAX_DEPTH }) } else { Ok(()) }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    pub(super) fn take_word(&mut self, word: &str) -> Result<bool, RuleError> {
        let found = self.is_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect(&mut self, mark: &'static str, wanted: &'static str) -> Result<(), RuleError> {
        if self.token == Token::Mark(mark) { self.advance() } else { Err(self.unexpected(wanted)) }
    }

    pub(super) fn advance(&mut self) -> Result<(), RuleError> {
        (self.token, self.at) = self.lexer.next()?;
        Ok(())
    }

    pub(super) fn unexpected(&self, wanted: &'static str) -> RuleError {
        RuleError::Syntax { at: self.at.clone(), wanted, found: self.token.describe() }
    }
}
