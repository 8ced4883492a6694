//! Times every case for every crate, in turns, and prints a table.
//!
//! With `--test`, as `cargo test` and CI call it, it only asserts that all crates answer alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bespoke_peers::case::{self, Case};
use bespoke_peers::rule::{Profile, Rule};
use bespoke_peers::{Peer, cel, datalogic, growthbook, launchdarkly, ours, unleash};

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let profile = Profile::shopper();
    let mut rows = Vec::new();
    for case in case::all() {
        let mut runs = ready(&case, &profile);
        println!("{}: {} rules, {} hold; {} crates agree", case.name, case.rules.len(), runs[0].holding, runs.len());
        if !is_test {
            time(&mut runs);
            rows.push((case.name, case.bar, runs));
        }
    }
    if !is_test {
        print(&rows);
    }
}

/// One crate in one case.
struct Run {
    name: &'static str,
    pass: Box<dyn FnMut(u32) -> usize>,
    holding: usize,
    /// How many passes take about a millisecond.
    batch: u32,
    /// Nanoseconds for a pass, by round.
    times: Vec<f64>,
}

impl Run {
    fn new<P: Peer + 'static>(rules: &[Rule], profile: &Profile) -> Self {
        let mut peer = P::new(rules, profile);
        let expected: Vec<bool> = rules.iter().map(|rule| rule.holds(profile)).collect();
        assert_eq!(peer.answers(), expected, "{}", P::NAME);
        let holding = expected.iter().filter(|holds| **holds).count();
        assert_eq!(peer.evaluate(), holding, "{}", P::NAME);
        let pass = move |times: u32| (0..times).map(|_| black_box(&mut peer).evaluate()).sum();
        Self { name: P::NAME, pass: Box::new(pass), holding, batch: 1, times: Vec::new() }
    }

    fn time(&mut self) -> Duration {
        let begin = Instant::now();
        let holding = (self.pass)(self.batch);
        let time = begin.elapsed();
        assert_eq!(holding, self.holding * self.batch as usize);
        time
    }

    fn median(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    }
}

/// Bespoke first, then its peers.
fn ready(case: &Case, profile: &Profile) -> Vec<Run> {
    let rules = case.rules.as_slice();
    let ours = if rules.len() == 1 {
        Run::new::<ours::Rules>(rules, profile)
    } else {
        Run::new::<ours::Segments>(rules, profile)
    };
    vec![
        ours,
        Run::new::<datalogic::Datalogic>(rules, profile),
        Run::new::<unleash::Unleash>(rules, profile),
        Run::new::<launchdarkly::LaunchDarkly>(rules, profile),
        Run::new::<cel::CelPrograms>(rules, profile),
        Run::new::<growthbook::Growth>(rules, profile),
    ]
}

/// In each round every crate has a turn, so that what else the machine does falls on all alike.
fn time(runs: &mut [Run]) {
    for run in &mut *runs {
        while run.time() < Duration::from_millis(1) {
            run.batch *= 2;
        }
    }
    for _ in 0..ROUNDS {
        for run in &mut *runs {
            let time = run.time();
            run.times.push(time.as_nanos() as f64 / f64::from(run.batch));
        }
    }
}

fn print(rows: &[(&str, f64, Vec<Run>)]) {
    let names: Vec<&str> = rows[0].2.iter().map(|run| run.name).collect();
    println!("\nNanoseconds for one evaluation of the case, the median of {ROUNDS} rounds.\n");
    println!("| case | {} | of the fastest peer | bar |", names.join(" | "));
    println!("|---|{}---|---|", "---:|".repeat(names.len()));
    for (name, bar, runs) in rows {
        let medians: Vec<f64> = runs.iter().map(Run::median).collect();
        let fastest = medians[1..].iter().copied().fold(f64::INFINITY, f64::min);
        let times: Vec<String> = medians
            .iter()
            .map(|time| if *time < 100.0 { format!("{time:.1}") } else { format!("{time:.0}") })
            .collect();
        let ratio = medians[0] / fastest;
        let verdict = if ratio <= *bar { "" } else { " (missed)" };
        println!("| {name} | {} | {ratio:.3} | {bar}{verdict} |", times.join(" | "));
    }
}

const ROUNDS: usize = 101;
