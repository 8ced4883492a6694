//! Revenue without an effect: one in twenty buys, for a log-normal amount (σ = 1.2), looked at from 20 units per arm to
//! 20,000, at each five percent more.

use bespoke::experiment::{AlwaysValid, Arm, difference, log_ratio, relative_lift};
use bespoke::stats::{Alpha, Evidence, Moments, Undefined};
use indicatif::ProgressBar;

use crate::draw::Dice;
use crate::{Bar, Figure};

const BUYERS: f64 = 0.05;
const SIGMA: f64 = 1.2;
const MOST: u64 = 20_000;

type Scale = fn(&Arm, &Arm) -> Result<Evidence, Undefined>;

pub(crate) fn figures(paths: u64, bar: &ProgressBar) -> Result<Vec<Figure>, Undefined> {
    let planned = AlwaysValid::planned(2 * MOST, Alpha::USUAL)?;
    let unplanned = AlwaysValid::unplanned(Alpha::USUAL);
    let small = Bar::AtMost(0.05);
    let rules: [(&str, Scale, AlwaysValid, Bar); 6] = [
        ("revenue, no effect, no burn-in: absolute, planned: found", difference, planned, small),
        ("revenue: absolute, unplanned: found", difference, unplanned, small),
        ("revenue: log-ratio, planned: found", log_ratio, planned, small),
        ("revenue: log-ratio, unplanned: found", log_ratio, unplanned, small),
        ("revenue: relative by the delta method, planned (display only)", relative_lift, planned, Bar::None),
        ("revenue: relative by the delta method, unplanned (display only)", relative_lift, unplanned, Bar::None),
    ];
    let looks = looks();
    let mut found = [0; 6];
    for path in 0..paths {
        let mut dice = Dice::new(5, path);
        let mut arms = [Moments::default(); 2];
        // The next buyer of each arm, by the geometric distribution of the gaps between them.
        let mut next = [0, 0].map(|from: u64| from + gap(&mut dice));
        let mut stopped = [false; 6];
        for look in &looks {
            for (arm, next) in arms.iter_mut().zip(&mut next) {
                let mut seen = Moments::default();
                let mut buyers = 0;
                while *next <= *look {
                    seen.observe(libm::exp(SIGMA * dice.normal()));
                    buyers += 1;
                    *next += gap(&mut dice);
                }
                // Those who buy nothing, all at once.
                seen.merge(&Moments::new(look - arm.count() - buyers, 0.0, 0.0)?);
                arm.merge(&seen);
            }
            let [a, b] = arms.map(|arm| Arm::from(&arm));
            for ((_, scale, watch, _), stopped) in rules.iter().zip(&mut stopped) {
                *stopped = *stopped || scale(&a, &b).is_ok_and(|effect| watch.p(&effect) <= 0.05);
            }
        }
        found.iter_mut().zip(stopped).for_each(|(found, stopped)| *found += u64::from(stopped));
        bar.inc(1);
    }
    let figure =
        |((what, _, _, bar), found): (&(&str, Scale, AlwaysValid, Bar), u64)| Figure::share(*what, found, paths, *bar);
    Ok(rules.iter().zip(found).map(figure).collect())
}

/// Units until the next buyer, from 1.
fn gap(dice: &mut Dice) -> u64 {
    // A cast from `f64` saturates.
    1 + (libm::log(dice.unit()) / libm::log1p(-BUYERS)) as u64
}

fn looks() -> Vec<u64> {
    let mut looks = vec![20];
    while let Some(last) = looks.last().copied().filter(|last| *last < MOST) {
        looks.push((last + (last / 20).max(1)).min(MOST));
    }
    looks
}
