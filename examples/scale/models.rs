//! The models, each learned or fitted, and asked.

use std::fmt;

use bespoke::hash::Symbol;
use bespoke::recommend::{
    Clicks, Collaborative, CollaborativeSettings, Factor, FactorSettings, GroupedSettings, Neighbors, Popular,
    PopularIn, Query, RecommendError, Recommender, Returns, Scratch, Seen, Sessions,
};

use crate::measure::{Times, clock, peak_memory};
use crate::options::Options;
use crate::progress::Progress;
use crate::world::World;

/// A model to measure.
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&World, &Options) -> Result<Row, String>,
}

pub(crate) const MODELS: &[Model] = &[
    Model { name: "popular", run: popular },
    Model { name: "popular_in", run: popular_in },
    Model { name: "neighbors", run: neighbors },
    Model { name: "sessions", run: sessions },
    Model { name: "returns", run: returns },
    Model { name: "clicks", run: clicks },
    Model { name: "collaborative", run: collaborative },
    Model { name: "factor", run: factor },
];

/// What was measured of a model.
pub(crate) struct Row {
    name: &'static str,
    /// Seconds to learn all events, or to fit.
    seconds: f64,
    /// For those that learn event by event.
    per_second: Option<f64>,
    held: usize,
    peak: Option<usize>,
    /// Microseconds at p50, p90 and p99.
    latency: [f64; 3],
    filled: f64,
}

impl Row {
    pub(crate) const HEADER: &'static str = concat!(
        "model            seconds    events/s  held MB  peak MB     p50 µs     p90 µs     p99 µs  slate\n",
        "---------------------------------------------------------------------------------------------"
    );
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, seconds, latency: [p50, p90, p99], filled, .. } = self;
        let rate = self.per_second.map_or_else(|| "fitted".to_owned(), |rate| format!("{rate:.0}"));
        let megabytes = |bytes: usize| format!("{:.0}", bytes as f64 / 1e6);
        let (held, peak) = (megabytes(self.held), self.peak.map_or_else(|| "?".to_owned(), megabytes));
        write!(
            f,
            "{name:<14} {seconds:>9.1} {rate:>11} {held:>8} {peak:>8} {p50:>10.1} {p90:>10.1} {p99:>10.1} {filled:>6.1}"
        )
    }
}

fn popular(world: &World, options: &Options) -> Result<Row, String> {
    let mut model = Popular::default();
    let seconds = learn("popular", world, |_, seen, _| model.learn(seen.item, seen.weight, seen.time));
    Ok(row("popular", (seconds, true), &model, model.heap_bytes(), world, options))
}

/// By groups of a thousand.
fn popular_in(world: &World, options: &Options) -> Result<Row, String> {
    let mut model = PopularIn::new(GroupedSettings::default()).map_err(said)?;
    let group = |seen: &Seen| Symbol::from_bits(seen.item.to_bits() % 1000);
    let seconds = learn("popular_in", world, |_, seen, _| model.learn(group(&seen), seen.item, seen.weight, seen.time));
    let groups = [(Symbol::from_bits(1), 1.0), (Symbol::from_bits(2), 0.5)];
    let among = model.among(&groups, bespoke::decision::Source::PopularInCategory);
    Ok(row("popular_in", (seconds, true), &among, model.heap_bytes(), world, options))
}

fn neighbors(world: &World, options: &Options) -> Result<Row, String> {
    let mut model = Neighbors::default();
    let seconds = learn("neighbors", world, |_, seen, before| model.learn(seen, before));
    Ok(row("neighbors", (seconds, true), &model, model.heap_bytes(), world, options))
}

fn sessions(world: &World, options: &Options) -> Result<Row, String> {
    let mut model = Sessions::default();
    let seconds = learn("sessions", world, |person, seen, _| model.learn(person, seen.item, seen.time, seen.weight));
    Ok(row("sessions", (seconds, true), &model, model.heap_bytes(), world, options))
}

fn returns(world: &World, options: &Options) -> Result<Row, String> {
    let mut model = Returns::default();
    let seconds = learn("returns", world, |_, seen, before| model.learn(seen.item, seen.weight, before));
    Ok(row("returns", (seconds, true), &model, size_of_val(&model), world, options))
}

fn clicks(world: &World, options: &Options) -> Result<Row, String> {
    let mut model = Clicks::default();
    let seconds = learn("clicks", world, |person, seen, before| model.learn(person, seen, before));
    Ok(row("clicks", (seconds, true), &model, model.heap_bytes(), world, options))
}

fn collaborative(world: &World, options: &Options) -> Result<Row, String> {
    let log = world.log();
    let plain = CollaborativeSettings::default();
    let settings = CollaborativeSettings { rank: options.rank.unwrap_or(plain.rank), ..plain };
    let began = clock();
    let model = Collaborative::fit(&log, settings, options.threads).map_err(said)?;
    let seconds = began.elapsed().as_secs_f64();
    drop(log);
    Ok(row("collaborative", (seconds, false), &model, model.heap_bytes(), world, options))
}

fn factor(world: &World, options: &Options) -> Result<Row, String> {
    let log = world.log();
    let plain = FactorSettings::default();
    let settings = FactorSettings { rank: options.rank.unwrap_or(plain.rank), ..plain };
    let began = clock();
    let model = Factor::fit(&log, settings, options.threads).map_err(said)?;
    let seconds = began.elapsed().as_secs_f64();
    drop(log);
    Ok(row("factor", (seconds, false), &model, model.heap_bytes(), world, options))
}

/// Teaches every look, after the latest of the same person; gives the seconds that it took, the keeping of these
/// included.
fn learn(name: &'static str, world: &World, mut teach: impl FnMut(Symbol, Seen, &[Seen])) -> f64 {
    let mut latest: Vec<Vec<Seen>> = vec![Vec::new(); world.people()];
    let mut progress = Progress::new(name, world.len());
    let began = clock();
    for (person, symbol, seen) in world.iter() {
        let latest = &mut latest[person];
        teach(symbol, seen, latest);
        if latest.len() >= LATEST {
            latest.remove(0);
        }
        latest.push(seen);
        progress.step();
    }
    let took = began.elapsed().as_secs_f64();
    progress.finish();
    took
}

/// Asks a model about many people.
fn row(
    name: &'static str,
    (seconds, is_online): (f64, bool),
    model: &dyn Recommender,
    held: usize,
    world: &World,
    options: &Options,
) -> Row {
    let peak = peak_memory();
    let (mut scratch, mut slate, mut times) = (Scratch::default(), Vec::new(), Times::default());
    let (mut filled, histories) = (0, world.histories(options.asked));
    for history in &histories {
        slate.clear();
        let query = Query { history, now: world.now(), limit: 20, accept: &|_| true, pool: None };
        times.measure(|| model.rank(&query, &mut scratch, &mut slate));
        filled += slate.len();
    }
    let per_second = is_online.then(|| world.len() as f64 / seconds);
    let filled = filled as f64 / histories.len().max(1) as f64;
    Row { name, seconds, per_second, held, peak, latency: times.percentiles([50, 90, 99]), filled }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn said(error: RecommendError) -> String {
    error.to_string()
}

/// How many of a person's latest events are kept.
const LATEST: usize = 16;
