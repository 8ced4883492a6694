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
    /// By what means the person came the first time, such as `email`.
    FirstMedium,
    /// By what means the person came the last time.
    LastMedium,
    /// By what means this session came.
    Medium,
    /// Which campaign of the host's brought the person the first time.
    FirstCampaign,
    /// Which campaign of the host's brought the person the last time.
    LastCampaign,
    /// Which campaign of the host's brought this session.
    Campaign,
    /// The device of this session.
    Device,
    /// The channel of this session.
    Channel,
}

impl SessionFact {
    /// Every fact.
    pub const ALL: [Self; 15] = [
        Self::Count,
        Self::Views,
        Self::Events,
        Self::Seconds,
        Self::FirstSource,
        Self::LastSource,
        Self::Source,
        Self::FirstMedium,
        Self::LastMedium,
        Self::Medium,
        Self::FirstCampaign,
        Self::LastCampaign,
        Self::Campaign,
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
            Self::FirstMedium => "first_medium",
            Self::LastMedium => "last_medium",
            Self::Medium => "medium",
            Self::FirstCampaign => "first_campaign",
            Self::LastCampaign => "last_campaign",
            Self::Campaign => "campaign",
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
