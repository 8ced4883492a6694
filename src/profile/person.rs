//! Whose profile it is.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::UserKey;

/// Whose profile it is, as far as that is known: what its keeper says counts before what events say, a known user
/// before an anonymous id, and of several of one kind the lowest, so that the order of events does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
// So that a number of four bytes fills the second half of the third word.
#[repr(Rust, packed(4))]
pub(super) struct Person {
    /// The high and the low half of the key.
    key: (u64, u64),
    known: Known,
}

/// How well it is known whose profile it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Known {
    #[default]
    Not,
    Anonymous,
    User,
    Told,
}

impl Person {
    /// The person whom an event names.
    pub(super) fn of(event: &Event) -> Self {
        let known = if event.user.is_some() { Known::User } else { Known::Anonymous };
        event.key().map_or_else(Self::default, |key| Self::new(key, known))
    }

    /// The person whom the keeper of the profile names.
    pub(super) fn told(key: UserKey) -> Self {
        Self::new(key, Known::Told)
    }

    fn new(key: UserKey, known: Known) -> Self {
        let bits = key.to_bits();
        Self { key: ((bits >> 64) as u64, bits as u64), known }
    }

    /// Takes what is known better; whether that changes the key.
    pub(super) fn learn(&mut self, other: Self) -> bool {
        let before = self.key();
        let is_better = match { other.known }.cmp(&{ self.known }) {
            std::cmp::Ordering::Equal => other.known != Known::Told && { other.key } < { self.key },
            order => order.is_gt(),
        };
        if is_better {
            *self = other;
        }
        before != self.key()
    }

    pub(super) fn key(self) -> Option<UserKey> {
        let bits = u128::from(self.key.0) << 64 | u128::from(self.key.1);
        (self.known != Known::Not).then(|| UserKey::from_bits(bits))
    }
}
