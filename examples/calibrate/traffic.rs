//! Whether the arms get their traffic, asked after each hundred units up to 20,000.

use bespoke::experiment::{Balance, BalanceWatch};
use bespoke::stats::Undefined;
use indicatif::ProgressBar;

use crate::draw::{Binomial, Dice};
use crate::{Bar, Figure};

const ALPHA: f64 = 0.001;

pub(crate) fn figures(paths: u64, bar: &ProgressBar) -> Result<Vec<Figure>, Undefined> {
    let (sound, repeated) = simulate(0.5, 6, paths, bar)?;
    let (broken, _) = simulate(0.52, 7, paths, bar)?;
    let share = |what: &str, hits, bar| Figure::share(what, hits, paths, bar);
    Ok(vec![
        share("traffic watched at .001, as it should be: alarms", sound, Bar::AtMost(ALPHA)),
        share("traffic, 52 to 48: alarms by 20,000 units", broken, Bar::AtLeast(0.92)),
        share("traffic, as it should be: alarms of chi-square, repeated", repeated, Bar::None),
    ])
}

/// On how many paths the watch raises an alarm, and on how many the repeated chi-square test does.
fn simulate(share: f64, stream: u64, paths: u64, bar: &ProgressBar) -> Result<(u64, u64), Undefined> {
    let hundred = Binomial::new(100, share);
    let (mut watched, mut repeated) = (0, 0);
    for path in 0..paths {
        let mut dice = Dice::new(stream, path);
        let mut watch = BalanceWatch::new(&[0.5, 0.5])?;
        let (mut first, mut units, mut alarm) = (0, 0, false);
        while units < 20_000 {
            first += hundred.draw(&mut dice);
            units += 100;
            let counts = [first, units - first];
            watch.observe(&counts)?;
            alarm |= Balance::new(&counts, &[0.5, 0.5])?.p <= ALPHA;
        }
        watched += u64::from(watch.p() <= ALPHA);
        repeated += u64::from(alarm);
        bar.inc(1);
    }
    Ok((watched, repeated))
}
