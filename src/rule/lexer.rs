//! Text to tokens, one at a time, with the place of each.

use super::error::{Location, RuleError};
use crate::time::shorten;

/// A piece of rule text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Word(&'a str),
    Text(String),
    Number(f64),
    /// `( ) , .` and the comparison operators, in their first spelling.
    Mark(&'static str),
    End,
}

impl Token<'_> {
    /// The token as an error message names it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{}`", shorten(word)),
            Self::Text(text) => format!("the text '{}'", shorten(text)),
            Self::Number(number) => format!("the number {number:?}"),
            Self::Mark(mark) => format!("`{mark}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

pub(crate) struct Lexer<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text, line: 1, column: 1 }
    }

    pub(crate) fn here(&self) -> Location {
        Location::Text { line: self.line, column: self.column }
    }

    /// The next token and where it begins.
    pub(crate) fn next(&mut self) -> Result<(Token<'a>, Location), RuleError> {
        let blank = self.rest.find(|c: char| !c.is_whitespace()).unwrap_or(self.rest.len());
        self.advance(blank);
        let at = self.here();
        let Some(first) = self.rest.chars().next() else { return Ok((Token::End, at)) };
        let token = match first {
            '\'' | '"' => self.text(first)?,
            c if starts_word(c) => {
                let end = self.rest.find(|c: char| !continues_word(c)).unwrap_or(self.rest.len());
                Token::Word(self.advance(end))
            }
            c if c.is_ascii_digit() || (c == '-' && self.rest[1..].starts_with(|c: char| c.is_ascii_digit())) => {
                self.number()?
            }
            _ => {
                let mark = MARKS.iter().find(|(spelling, _)| self.rest.starts_with(spelling));
                let Some((spelling, mark)) = mark else {
                    return Err(RuleError::Syntax {
                        at,
                        wanted: "a name, a value or an operator",
                        found: format!("`{first}`"),
                    });
                };
                self.advance(spelling.len());
                Token::Mark(mark)
            }
        };
        Ok((token, at))
    }

    /// Everything up to the next closing parenthesis, for spans of time.
    pub(crate) fn until_parenthesis(&mut self) -> &'a str {
        let end = self.rest.find(')').unwrap_or(self.rest.len());
        self.advance(end)
    }

    /// Quoted text; a doubled quote stands for itself.
    fn text(&mut self, quote: char) -> Result<Token<'a>, RuleError> {
        let at = self.here();
        self.advance(1);
        let mut text = String::new();
        loop {
            let Some(end) = self.rest.find(quote) else {
                return Err(RuleError::Syntax { at, wanted: "a closing quote", found: "the end".to_owned() });
            };
            text.push_str(self.advance(end));
            self.advance(1);
            if !self.rest.starts_with(quote) {
                return Ok(Token::Text(text));
            }
            self.advance(1);
            text.push(quote);
        }
    }

    fn number(&mut self) -> Result<Token<'a>, RuleError> {
        let at = self.here();
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let is_digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
        let mut end = digits(usize::from(bytes.first() == Some(&b'-')));
        if bytes.get(end) == Some(&b'.') && is_digit(end + 1) {
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            if is_digit(end + 1 + sign) {
                end = digits(end + 1 + sign);
            }
        }
        match self.advance(end).parse::<f64>() {
            // Adding zero turns -0 into 0.
            Ok(number) if number.is_finite() => Ok(Token::Number(number + 0.0)),
            _ => Err(RuleError::NotFinite { at }),
        }
    }

    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        for c in taken.chars() {
            if c == '\n' {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                self.column = self.column.saturating_add(1);
            }
        }
        self.rest = rest;
        taken
    }
}

pub(crate) fn starts_word(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

pub(crate) fn continues_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Spellings and what they mean; longer ones first.
const MARKS: [(&str, &str); 15] = [
    ("===", "==="),
    ("==", "="),
    ("!=", "!="),
    ("<>", "!="),
    (">=", ">="),
    ("<=", "<="),
    ("=", "="),
    (">", ">"),
    ("<", "<"),
    ("(", "("),
    (")", ")"),
    (",", ","),
    (".", "."),
    ("-", "-"),
    ("+", "+"),
];
