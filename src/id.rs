//! Who and what an event or a decision is about: typed ids.
//!
//! People are known by [`UserKey`], a 128-bit stable hash of the id the host uses; a known user `7` and an
//! anonymous visitor `7` have different keys. A [`DecisionId`] names one answer, so that exposures and rewards find
//! the decision they belong to.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::hash::{Symbol, wide, wide_of};

/// The longest id, in bytes, that is accepted for a user, an item, an event or a name; longer ones are refused.
pub const MAX_ID_BYTES: usize = 512;

/// The person whom an event is about or for whom a decision is made, as the inside of the crate knows them.
///
/// ```
/// use bespoke::id::UserKey;
/// assert_ne!(UserKey::known("7"), UserKey::anonymous("7"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// Alignment to 16 bytes would take eight more beside every box and every time.
#[repr(Rust, packed(8))]
pub struct UserKey(u128);

impl UserKey {
    /// The key of a user that the host knows by this id.
    #[must_use]
    pub fn known(id: &str) -> Self {
        Self(wide(0, id))
    }

    /// The key of a visitor that has only an anonymous or device id.
    #[must_use]
    pub fn anonymous(id: &str) -> Self {
        Self(wide(1, id))
    }

    /// The key of an id of any kind: `user` and `anonymous` as [`UserKey::known`] and [`UserKey::anonymous`] have it,
    /// `email`, `phone`, `device`, or a kind of the host's own. The value is brought into its [`normal`] form first.
    ///
    /// ```
    /// use bespoke::id::UserKey;
    /// assert_eq!(UserKey::of("email", " Ann@Example.com"), UserKey::of("email", "ann@example.com"));
    /// assert_eq!(UserKey::of("phone", "0049 (30) 1234-5"), UserKey::of("phone", "+493012345"));
    /// assert_eq!(UserKey::of("user", "7"), UserKey::known("7"));
    /// assert_ne!(UserKey::of("loyalty_card", "7"), UserKey::of("device", "7"));
    /// ```
    #[must_use]
    pub fn of(kind: &str, value: &str) -> Self {
        match kind {
            "user" => Self::known(value),
            "anonymous" => Self::anonymous(value),
            kind => Self(wide_of(Symbol::new(kind), &normal(kind, value))),
        }
    }

    /// Takes back a number that [`UserKey::to_bits`] gave.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits of the hash.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        self.0
    }

    /// The hash as bytes, for hashing under a salt.
    pub(crate) const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserKey({self})")
    }
}

impl fmt::Display for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", { self.0 })
    }
}

impl Serialize for UserKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            ((self.0 >> 64) as u64, self.0 as u64).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for UserKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
            u128::from_str_radix(&text, 16).map(Self).map_err(de::Error::custom)
        } else {
            let (high, low) = <(u64, u64)>::deserialize(deserializer)?;
            Ok(Self(u128::from(high) << 64 | u128::from(low)))
        }
    }
}

/// The form in which ids of a kind are compared.
///
/// | kind | form |
/// |---|---|
/// | `user`, `anonymous` | as it is |
/// | `email`, `device` | without space around it, in lower case |
/// | `phone` | the digits, behind a `+` if the number begins with `+` or `00`; text without digits as others |
/// | others | without space around it |
///
/// Nothing is copied that is in this form already.
///
/// ```
/// use bespoke::id::normal;
/// assert_eq!(normal("phone", "+49 30 123"), "+4930123");
/// assert_eq!(normal("loyalty_card", " A7 "), "A7");
/// ```
#[must_use]
pub fn normal<'a>(kind: &str, value: &'a str) -> Cow<'a, str> {
    let trimmed = value.trim();
    match kind {
        "user" | "anonymous" => Cow::Borrowed(value),
        "email" | "device" if trimmed.chars().any(char::is_uppercase) => Cow::Owned(trimmed.to_lowercase()),
        "phone" => phone(trimmed),
        _ => Cow::Borrowed(trimmed),
    }
}

fn phone(trimmed: &str) -> Cow<'_, str> {
    let is_plain = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let bare = trimmed.strip_prefix('+').unwrap_or(trimmed);
    let digits: Cow<'_, str> = if is_plain(bare) {
        Cow::Borrowed(bare)
    } else {
        Cow::Owned(trimmed.chars().filter(char::is_ascii_digit).collect())
    };
    if digits.is_empty() {
        return Cow::Borrowed(trimmed);
    }
    match digits.strip_prefix("00") {
        _ if trimmed.starts_with('+') && is_plain(bare) => Cow::Borrowed(trimmed),
        _ if trimmed.starts_with('+') => Cow::Owned(format!("+{digits}")),
        Some(rest) => Cow::Owned(format!("+{rest}")),
        None => digits,
    }
}

/// The name of one decision: sixteen hexadecimal digits that the host sends back with the exposure.
///
/// ```
/// use bespoke::id::DecisionId;
/// let id: DecisionId = "00000000000000ff".parse().unwrap();
/// assert_eq!(id.to_string(), "00000000000000ff");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DecisionId(u64);

impl DecisionId {
    /// Takes the 64 bits of an id.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits of the id.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecisionId({self})")
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Text that is not a decision id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a decision id; it is the sixteen hexadecimal digits that a decision carries")]
pub struct DecisionIdError {
    /// What was found, shortened.
    pub text: String,
}

impl FromStr for DecisionId {
    type Err = DecisionIdError;
    fn from_str(text: &str) -> Result<Self, DecisionIdError> {
        let bad = || DecisionIdError { text: crate::time::shorten(text) };
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| bad())
    }
}

impl Serialize for DecisionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_u64(self.0) }
    }
}

impl<'de> Deserialize<'de> for DecisionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            <std::borrow::Cow<'_, str>>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decision_ids_are_exactly_sixteen_hex_digits() {
        for text in ["", "ff", "00000000000000fg", "+0000000000000ff", "00000000000000000ff"] {
            assert!(text.parse::<DecisionId>().is_err(), "{text}");
        }
    }

    #[test]
    fn keys_survive_both_encodings() {
        let key = UserKey::known("someone");
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<UserKey>(&json).unwrap(), key);
        let bytes = postcard::to_allocvec(&key).unwrap();
        assert_eq!(postcard::from_bytes::<UserKey>(&bytes).unwrap(), key);
    }
}
