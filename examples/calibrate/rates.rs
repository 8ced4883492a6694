//! A conversion rate of 5 % against one a tenth higher, looked at 400 times up to four times the plan.

use bespoke::experiment::{AlwaysValid, GroupSequential, Spending};
use bespoke::stats::{Alpha, Moments, Proportion, Undefined};
use indicatif::ProgressBar;

use crate::draw::{Binomial, Dice};
use crate::{Bar, Figure};

/// Units per arm with which one look has a power of 80 %.
const PLAN: u64 = 31_231;
const BASE: f64 = 0.05;
/// The smallest effect of interest.
const EFFECT: f64 = 0.1 * BASE;
/// Looks up to the plan, of four times as many.
const LOOKS: u64 = 100;

/// How often a rule stops, and after how many units in parts of the plan.
#[derive(Default)]
struct Stops {
    by_plan: u64,
    ever: u64,
    units_to_plan: Moments,
    units_ever: Moments,
}

impl Stops {
    fn observe(&mut self, look: Option<u64>) {
        let part = |look: u64| look as f64 / LOOKS as f64;
        self.by_plan += u64::from(look.is_some_and(|look| look <= LOOKS));
        self.ever += u64::from(look.is_some());
        self.units_to_plan.observe(look.map_or(1.0, |look| part(look).min(1.0)));
        self.units_ever.observe(look.map_or(4.0, part));
    }
}

/// What happened at one size of effect.
#[derive(Default)]
struct Seen {
    always_valid: Stops,
    planned_looks: Stops,
    hybrid: Stops,
    /// Paths on which every interval held the truth.
    covered: u64,
}

pub(crate) fn figures(paths: u64, bar: &ProgressBar) -> Result<Vec<Figure>, Undefined> {
    let nothing = simulate(0.0, 1, paths, bar)?;
    let one = simulate(1.0, 2, paths, bar)?;
    let more = simulate(1.5, 3, paths, bar)?;
    let twice = simulate(2.0, 4, paths, bar)?;
    let share = |what: &str, hits, bar| Figure::share(what, hits, paths, bar);
    Ok(vec![
        share("always-valid, no effect: found by 4x the plan", nothing.always_valid.ever, Bar::AtMost(0.05)),
        share("always-valid, no effect: found by the plan", nothing.always_valid.by_plan, Bar::None),
        share("always-valid, smallest effect: found by the plan", one.always_valid.by_plan, Bar::AtLeast(0.5)),
        share("always-valid, smallest effect: found by 4x the plan", one.always_valid.ever, Bar::AtLeast(0.99)),
        Figure::mean("  units to that, in plans", &one.always_valid.units_ever, Bar::AtMost(1.15)),
        share("always-valid, 1.5 of it: found by the plan", more.always_valid.by_plan, Bar::None),
        Figure::mean("  units to that, in plans", &more.always_valid.units_to_plan, Bar::AtMost(0.55)),
        Figure::mean(
            "always-valid, twice of it: units, in plans",
            &twice.always_valid.units_to_plan,
            Bar::AtMost(0.36),
        ),
        share("always-valid, no effect: all 400 intervals hold it", nothing.covered, Bar::AtLeast(0.95)),
        share("always-valid, smallest effect: all 400 intervals hold it", one.covered, Bar::AtLeast(0.95)),
        share(
            "five looks of O'Brien and Fleming, no effect: found",
            nothing.planned_looks.ever,
            Bar::Between(0.045, 0.055),
        ),
        share("five looks, smallest effect: found", one.planned_looks.ever, Bar::AtLeast(0.78)),
        Figure::mean("  units to that, in plans", &one.planned_looks.units_to_plan, Bar::AtMost(0.83)),
        share("hybrid .01 and .04 at the plan, no effect: found", nothing.hybrid.ever, Bar::AtMost(0.05)),
        share("hybrid, smallest effect: found", one.hybrid.ever, Bar::AtLeast(0.76)),
        Figure::mean("  units to that, in plans", &one.hybrid.units_to_plan, Bar::AtMost(0.9)),
    ])
}

fn simulate(effects: f64, stream: u64, paths: u64, bar: &ProgressBar) -> Result<Seen, Undefined> {
    let truth = effects * EFFECT;
    let watch = AlwaysValid::planned(2 * PLAN, Alpha::USUAL)?;
    let strict = Alpha::new(0.01)?;
    let strict_watch = AlwaysValid::planned(2 * PLAN, strict)?;
    let once = Alpha::new(0.04)?.z();
    let plan = GroupSequential::spending(&[0.2, 0.4, 0.6, 0.8, 1.0], Spending::OBrienFleming, Alpha::USUAL)?;
    // A look comes after 312 or 313 units more.
    let least = 4 * PLAN / (4 * LOOKS);
    let arms = [BASE, BASE + truth].map(|rate| [Binomial::new(least, rate), Binomial::new(least + 1, rate)]);
    let mut seen = Seen::default();
    for path in 0..paths {
        let mut dice = Dice::new(stream, path);
        let [mut a, mut b] = [Proportion::default(); 2];
        let (mut first, mut first_planned, mut first_hybrid, mut covered) = (None, None, None, true);
        for look in 1..=4 * LOOKS {
            let units = look * PLAN / LOOKS;
            let more = units - a.trials();
            let which = usize::from(more > least);
            a.merge(&Proportion::new(arms[0][which].draw(&mut dice), more)?);
            b.merge(&Proportion::new(arms[1][which].draw(&mut dice), more)?);
            // As long as nothing varies there is nothing to say.
            let Ok(effect) = Proportion::unpooled(&a, &b) else { continue };
            let reach = watch.half_width(&effect, Alpha::USUAL);
            if first.is_none() && effect.estimate().abs() >= reach {
                first = Some(look);
            }
            covered &= (effect.estimate() - truth).abs() <= reach;
            if look <= LOOKS {
                let planned = look.is_multiple_of(LOOKS / 5).then(|| plan.bounds()[(look * 5 / LOOKS - 1) as usize]);
                if first_planned.is_none() && planned.is_some_and(|bound| effect.z().abs() >= bound) {
                    first_planned = Some(look);
                }
                let strictly = effect.estimate().abs() >= strict_watch.half_width(&effect, strict);
                if first_hybrid.is_none() && (strictly || look == LOOKS && effect.z().abs() >= once) {
                    first_hybrid = Some(look);
                }
            }
        }
        seen.always_valid.observe(first);
        seen.planned_looks.observe(first_planned);
        seen.hybrid.observe(first_hybrid);
        seen.covered += u64::from(covered);
        bar.inc(1);
    }
    Ok(seen)
}
