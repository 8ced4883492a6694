//! What rules ask of the running session.

/// Something that is known about the running session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SessionFact {
    /// How many sessions there have been, this one included.
    Count,
    /// How many items or pages were seen in this session.
    Views,
    /// How many events there were in this session.
    Events,
    /// How many seconds lie between its first and its last event.
    Seconds,
    /// Where the person came from the first time.
    FirstSource,
    /// Where the person came from the last time.
    LastSource,
    /// Where this session came from.
    Source,
    /// The device of this session.
    Device,
    /// The channel of this session.
    Channel,
}

impl SessionFact {
    /// Every fact.
    pub const ALL: [Self; 9] = [
        Self::Count,
        Self::Views,
        Self::Events,
        Self::Seconds,
        Self::FirstSource,
        Self::LastSource,
        Self::Source,
        Self::Device,
        Self::Channel,
    ];

    /// The name by which rules call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Views => "views",
            Self::Events => "events",
            Self::Seconds => "seconds",
            Self::FirstSource => "first_source",
            Self::LastSource => "last_source",
            Self::Source => "source",
            Self::Device => "device",
            Self::Channel => "channel",
        }
    }

    /// The fact with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.name() == name)
    }

    /// Whether it is a number; the others are text.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Count | Self::Views | Self::Events | Self::Seconds)
    }
}
