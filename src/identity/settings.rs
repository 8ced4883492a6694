//! What one person may have, and which values name nobody.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::Symbol;

/// How ids become people.
///
/// ```
/// use bespoke::identity::Settings;
/// let settings: Settings = serde_json::from_str(r#"{
///     "per_kind": {"user": 1, "loyalty_card": 1}, "blocked": ["kiosk-*"]
/// }"#).unwrap();
/// assert!(settings.check().is_ok());
/// assert_eq!((settings.ids, settings.links), (100, 500));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The most ids of a kind that one person has. A kind with one is *unique*: two different values of it are two
    /// people. By default `user` is unique, and a person has at most 8 of `email` and of `phone`; kinds that are not
    /// here are limited by `ids` alone.
    pub per_kind: BTreeMap<String, usize>,
    /// The most ids of one person, from 2 to 1,000; 100 unless set otherwise.
    pub ids: usize,
    /// The most links that reach each other and are kept, from 1 to 5,000; 500 unless set otherwise. A new link costs
    /// a look at all of them.
    pub links: usize,
    /// Values that name nobody, beside those that always do (see [`Settings::blocks`]). Case does not matter, and a
    /// `*` at either end stands for anything.
    pub blocked: Vec<String>,
    /// Whether people who have been joined stay so: links that would split somebody are refused. Then who is who
    /// depends on the order in which links come.
    pub frozen: bool,
    /// What becomes of the things done on a shared device that are the first user's only because nobody else had
    /// been identified on it by then.
    pub hidden: Hidden,
    /// How many events of visitors without a user are kept as they came, over all people: those that came last, so
    /// that they find their user also when the identification comes late. 65,536 unless set otherwise.
    pub recent: usize,
}

/// Whether a shared device's first user keeps what was done on it without a user id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// It stays with the first user.
    #[default]
    Never,
    /// It is nobody's from when a second user is identified: kept, so that it comes back if that link is revoked, but
    /// neither decided by nor counted.
    Shared,
}

/// Settings that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A number is out of its range.
    #[error("`{field}` is {found}, but must be from {least} to {most}")]
    Range {
        /// The field.
        field: &'static str,
        /// What was found.
        found: usize,
        /// The least it may be.
        least: usize,
        /// The most it may be.
        most: usize,
    },
    /// A kind is empty, or may not occur at all.
    #[error("`per_kind.{kind}` is {found}, but a kind has a name and a limit from 1 to 1000")]
    Kind {
        /// The kind.
        kind: String,
        /// Its limit.
        found: usize,
    },
    /// A pattern would block every value, or none.
    #[error("`blocked` has `{pattern}`, which needs text beside the `*` at its ends")]
    Pattern {
        /// The pattern.
        pattern: String,
    },
}

/// An id of an event that names nobody, and was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedValue {
    /// Its kind.
    pub kind: String,
    /// Its value, shortened.
    pub value: String,
}

impl SettingsError {
    /// The setting that cannot be.
    pub(crate) const fn field(&self) -> &'static str {
        match self {
            Self::Range { field, .. } => field,
            Self::Kind { .. } => "per_kind",
            Self::Pattern { .. } => "blocked",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let per_kind = [("user", 1), ("email", 8), ("phone", 8)];
        Self {
            per_kind: per_kind.into_iter().map(|(kind, most)| (kind.to_owned(), most)).collect(),
            ids: 100,
            links: 500,
            blocked: Vec::new(),
            frozen: false,
            hidden: Hidden::Never,
            recent: 65_536,
        }
    }
}

impl Settings {
    /// Whether the settings can be.
    ///
    /// # Errors
    /// The first [`SettingsError`] that holds.
    pub fn check(&self) -> Result<(), SettingsError> {
        for (field, found, least, most) in [("ids", self.ids, 2, 1000), ("links", self.links, 1, 5000)] {
            if !(least..=most).contains(&found) {
                return Err(SettingsError::Range { field, found, least, most });
            }
        }
        if self.recent > MAX_RECENT {
            return Err(SettingsError::Range { field: "recent", found: self.recent, least: 0, most: MAX_RECENT });
        }
        for (kind, found) in &self.per_kind {
            if kind.is_empty() || !(1..=1000).contains(found) {
                return Err(SettingsError::Kind { kind: kind.clone(), found: *found });
            }
        }
        match self.blocked.iter().find(|pattern| pattern.trim_matches('*').trim().is_empty()) {
            Some(pattern) => Err(SettingsError::Pattern { pattern: pattern.clone() }),
            None => Ok(()),
        }
    }

    /// Whether a value names nobody: empty, zeros alone (with `-` between), one of `-1`, `[object object]`,
    /// `anonymous`, `false`, `guest`, `n/a`, `nan`, `nil`, `none`, `null`, `test`, `true`, `undefined`, `unknown`, or
    /// one of [`Settings::blocked`]. Case and space around it do not matter.
    ///
    /// ```
    /// use bespoke::identity::Settings;
    /// let settings = Settings::default();
    /// assert!(settings.blocks("NULL") && settings.blocks("00000000-0000-0000-0000-000000000000"));
    /// assert!(!settings.blocks("annulled") && !settings.blocks("100"));
    /// ```
    #[must_use]
    pub fn blocks(&self, value: &str) -> bool {
        let value = value.trim();
        let is_word = value.len() <= 16 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(value));
        let is_zeros = value.bytes().all(|byte| byte == b'0' || byte == b'-') && value.contains('0');
        value.is_empty() || is_word || is_zeros || self.blocked.iter().any(|pattern| fits(pattern, value))
    }
}

fn fits(pattern: &str, value: &str) -> bool {
    let (begins, ends) = (pattern.starts_with('*'), pattern.ends_with('*'));
    let (text, value) = (pattern.trim_matches('*').trim().to_lowercase(), value.to_lowercase());
    match (begins, ends) {
        (true, true) => value.contains(&text),
        (true, false) => value.ends_with(&text),
        (false, true) => value.starts_with(&text),
        (false, false) => value == text,
    }
}

/// The settings as the partition reads them.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The limited kinds, by symbol.
    limited: Vec<(Symbol, u16)>,
    pub(crate) ids: usize,
    pub(crate) links: usize,
    pub(crate) frozen: bool,
    pub(crate) hidden: Hidden,
    /// The known kinds' names.
    names: Vec<(Symbol, Box<str>)>,
    /// The kinds that go before others, then those that go after them.
    ranked: [Symbol; 3],
    devices: [Symbol; 2],
}

impl Rules {
    /// Compiles settings that have passed [`Settings::check`].
    pub(crate) fn new(settings: &Settings) -> Self {
        let limited = |(kind, most): (&String, &usize)| (Symbol::new(kind), u16::try_from(*most).unwrap_or(u16::MAX));
        let own = settings.per_kind.keys().map(String::as_str);
        let all = RANKED.into_iter().chain(DEVICES).chain(own);
        let mut names: Vec<(Symbol, Box<str>)> = all.map(|kind| (Symbol::new(kind), kind.into())).collect();
        names.sort();
        names.dedup();
        Self {
            limited: settings.per_kind.iter().map(limited).collect(),
            ids: settings.ids,
            links: settings.links,
            frozen: settings.frozen,
            hidden: settings.hidden,
            names,
            ranked: RANKED.map(Symbol::new),
            devices: DEVICES.map(Symbol::new),
        }
    }

    /// Which of two ids that were linked at the same time goes first.
    pub(crate) fn rank(&self, kind: Symbol) -> Rank {
        let place = |among: &[Symbol], base: u8| {
            // Five names in all.
            among.iter().position(|of| *of == kind).map(|at| Rank(base + at as u8))
        };
        place(&self.ranked, 0).or_else(|| place(&self.devices, OTHER + 1)).unwrap_or(Rank(OTHER))
    }

    pub(crate) fn limited(&self) -> &[(Symbol, u16)] {
        &self.limited
    }

    /// Whether two values of a kind are two people.
    pub(crate) fn is_unique(&self, kind: Symbol) -> bool {
        self.limited.iter().any(|(of, most)| *of == kind && *most == 1)
    }

    /// The name of a kind; that of its symbol if the settings do not know it.
    pub(crate) fn name(&self, kind: Symbol) -> Box<str> {
        match self.names.binary_search_by_key(&kind, |(symbol, _)| *symbol) {
            Ok(at) => self.names[at].1.clone(),
            Err(_) => format!("{kind:?}").into(),
        }
    }
}

/// The place of a kind among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(u8);

impl Rank {
    /// Whether several people can use one thing with an id of this kind, one after the other.
    pub(crate) const fn is_device(self) -> bool {
        self.0 > OTHER
    }
}

const RANKED: [&str; 3] = ["user", "email", "phone"];
const OTHER: u8 = RANKED.len() as u8;
const DEVICES: [&str; 2] = ["anonymous", "device"];
pub(crate) const MAX_RECENT: usize = 16_777_216;

const WORDS: [&str; 14] = [
    "-1",
    "[object object]",
    "anonymous",
    "false",
    "guest",
    "n/a",
    "nan",
    "nil",
    "none",
    "null",
    "test",
    "true",
    "undefined",
    "unknown",
];
