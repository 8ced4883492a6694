//! The fingerprint by which a plan is registered.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PlanError;
use crate::experiment::murmur3_128;

/// The fingerprint of a plan: MurmurHash3 (Appleby; x64, 128 bits, seed 0) of its canonical text, low half first, as 32
/// hexadecimal digits. It finds changes, not forgers: who wants to deceive can.
///
/// ```
/// use bespoke::experiment::PlanHash;
/// let hash: PlanHash = "00000000000000010000000000000002".parse()?;
/// assert_eq!(hash.to_string(), "00000000000000010000000000000002");
/// assert!("short".parse::<PlanHash>().is_err());
/// # Ok::<(), bespoke::experiment::PlanError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanHash {
    low: u64,
    high: u64,
}

impl PlanHash {
    pub(super) fn of(text: &str) -> Self {
        let (low, high) = murmur3_128(text.as_bytes(), 0);
        Self { low, high }
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.low, self.high)
    }
}

impl fmt::Debug for PlanHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlanHash({self})")
    }
}

impl FromStr for PlanHash {
    type Err = PlanError;
    fn from_str(text: &str) -> Result<Self, PlanError> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let half = |range: std::ops::Range<usize>| text.get(range).and_then(|half| u64::from_str_radix(half, 16).ok());
        match (digits, half(0..16), half(16..32)) {
            (true, Some(low), Some(high)) => Ok(Self { low, high }),
            // A hint need not repeat megabytes.
            _ => Err(PlanError::Hash { found: text.chars().take(64).collect() }),
        }
    }
}

impl TryFrom<String> for PlanHash {
    type Error = PlanError;
    fn try_from(text: String) -> Result<Self, PlanError> {
        text.parse()
    }
}

impl From<PlanHash> for String {
    fn from(hash: PlanHash) -> Self {
        hash.to_string()
    }
}
