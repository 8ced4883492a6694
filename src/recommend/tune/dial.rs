//! What is turned, and to which values.

use serde::{Deserialize, Serialize};

use super::ModelSettings;
use crate::time::Span;

/// A setting that is tried at several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dial {
    /// [`PopularSettings::half_life`](super::super::PopularSettings::half_life), in days; where the log has times.
    HalfLife,
    /// [`CollaborativeSettings::target`](super::super::CollaborativeSettings::target).
    Target,
    /// [`CollaborativeSettings::sharpen`](super::super::CollaborativeSettings::sharpen).
    Sharpen,
    /// [`CollaborativeSettings::heavy`](super::super::CollaborativeSettings::heavy).
    Heavy,
    /// [`CollaborativeSettings::popular`](super::super::CollaborativeSettings::popular).
    Popular,
    /// [`CollaborativeSettings::people`](super::super::CollaborativeSettings::people).
    People,
    /// [`CollaborativeSettings::smooth`](super::super::CollaborativeSettings::smooth).
    Smooth,
    /// [`CollaborativeSettings::trend`](super::super::CollaborativeSettings::trend), where the log has times.
    Trend,
    /// [`CollaborativeSettings::fade`](super::super::CollaborativeSettings::fade), where the log has times.
    Fade,
    /// [`FactorSettings::unobserved`](super::super::FactorSettings::unobserved).
    Unobserved,
    /// [`FactorSettings::shrink`](super::super::FactorSettings::shrink).
    Shrink,
    /// [`FactorSettings::rank`](super::super::FactorSettings::rank).
    Rank,
}

impl Dial {
    /// The setting's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HalfLife => "half_life",
            Self::Target => "target",
            Self::Sharpen => "sharpen",
            Self::Heavy => "heavy",
            Self::Popular => "popular",
            Self::People => "people",
            Self::Smooth => "smooth",
            Self::Trend => "trend",
            Self::Fade => "fade",
            Self::Unobserved => "unobserved",
            Self::Shrink => "shrink",
            Self::Rank => "rank",
        }
    }

    /// Whether it does anything only where events have times.
    pub(super) const fn needs_times(self) -> bool {
        matches!(self, Self::Trend | Self::Fade | Self::HalfLife)
    }

    /// The settings with this one set; `None` where they have no such setting, or it stands there already.
    pub(super) fn set(self, of: &ModelSettings, value: f32) -> Option<ModelSettings> {
        let mut settings = *of;
        match (&mut settings, self) {
            // The values are whole where the settings are.
            (ModelSettings::Popular(of), Self::HalfLife) => of.half_life = Span::days(value as u32),
            (ModelSettings::Collaborative(of), Self::Target) => of.target = value,
            (ModelSettings::Collaborative(of), Self::Sharpen) => of.sharpen = value,
            (ModelSettings::Collaborative(of), Self::Heavy) => of.heavy = value,
            (ModelSettings::Collaborative(of), Self::Popular) => of.popular = value,
            (ModelSettings::Collaborative(of), Self::People) => of.people = value as u32,
            (ModelSettings::Collaborative(of), Self::Smooth) => of.smooth = value,
            (ModelSettings::Collaborative(of), Self::Trend) => of.trend = value,
            (ModelSettings::Collaborative(of), Self::Fade) => of.fade = value,
            (ModelSettings::Factor(of), Self::Unobserved) => of.unobserved = value,
            (ModelSettings::Factor(of), Self::Shrink) => of.shrink = value,
            (ModelSettings::Factor(of), Self::Rank) => of.rank = value as u32,
            _ => return None,
        }
        (settings != *of).then_some(settings)
    }
}

/// The values that are tried, coarse and around the defaults: the dial that tells most comes first, and what costs
/// most last.
pub(super) const GRID: &[(Dial, &[f32])] = &[
    (Dial::HalfLife, &[1.0, 30.0, 365.0]),
    (Dial::Target, &[0.0, 0.12, 0.36, 0.5]),
    (Dial::Trend, &[0.0, 0.5, 1.5]),
    (Dial::Fade, &[0.98, 0.95, 0.8]),
    (Dial::Sharpen, &[0.0, 0.5, 0.75]),
    (Dial::Heavy, &[0.4, 0.55, 0.85, 1.0]),
    (Dial::Popular, &[0.2, 0.3, 0.5, 0.6]),
    (Dial::Smooth, &[0.0, 0.15, 0.6, 1.0]),
    (Dial::People, &[100.0, 200.0, 800.0]),
    (Dial::Unobserved, &[0.003, 0.03, 0.1]),
    (Dial::Shrink, &[0.002, 0.01, 0.03]),
    (Dial::Rank, &[64.0, 256.0]),
];
