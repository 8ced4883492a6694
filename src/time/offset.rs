//! By how much local time is ahead of UTC.

use std::fmt;
use std::str::FromStr;

use super::{Span, TimeError, Timestamp, shorten};

/// By how much local time is ahead of UTC, in whole minutes: `+02:00`, `-05:30`, `Z`.
///
/// The crate has no table of time zones: who knows the zone of a person gives the offset that it has at the time.
///
/// ```
/// use bespoke::time::Offset;
/// let offset: Offset = "-05:30".parse()?;
/// assert_eq!((offset.minutes(), offset.to_string().as_str()), (-330, "-05:30"));
/// assert_eq!(Offset::from_minutes(0), Some(Offset::UTC));
/// assert_eq!(Offset::from_minutes(2000), None);
/// # Ok::<(), bespoke::time::TimeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(i16);

impl Offset {
    /// Not ahead at all.
    pub const UTC: Self = Self(0);

    /// So many minutes ahead of UTC, or behind it if negative; `None` beyond 18 hours, which no zone ever was.
    #[must_use]
    pub const fn from_minutes(minutes: i16) -> Option<Self> {
        if minutes >= -MOST && minutes <= MOST { Some(Self(minutes)) } else { None }
    }

    /// The minutes ahead of UTC.
    #[must_use]
    pub const fn minutes(self) -> i16 {
        self.0
    }

    /// Milliseconds since 1970 by the local clock, saturating.
    pub(crate) const fn local(self, time: Timestamp) -> i64 {
        time.millis().saturating_add(self.millis())
    }

    /// The time at which the local clock shows so many milliseconds since 1970, saturating.
    pub(crate) const fn utc(self, local: i64) -> Timestamp {
        Timestamp::from_millis(local.saturating_sub(self.millis()))
    }

    const fn millis(self) -> i64 {
        self.0 as i64 * Span::minutes(1).millis()
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minutes) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl FromStr for Offset {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::Offset { text: shorten(text) };
        if text == "Z" {
            return Ok(Self::UTC);
        }
        let sign = match text.as_bytes().first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(bad()),
        };
        let (hours, minutes) = text[1..].split_once(':').ok_or_else(bad)?;
        let number = |text: &str, most: i16| {
            let is_plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<i16>().ok().filter(|number| is_plain && *number <= most).ok_or_else(bad)
        };
        Self::from_minutes(sign * (number(hours, 18)? * 60 + number(minutes, 59)?)).ok_or_else(bad)
    }
}

const MOST: i16 = 18 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_and_written() {
        for (text, minutes) in [("+00:00", 0), ("+05:45", 345), ("-18:00", -1080), ("+14:00", 840)] {
            let offset: Offset = text.parse().unwrap();
            assert_eq!((offset.minutes(), offset.to_string().as_str()), (minutes, text));
        }
        for text in ["", "2", "+2", "+2:00", "+18:01", "+02:60", "+0200", "02:00", "+ä2:00", "z", "+-2:00"] {
            assert!(text.parse::<Offset>().is_err(), "{text}");
        }
    }
}
