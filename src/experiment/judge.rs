//! What an effect amounts to under a design: p-values that hold at its looks.
//!
//! The p of a design is the smallest alpha at which it would reject. Holm's and Benjamini and Hochberg's adjustments
//! take these as any others.

use super::sequential::Levels;
use super::{AlwaysValid, Design};
use crate::stats::{Alpha, Evidence, Interval, student_upper_quantile};

/// A design at one of its looks.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    alpha: Alpha,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Whether this is the look.
    Fixed {
        is_due: bool,
    },
    AlwaysValid {
        planned: Option<u64>,
    },
    /// The levels of the looks up to this one, and the bound here.
    Group {
        levels: Levels,
        bound: f64,
    },
    Hybrid {
        planned: u64,
        share: f64,
        is_due: bool,
    },
}

impl Judge {
    /// `looks` are the units in all arms at each look up to this one; `planned` those at the end, without which a design
    /// that ends has come to it.
    pub(super) fn new(design: Design, alpha: Alpha, planned: Option<u64>, looks: &[u64]) -> Self {
        let now = looks.last().copied().unwrap_or(0);
        let end = planned.unwrap_or(now).max(1);
        let before = looks.len().checked_sub(2).map_or(0, |at| looks[at]);
        // The first look at the end, or after it.
        let is_due = now >= end && before < end;
        let kind = match design {
            Design::Fixed => Kind::Fixed { is_due },
            Design::AlwaysValid => Kind::AlwaysValid { planned },
            Design::Hybrid { always_valid } => Kind::Hybrid { planned: end, share: always_valid, is_due },
            Design::GroupSequential { spending, .. } => {
                // Counts beyond 2^53 are rounded by a part in 10^16.
                let mut information: Vec<f64> = looks.iter().map(|units| *units as f64 / end as f64).collect();
                // Looks that all but coincide are one: what may be spent between them is nothing.
                information.dedup_by(|later, earlier| {
                    let is_one = *later - *earlier <= 1e-8;
                    if is_one {
                        *earlier = *later;
                    }
                    is_one
                });
                let levels = Levels::new(information, spending);
                let bound = levels.bound(alpha);
                Kind::Group { levels, bound }
            }
        };
        Self { alpha, kind }
    }

    /// The p of both sides; none where the design does not look yet. `share` is the part of the planned units that the
    /// compared arms get.
    pub(super) fn p(&self, effect: &Evidence, share: f64) -> Option<f64> {
        match &self.kind {
            Kind::Fixed { is_due } => is_due.then(|| effect.p()),
            Kind::AlwaysValid { planned } => Some(mixture(*planned, share, self.alpha).p(effect)),
            Kind::Group { levels, .. } => Some(levels.smallest_alpha(effect.z())),
            Kind::Hybrid { planned, share: of_alpha, is_due } => {
                let early = mixture(Some(*planned), share, part(self.alpha, *of_alpha)).p(effect) / of_alpha;
                let late = if *is_due { effect.p() / (1.0 - of_alpha) } else { 1.0 };
                Some(early.min(late).min(1.0))
            }
        }
    }

    /// The p of an effect above zero, where only that was asked.
    pub(super) fn p_above(&self, effect: &Evidence, share: f64) -> Option<f64> {
        let doubled = |alpha: Alpha| Alpha::new(2.0 * alpha.value()).unwrap_or(alpha);
        match &self.kind {
            Kind::Fixed { is_due } => is_due.then(|| effect.p_above()),
            Kind::AlwaysValid { planned } => Some(mixture(*planned, share, doubled(self.alpha)).p_above(effect)),
            Kind::Group { levels, .. } => {
                let both = levels.smallest_alpha(effect.z());
                Some(if effect.z() > 0.0 { 0.5 * both } else { 1.0 - 0.5 * both })
            }
            Kind::Hybrid { planned, share: of_alpha, is_due } => {
                let tuned = mixture(Some(*planned), share, doubled(part(self.alpha, *of_alpha)));
                let early = tuned.p_above(effect) / of_alpha;
                let late = if *is_due { effect.p_above() / (1.0 - of_alpha) } else { 1.0 };
                Some(early.min(late).min(1.0))
            }
        }
    }

    /// Where the effect lies, as the design lets one say it here; none before a look, or where nothing may be spent yet.
    pub(super) fn interval(&self, effect: &Evidence, share: f64) -> Option<Interval> {
        let around = |reach: f64| Interval::around(effect.estimate(), reach);
        let interval = match &self.kind {
            Kind::Fixed { is_due } => is_due.then(|| effect.interval(self.alpha))?,
            Kind::AlwaysValid { planned } => mixture(*planned, share, self.alpha).interval(effect, self.alpha),
            Kind::Group { bound, .. } => around(bound * effect.error()),
            Kind::Hybrid { planned, share: of_alpha, is_due } => {
                let early = part(self.alpha, *of_alpha);
                let reach = mixture(Some(*planned), share, early).half_width(effect, early);
                let late = part(self.alpha, 1.0 - of_alpha);
                let at_end = effect.error() * student_upper_quantile(late.tail(), effect.freedom());
                around(if *is_due { reach.min(at_end) } else { reach })
            }
        };
        (interval.low.is_finite() && interval.high.is_finite()).then_some(interval)
    }
}

fn mixture(planned: Option<u64>, share: f64, alpha: Alpha) -> AlwaysValid {
    // A cast from `f64` saturates; a share of at least two units.
    let units = planned.map(|units| ((units as f64 * share) as u64).max(2));
    units.and_then(|units| AlwaysValid::planned(units, alpha).ok()).unwrap_or_else(|| AlwaysValid::unplanned(alpha))
}

/// A part of alpha, between 0 and 1.
fn part(alpha: Alpha, share: f64) -> Alpha {
    Alpha::new(share * alpha.value()).unwrap_or(alpha)
}
