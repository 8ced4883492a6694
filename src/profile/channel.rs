//! Which channel wrote an attribute, and whom to believe when two write at the same time.

use serde::{Deserialize, Serialize};

use crate::hash::Symbol;

/// The channel that wrote an attribute, as profiles store it: 16 bits of its name's symbol, or zero for none.
///
/// The code does not depend on the schema, so that a schema may change; two declared channels with one code are
/// refused when the schema is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Channel(pub(crate) u16);

impl Channel {
    /// The code of a channel's name.
    ///
    /// ```
    /// use bespoke::profile::Channel;
    /// assert_ne!(Channel::new("crm"), Channel::new("web"));
    /// assert_ne!(Channel::new("crm"), Channel::default());
    /// ```
    #[must_use]
    pub fn new(name: &str) -> Self {
        // The cast keeps the 16 high bits.
        Self(((Symbol::new(name).to_bits() >> 48) as u16).max(1))
    }
}

/// The declared channels, the most trusted first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channels(Vec<(Channel, Box<str>)>);

impl Channels {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a String>) -> Self {
        Self(names.into_iter().map(|name| (Channel::new(name), name.as_str().into())).collect())
    }

    /// How much a channel is trusted; zero for one that is not declared.
    pub(crate) fn trust(&self, channel: Channel) -> usize {
        let place = self.0.iter().position(|(known, _)| *known == channel);
        place.map_or(0, |place| self.0.len() - place)
    }

    /// The name of a declared channel.
    pub(crate) fn name(&self, channel: Channel) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == channel).map(|(_, name)| &**name)
    }
}
