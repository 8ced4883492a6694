//! Tokens to the tree, by recursive descent with a limit on depth; linear in the length of the text.

use crate::event::EventKind;
use crate::id::MAX_ID_BYTES;
use crate::near::nearest;
use crate::time::{Span, Timestamp, shorten};

use super::ast::{
    At, Comparison, Expr, Literal, MAX_DEPTH, MAX_TEXT_BYTES, MAX_VALUES, Measure, Op, PropertyTest, SessionFact,
    Source, Test,
};
use super::error::{Location, NameKind, RuleError};
use super::lexer::{Lexer, Token};

pub(crate) fn parse(text: &str) -> Result<Expr, RuleError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(RuleError::TooLong { bytes: text.len(), limit: MAX_TEXT_BYTES });
    }
    let mut lexer = Lexer::new(text);
    let (token, at) = lexer.next()?;
    let mut parser = Parser { lexer, token, at };
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
}

impl<'a> Parser<'a> {
    fn or(&mut self, depth: usize) -> Result<Expr, RuleError> {
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
            if self.take_word(word)? {
                return Ok(Expr::Const(value));
            }
        }
        let at = self.at.clone();
        let source = match self.token.clone() {
            Token::Word(word) if !is_reserved(word) => {
                self.advance()?;
                if self.token == Token::Mark("(") {
                    self.advance()?;
                    if word.eq_ignore_ascii_case("segment") {
                        let name = self.name(NameKind::Segment)?;
                        self.expect(")", "`)`")?;
                        return Ok(Expr::Segment(name, At(at)));
                    }
                    if word.eq_ignore_ascii_case("sequence") {
                        return self.sequence(at).map(|sequence| Expr::Sequence(Box::new(sequence)));
                    }
                    self.function(word, &at)?
                } else {
                    Source::Attribute(self.path(word, NameKind::Attribute, &at)?)
                }
            }
            _ => return Err(self.unexpected("a condition")),
        };
        let op_at = At(self.at.clone());
        let counts = matches!(&source, Source::Event(query) if query.measure == Measure::Count);
        let test = match self.test()? {
            Some(test) => test,
            // An event by itself asks whether it happened at all.
            None if counts => Test::Is(Op::Ge, Literal::Number(1.0)),
            None => return Err(self.unexpected("an operator")),
        };
        Ok(Expr::Test(Box::new(Comparison { source, test, at: At(at), op_at })))
    }

    /// What follows the `(` of a function.
    fn function(&mut self, word: &str, at: &Location) -> Result<Source, RuleError> {
        const FUNCTIONS: [&str; 7] = ["attribute", "context", "affinity", "session", "event", "segment", "sequence"];
        let source = match word.to_ascii_lowercase().as_str() {
            "attribute" => Source::Attribute(self.name(NameKind::Attribute)?),
            "context" => Source::Context(self.name(NameKind::Context)?),
            "affinity" => {
                let dimension = self.name(NameKind::Affinity)?;
                self.expect(",", "`,` and a value")?;
                Source::Affinity { dimension, value: self.name(NameKind::AffinityValue)? }
            }
            "session" => {
                let at = self.at.clone();
                let name = self.name(NameKind::Session)?;
                Source::Session(session_fact(&name, &at)?)
            }
            "event" => return self.event().map(Source::Event),
            _ => {
                let (name, nearest) = (shorten(word), nearest(word, FUNCTIONS));
                return Err(RuleError::Unknown { at: at.clone(), what: NameKind::Function, name, nearest });
            }
        };
        self.expect(")", "`)`")?;
        Ok(source)
    }

    pub(super) fn property_test(&mut self) -> Result<PropertyTest, RuleError> {
        let at = self.at.clone();
        let name = match self.token.clone() {
            Token::Word(word) if !is_reserved(word) => {
                self.advance()?;
                if self.token == Token::Mark("(") && word.eq_ignore_ascii_case("property") {
                    self.advance()?;
                    let name = self.name(NameKind::Property)?;
                    self.expect(")", "`)`")?;
                    name
                } else {
                    self.path(word, NameKind::Property, &at)?
                }
            }
            _ => return Err(self.unexpected("a property's name")),
        };
        let op_at = self.at.clone();
        let test = self.test()?.ok_or_else(|| self.unexpected("an operator"))?;
        Ok(PropertyTest { name, test, at: At(op_at) })
    }

    /// The operator and what follows it, if there is one.
    fn test(&mut self) -> Result<Option<Test>, RuleError> {
        if let Token::Mark(mark) = self.token {
            let Some(op) = Op::ALL.into_iter().find(|op| op.text() == mark) else { return Ok(None) };
            self.advance()?;
            return Ok(Some(Test::Is(op, self.literal()?)));
        }
        if self.take_word("NOT")? {
            if !self.take_word("IN")? {
                return Err(self.unexpected("`IN`"));
            }
            return Ok(Some(Test::NotIn(self.list()?)));
        }
        if self.take_word("IN")? {
            return Ok(Some(Test::In(self.list()?)));
        }
        if self.take_word("BETWEEN")? {
            let low = self.literal()?;
            if !self.take_word("AND")? {
                return Err(self.unexpected("`AND` and the upper end"));
            }
            return Ok(Some(Test::Between(low, self.literal()?)));
        }
        if self.take_word("EXISTS")? {
            return Ok(Some(Test::Exists));
        }
        if self.take_word("CONTAINS")? {
            return Ok(Some(Test::Contains(self.quoted()?)));
        }
        if self.take_word("STARTS_WITH")? {
            return Ok(Some(Test::StartsWith(self.quoted()?)));
        }
        Ok(None)
    }

    fn list(&mut self) -> Result<Vec<Literal>, RuleError> {
        let at = self.at.clone();
        self.expect("(", "`(` and values")?;
        if self.token == Token::Mark(")") {
            return Err(RuleError::Empty { at, what: "list" });
        }
        let mut values = vec![self.literal()?];
        while self.token == Token::Mark(",") {
            self.advance()?;
            values.push(self.literal()?);
            if values.len() > MAX_VALUES {
                return Err(RuleError::TooManyValues { at, limit: MAX_VALUES });
            }
        }
        self.expect(")", "`,` or `)`")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Literal, RuleError> {
        let literal = match self.token.clone() {
            Token::Text(text) => Literal::Text(text),
            Token::Number(number) => Literal::Number(number),
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
            _ => return Err(self.unexpected("a value: text in quotes, a number, `true`, `false` or `time('…')`")),
        };
        self.advance()?;
        Ok(literal)
    }

    pub(super) fn quoted(&mut self) -> Result<String, RuleError> {
        let Token::Text(text) = &mut self.token else { return Err(self.unexpected("text in quotes")) };
        let text = std::mem::take(text);
        self.advance()?;
        Ok(text)
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
    fn path(&mut self, first: &str, what: NameKind, at: &Location) -> Result<String, RuleError> {
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

    fn check_depth(&self, depth: usize) -> Result<(), RuleError> {
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
