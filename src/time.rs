//! Points in time and lengths of time, both in whole milliseconds.
//!
//! The crate holds no clock: every time comes with an event, a request or a call. A [`Timestamp`] counts
//! milliseconds since 1970-01-01T00:00:00Z without leap seconds, and is written as RFC 3339 text for people and as
//! a number in compact encodings. A [`Span`] is a length of time such as `30m` or `7d`; a day is exactly 24 hours.

mod offset;

use std::fmt;
use std::str::FromStr;

pub use offset::Offset;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: milliseconds since the Unix epoch.
///
/// Any value between the years 1 and 9999 can be written as text; times outside that range do not come out of
/// parsing, and events that carry them are refused.
///
/// ```
/// use bespoke::time::{Span, Timestamp};
/// let t: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
/// assert_eq!((t + Span::hours(1)).to_string(), "2026-03-01T13:00:00Z");
/// assert_eq!(t + Span::days(7) - t, Span::days(7));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first millisecond of 1970.
    pub const EPOCH: Self = Self(0);
    /// The earliest time there is; stands for "always before".
    pub const MIN: Self = Self(i64::MIN);
    /// The latest time there is; stands for "never".
    pub const MAX: Self = Self(i64::MAX);

    /// Takes milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Takes seconds since the Unix epoch; fractions are rounded to the nearest millisecond.
    ///
    /// `None` if the number is not finite or lies outside the years 1 to 9999.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        let millis = libm::round(seconds * 1000.0);
        // The bounds are far inside the range in which `f64` holds integers exactly.
        (millis >= FIRST as f64 && millis <= LAST as f64).then_some(Self(millis as i64))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whether the time lies between the years 1 and 9999, so that it can be written as text.
    #[must_use]
    pub const fn is_plausible(self) -> bool {
        self.0 >= FIRST && self.0 <= LAST
    }

    /// Year, month and day in UTC; `None` outside the years 1 to 9999.
    pub(crate) fn date(self) -> Option<(i16, i8, i8)> {
        let time = jiff::Timestamp::from_millisecond(self.0).ok().filter(|_| self.is_plausible())?;
        let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
        Some((date.year(), date.month(), date.day()))
    }

    /// The time that has passed since `earlier`; zero if `earlier` is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        let millis = self.0.saturating_sub(earlier.0);
        Span(if millis > 0 { millis } else { 0 })
    }
}

impl std::ops::Add<Span> for Timestamp {
    type Output = Self;
    /// The later time; stays at [`Timestamp::MAX`] rather than overflow.
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl std::ops::Sub<Span> for Timestamp {
    type Output = Self;
    /// The earlier time; stays at [`Timestamp::MIN`] rather than overflow.
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl std::ops::Sub for Timestamp {
    type Output = Span;
    /// The same as [`Timestamp::since`]: zero if `earlier` is later.
    fn sub(self, earlier: Self) -> Span {
        self.since(earlier)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with milliseconds only where they are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) if self.is_plausible() => write!(f, "{time}"),
            _ => write!(f, "{} ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads RFC 3339 (`2026-03-01T12:00:00Z`, `…+02:00`) or a bare date, which is its first millisecond in UTC.
    /// Fractions beyond the millisecond are cut off.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::Timestamp { text: shorten(text) };
        let time = if let Ok(time) = text.parse::<jiff::Timestamp>() {
            time
        } else {
            let date: jiff::civil::Date = text.parse().map_err(|_| bad())?;
            // A date must stand alone: jiff would also take the date out of a longer text.
            if text.len() != 10 {
                return Err(bad());
            }
            date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| bad())?.timestamp()
        };
        let stamp = Self(time.as_millisecond());
        if stamp.is_plausible() { Ok(stamp) } else { Err(bad()) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() && self.is_plausible() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    /// Takes RFC 3339 text, a date, or milliseconds since the Unix epoch.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Stamp;
        impl Visitor<'_> for Stamp {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as \"2026-03-01T12:00:00Z\" or milliseconds since 1970")
            }
            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(millis))
            }
            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Timestamp, E> {
                i64::try_from(millis).map(Timestamp).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(Stamp)
        } else {
            deserializer.deserialize_i64(Stamp)
        }
    }
}

/// A length of time: a whole number of milliseconds, never negative.
///
/// Its text is a number and a unit, or several in falling order: `90s`, `30m`, `1h30m`, `7d`, `2w`. `ms`, `s`, `m`,
/// `h`, `d` (24 hours) and `w` (7 days) are the units.
///
/// ```
/// use bespoke::time::Span;
/// let span: Span = "1h30m".parse().unwrap();
/// assert_eq!(span, Span::minutes(90));
/// assert_eq!(span.to_string(), "1h30m");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// This many milliseconds; a negative number counts as zero.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis > 0 { millis } else { 0 })
    }
    /// This many seconds.
    #[must_use]
    pub const fn seconds(n: u32) -> Self {
        Self(n as i64 * 1000)
    }
    /// This many minutes.
    #[must_use]
    pub const fn minutes(n: u32) -> Self {
        Self(n as i64 * MINUTE)
    }
    /// This many hours.
    #[must_use]
    pub const fn hours(n: u32) -> Self {
        Self(n as i64 * HOUR)
    }
    /// This many days of 24 hours.
    #[must_use]
    pub const fn days(n: u32) -> Self {
        Self(n as i64 * DAY)
    }
    /// The length in milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }
    /// The length in seconds.
    #[must_use]
    pub fn as_seconds(self) -> f64 {
        // Spans beyond 2^53 ms (285,000 years) lose milliseconds, which no reader of seconds misses.
        self.0 as f64 / 1000.0
    }
    /// Whether there is no time in it.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in UNITS {
            // Weeks are said only when the span is a round number of them, as people do.
            if *unit == "w" && rest % size != 0 {
                continue;
            }
            if rest >= *size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl FromStr for Span {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::Span { text: shorten(text) };
        let (mut rest, mut total, mut last) = (text.trim(), 0_i64, i64::MAX);
        if rest.is_empty() {
            return Err(bad());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let count: i64 = rest[..digits].parse().map_err(|_| bad())?;
            rest = rest[digits..].trim_start();
            let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let size = unit(&rest[..end]).ok_or_else(bad)?;
            if size >= last {
                return Err(bad());
            }
            last = size;
            total = count.checked_mul(size).and_then(|part| total.checked_add(part)).ok_or_else(bad)?;
            rest = rest[end..].trim_start();
        }
        Ok(Self(total))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Span {
    /// Takes text such as `7d`; in compact encodings, milliseconds.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            <std::borrow::Cow<'_, str>>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            let millis = i64::deserialize(deserializer)?;
            if millis < 0 { Err(de::Error::custom("a negative span")) } else { Ok(Self(millis)) }
        }
    }
}

/// Text that is not a time or a span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// Not a point in time.
    #[error("`{text}` is not a time; write it like `2026-03-01T12:00:00Z` or `2026-03-01`, in the years 1 to 9999")]
    Timestamp {
        /// What was found, shortened.
        text: String,
    },
    /// Not a length of time.
    #[error("`{text}` is not a span of time; write a whole number and a unit, such as `30m`, `1h30m` or `7d`")]
    Span {
        /// What was found, shortened.
        text: String,
    },
    /// Not an offset from UTC.
    #[error("`{text}` is not an offset from UTC; write it like `+02:00`, at most 18 hours")]
    Offset {
        /// What was found, shortened.
        text: String,
    },
}

/// The unit's length in milliseconds, by its short or long English name.
fn unit(name: &str) -> Option<i64> {
    Some(match name {
        "ms" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "second" | "seconds" => 1000,
        "m" | "min" | "minute" | "minutes" => MINUTE,
        "h" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => WEEK,
        _ => return None,
    })
}

/// A month and a day, as birthdays have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DayOfYear {
    month: i8,
    day: i8,
}

impl DayOfYear {
    /// The month and day of a time in UTC.
    pub(crate) fn of(time: Timestamp) -> Option<Self> {
        let date = date_of(time)?;
        Some(Self { month: date.month(), day: date.day() })
    }

    /// The beginning of the next such day in UTC that is not over; 29 February counts as the 28th in other years.
    pub(crate) fn next_from(self, now: Timestamp) -> Option<Timestamp> {
        let today = date_of(now)?;
        let in_year = |year: i16| {
            let day = if (self.month, self.day) == (2, 29) { 28 } else { self.day };
            let date = jiff::civil::Date::new(year, self.month, self.day);
            date.or_else(|_| jiff::civil::Date::new(year, self.month, day)).ok()
        };
        let this = in_year(today.year()).filter(|date| *date >= today);
        let next = this.or_else(|| in_year(today.year().checked_add(1)?))?;
        Some(Timestamp(next.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond()))
    }
}

fn date_of(time: Timestamp) -> Option<jiff::civil::Date> {
    let time = jiff::Timestamp::from_millisecond(time.0).ok()?;
    Some(jiff::tz::Offset::UTC.to_datetime(time).date())
}

/// The first 40 characters, so that an error message never repeats a megabyte of input.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
const UNITS: &[(&str, i64)] = &[("w", WEEK), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1000), ("ms", 1)];
/// 0001-01-01T00:00:00Z.
const FIRST: i64 = -62_135_596_800_000;
/// 9999-12-30T22:00:00Z, the last time that jiff can write.
const LAST: i64 = 253_402_207_200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_as_rfc_3339() {
        for (text, millis, back) in [
            ("1970-01-01", 0, "1970-01-01T00:00:00Z"),
            ("2012-12-02T00:30:08.276Z", 1_354_408_208_276, "2012-12-02T00:30:08.276Z"),
            ("2024-02-29T23:30:00-02:00", 1_709_256_600_000, "2024-03-01T01:30:00Z"),
        ] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!((time.millis(), time.to_string().as_str()), (millis, back));
        }
    }

    #[test]
    fn nonsense_is_not_a_time() {
        for text in ["", "yesterday", "2024-02-30", "2024-01-01T25:00:00Z", "2024-01-01 junk", "99999-01-01"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        assert_eq!(Timestamp::from_seconds(f64::NAN), None);
        assert_eq!(Timestamp::from_seconds(1e300), None);
    }

    #[test]
    fn spans_print_back_what_they_read() {
        for text in ["0s", "250ms", "90s", "1h30m", "30m", "7d", "2w", "8d", "1d12h"] {
            let span: Span = text.parse().unwrap();
            let again: Span = span.to_string().parse().unwrap();
            assert_eq!(span, again, "{text}");
        }
        assert_eq!("7 days".parse::<Span>().unwrap(), Span::days(7));
        for text in ["", "7", "d", "-1d", "1m1h", "1d1d", "99999999999999w", "1.5h"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::MAX + Span::days(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Span::days(1), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.since(Timestamp::MIN).millis(), i64::MAX);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Span::ZERO);
    }
}
