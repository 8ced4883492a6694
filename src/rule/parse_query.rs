//! The chains that begin with `event(` and `sequence(`.

use crate::time::Timestamp;

use super::ast::{At, EventQuery, Measure, Scope, Sequence, When};
use super::error::{Location, NameKind, RuleError};
use super::lexer::Token;
use super::parser::{Parser, event_kind};
use super::query::read_offset;

impl Parser<'_> {
    /// What follows `event(`.
    pub(super) fn event(&mut self, depth: usize) -> Result<EventQuery, RuleError> {
        let mut query = self.step()?;
        let wanted = "`where`, a window such as `within`, or a measure such as `count`";
        while self.token == Token::Mark(".") {
            self.advance()?;
            if query.tests.is_empty() && query.when == When::Ever && self.is_word("where") {
                self.wheres(&mut query, depth)?;
                continue;
            }
            if query.when == When::Ever {
                let at = self.at.clone();
                if let Some(when) = self.when()? {
                    (query.when, query.when_at) = (when.0, At(when.1.unwrap_or(at)));
                    continue;
                }
            }
            let Token::Word(word) = self.token else { return Err(self.unexpected(wanted)) };
            let Some(mut measure) = Measure::from_name(&word.to_ascii_lowercase()) else {
                return Err(self.unexpected(wanted));
            };
            self.advance()?;
            self.expect("(", "`(`")?;
            if let Some(property) = measure.property_mut() {
                *property = self.name(NameKind::Property)?;
            }
            self.expect(")", "`)`")?;
            query.measure = measure;
            break;
        }
        Ok(query.canonical())
    }

    /// The name of an event and the closing parenthesis.
    fn step(&mut self) -> Result<EventQuery, RuleError> {
        let at = self.at.clone();
        let name = self.name(NameKind::Event)?;
        let kind = event_kind(&name, &at)?;
        self.expect(")", "`)`")?;
        Ok(EventQuery::new(kind, At(at.clone()), At(at)))
    }

    fn wheres(&mut self, query: &mut EventQuery, depth: usize) -> Result<(), RuleError> {
        self.advance()?;
        self.expect("(", "`(`")?;
        let outside = std::mem::replace(&mut self.scope, Scope::Event);
        let tests = self.or(depth);
        self.scope = outside;
        query.tests.push(tests?);
        self.expect(")", "`AND`, `OR` or `)`")
    }

    /// A window, and where its first span stands; `None` if the word is none.
    fn when(&mut self) -> Result<Option<(When, Option<Location>)>, RuleError> {
        let Token::Word(word) = self.token else { return Ok(None) };
        let word = word.to_ascii_lowercase();
        let weeks = matches!(word.as_str(), "calendar_weeks" | "this_week");
        match word.as_str() {
            "within" => {
                self.advance()?;
                let (span, at) = self.span()?;
                Ok(Some((When::Within(span), Some(at))))
            }
            "between" => {
                self.advance()?;
                let (spans, at) = self.spans()?;
                Ok(Some((When::Between(spans.0, spans.1), Some(at))))
            }
            "since" => {
                self.advance()?;
                self.expect("(", "`(` and a date in quotes")?;
                let at = self.at.clone();
                let time = self.quoted()?.parse::<Timestamp>();
                let time = time.map_err(|source| RuleError::Time { at: at.clone(), source })?;
                self.expect(")", "`)`")?;
                Ok(Some((When::Since(time), Some(at))))
            }
            "in_session" => {
                self.advance()?;
                self.expect("(", "`(`")?;
                self.expect(")", "`)`")?;
                Ok(Some((When::InSession, None)))
            }
            "calendar_days" | "calendar_weeks" | "today" | "this_week" => {
                self.advance()?;
                self.expect("(", "`(`")?;
                let mut count = 1;
                let mut offset = 0;
                if word.starts_with("calendar") {
                    let Token::Number(number) = self.token else { return Err(self.unexpected("a whole number")) };
                    // A cast from `f64` saturates; checking refuses what is too large.
                    count = number as u32;
                    if !f64::from(count).total_cmp(&number).is_eq() {
                        return Err(self.unexpected("a whole number"));
                    }
                    self.advance()?;
                    if self.token == Token::Mark(",") {
                        self.advance()?;
                        offset = self.offset()?;
                    }
                } else if self.token != Token::Mark(")") {
                    offset = self.offset()?;
                }
                self.expect(")", "`)`")?;
                Ok(Some((if weeks { When::Weeks(count, offset) } else { When::Days(count, offset) }, None)))
            }
            _ => Ok(None),
        }
    }

    fn offset(&mut self) -> Result<i32, RuleError> {
        let wanted = "an offset from UTC in quotes, such as '+02:00'";
        let Token::Text(text) = &self.token else { return Err(self.unexpected(wanted)) };
        let Some(offset) = read_offset(text) else { return Err(self.unexpected(wanted)) };
        self.advance()?;
        Ok(offset)
    }

    /// What follows `sequence(`.
    pub(super) fn sequence(&mut self, at: Location, depth: usize) -> Result<Sequence, RuleError> {
        let mut steps = vec![self.sequence_step(depth)?];
        while self.take_word("THEN")? {
            steps.push(self.sequence_step(depth)?);
        }
        self.expect(")", "`then` or `)`")?;
        let mut sequence = Sequence { steps, without: None, after: None, when: When::Ever, at: At(at) };
        while self.token == Token::Mark(".") {
            self.advance()?;
            if sequence.without.is_none() && self.take_word("without")? {
                self.expect("(", "`(` and an event")?;
                sequence.without = Some(self.sequence_step(depth)?);
                self.expect(")", "`)`")?;
            } else if sequence.after.is_none() && self.is_word("after") {
                self.advance()?;
                sequence.after = Some(self.span()?.0);
            } else if let (When::Ever, Some((when, _))) = (sequence.when, self.when()?) {
                sequence.when = when;
            } else {
                return Err(self.unexpected("`without`, `after`, or a window such as `within`"));
            }
        }
        Ok(sequence)
    }

    fn sequence_step(&mut self, depth: usize) -> Result<EventQuery, RuleError> {
        if !self.take_word("event")? {
            return Err(self.unexpected("`event(…)`"));
        }
        self.expect("(", "`(` and the name of an event")?;
        let mut step = self.step()?;
        while self.token == Token::Mark(".") {
            self.advance()?;
            if step.tests.is_empty() && step.when == When::Ever && self.is_word("where") {
                self.wheres(&mut step, depth)?;
            } else if step.when == When::Ever && self.is_word("within") {
                self.advance()?;
                let (span, at) = self.span()?;
                (step.when, step.when_at) = (When::Within(span), At(at));
            } else {
                return Err(self.unexpected("`where` or `within`"));
            }
        }
        Ok(step.canonical())
    }
}
