//! What an effect amounts to under a design: p-values that hold at its looks.
//!
//! The p of a design is the smallest alpha at which it would reject. Holm's and Benjamini and Hochberg's adjustments
//! take these as any others.

use super::{AlwaysValid, Design, GroupSequential, Spending};
use crate::stats::{Alpha, Evidence, Interval, normal_both_tails, student_upper_quantile};

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
    /// The information of each look up to this one, and the bound here.
    Group {
        information: Vec<f64>,
        spending: Spending,
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
                let bound = last_bound(&information, spending, alpha);
                Kind::Group { information, spending, bound }
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
            Kind::Group { information, spending, .. } => Some(smallest_alpha(information, *spending, effect.z())),
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
            Kind::Group { information, spending, .. } => {
                let both = smallest_alpha(information, *spending, effect.z());
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

/// The bound of the last look; infinite without looks in order.
fn last_bound(information: &[f64], spending: Spending, alpha: Alpha) -> f64 {
    let design = GroupSequential::spending(information, spending, alpha);
    design.ok().and_then(|design| design.bounds().last().copied()).unwrap_or(f64::INFINITY)
}

/// The alpha at which the bound of the last look is |z|: by Illinois steps in its log, to a part in 10^9. At least the p
/// of one look, since a bound is never below that look's own quantile.
fn smallest_alpha(information: &[f64], spending: Spending, z: f64) -> f64 {
    let excess = |ln_alpha: f64| {
        let alpha = Alpha::new(libm::exp(ln_alpha));
        alpha.map_or(f64::NEG_INFINITY, |alpha| last_bound(information, spending, alpha) - z.abs())
    };
    let (mut low, mut high) = (libm::log(normal_both_tails(z.abs()).max(1e-290)), -1e-12);
    let (mut at_low, mut at_high) = (excess(low), excess(high));
    if low >= high || at_low <= 0.0 {
        return libm::exp(low.min(0.0));
    }
    if at_high >= 0.0 {
        return 1.0;
    }
    let mut side = 0_i8;
    for _ in 0..100 {
        if high - low <= 1e-9 {
            break;
        }
        // An infinite bound, where too little is left to spend, leaves nothing to interpolate.
        let cut = if at_low.is_finite() && at_high.is_finite() { at_low / (at_low - at_high) } else { 0.5 };
        let at = low + (high - low) * cut.clamp(1e-3, 1.0 - 1e-3);
        let found = excess(at);
        if found > 0.0 {
            (low, at_low) = (at, found);
            if side == 1 {
                at_high *= 0.5;
            }
            side = 1;
        } else {
            (high, at_high) = (at, found);
            if side == -1 {
                at_low *= 0.5;
            }
            side = -1;
        }
        if found.abs() <= 1e-10 {
            return libm::exp(at);
        }
    }
    libm::exp(high)
}
