//! Next clicks: learns from the sessions of one file, then predicts every click of another from the clicks before it.
//!
//! Nothing is learned from the second file. A prediction is a hit if the item that was clicked is among the first `k`;
//! HR is the share of hits, MRR the mean of 1 / rank, zero where there is none: as session-rec counts them (Ludewig,
//! Mauro, Latifi and Jannach, 2021).

use std::fs::File;
use std::io::{BufWriter, Write};

use bespoke::recommend::{
    Candidate, Chain, ClickSettings, Clicks, NeighborSettings, Neighbors, Popular, Query, Recommender, Repeat, Returns,
    Scratch, SessionSettings, Sessions,
};
use serde_json::json;

use super::measure::{Times, clock, peak_memory, round};
use super::options::Options;
use super::progress::Progress;
use super::sessions_auto;
use super::sessions_log::{Log, Names};
use super::{Answer, Command, read};

pub(crate) const COMMAND: Command = Command {
    name: "sessions",
    arguments: "--train FILE --test FILE [--k 20] [--model NAME|auto] [--budget SECONDS] --out FILE",
    about: "predicts every next click of the test sessions; files have a header `session item timestamp`, models are \
            clicks (unless told), sessions, neighbors, returns, popular; auto tries settings of clicks for a time",
    run,
    try_out,
};

fn run(arguments: &[String]) -> Answer {
    let options = Options::read(arguments, &["--train", "--test", "--k", "--model", "--budget", "--out"])?;
    let (train, test, out) = (options.needed("--train")?, options.needed("--test")?, options.needed("--out")?);
    let k: usize = options.parsed("--k", 20, "a whole number from 1 to 1000")?;
    if !(1..=1000).contains(&k) {
        return Err(format!("`--k` is `{k}`, but must be a whole number from 1 to 1000"));
    }
    let budget: f64 = options.parsed("--budget", 30.0, "a number of seconds")?;
    let model = options.text("--model").unwrap_or("clicks");
    let (train_text, test_text) = (read(train)?, read(test)?);
    let failed = |error: std::io::Error| format!("{out}: {error}");
    let mut file = BufWriter::new(File::create(out).map_err(failed)?);
    let task = Task { train: (&train_text, train), test: (&test_text, test), k, model, budget };
    let answer = task.answer(&mut file)?;
    file.flush().map_err(failed)?;
    Ok(answer)
}

/// Four shelves of five items each; people walk along a shelf, and go back now and then.
fn try_out() -> Answer {
    let mut files = [String::from("session\titem\ttimestamp\n"), String::from("session\titem\ttimestamp\n")];
    for session in 0..60 {
        for click in 0..4 {
            let (shelf, place) = (session % 4, (session / 4 + click - usize::from(click == 3 && session % 3 == 0)) % 5);
            let time = 1_772_366_400 + session * 600 + click * 20;
            files[session / 50].push_str(&format!("{session}\titem-{shelf}-{place}\t{time}.5\n"));
        }
    }
    let [train, test] = &files;
    let task = Task { train: (train, "train"), test: (test, "test"), k: 5, model: "auto", budget: 1.0 };
    task.answer(&mut std::io::sink())
}

/// What is asked: two files, each its text and its path, and how.
struct Task<'a> {
    train: (&'a str, &'a str),
    test: (&'a str, &'a str),
    k: usize,
    model: &'a str,
    budget: f64,
}

impl Task<'_> {
    fn answer(&self, out: &mut dyn Write) -> Answer {
        let mut names = Names::default();
        let train = Log::read(self.train.0, self.train.1, &mut names)?;
        let test = Log::read(self.test.0, self.test.1, &mut names)?;
        let (model, tried) = match self.model {
            "auto" => {
                let (settings, tried) = sessions_auto::choose(train.clone(), self.k, self.budget)?;
                (Model::clicks(settings)?, Some(tried))
            }
            name => (Model::named(name)?, None),
        };
        let mut fitted = Fitted::new(model);
        let (start, mut updates) = (clock(), Times::default());
        fitted.fit(&train, &mut updates);
        let seconds = start.elapsed().as_secs_f64();
        let mut times = Times::default();
        writeln!(out, "session\tposition\trank\titem").map_err(|error| error.to_string())?;
        let score = fitted.predict(&test, self.k, &mut times, |session, position, slate| {
            for (rank, candidate) in slate.iter().enumerate() {
                let item = names.get(&candidate.item).copied().unwrap_or_default();
                writeln!(out, "{session}\t{position}\t{}\t{item}", rank + 1).map_err(|error| error.to_string())?;
            }
            Ok(())
        })?;
        let [p50, p90, p99] = times.percentiles([50, 90, 99]);
        let k = self.k;
        let mut line = json!({
            "model": self.model,
            "settings": fitted.model.settings(),
            (format!("hr@{k}")): round(score.hit_rate(), 5),
            (format!("mrr@{k}")): round(score.reciprocal_rank(), 5),
            "predictions": score.predictions,
            "fit_seconds": round(seconds, 3),
            "update_us": round(updates.mean(), 3),
            "latency_us": {"p50": round(p50, 1), "p90": round(p90, 1), "p99": round(p99, 1)},
            "peak_memory": peak_memory(),
        });
        if let Some(tried) = tried {
            line["tried"] = tried;
        }
        Ok(line.to_string())
    }
}

/// A model by name.
pub(crate) enum Model {
    Clicks(Box<Clicks>),
    Sessions(Box<Sessions>),
    Neighbors(Box<Neighbors>),
    Returns(Box<Returns>),
    Popular,
}

impl Model {
    /// The blend under these settings.
    pub(crate) fn clicks(settings: ClickSettings) -> Result<Self, String> {
        Ok(Self::Clicks(Box::new(Clicks::new(settings).map_err(|error| error.to_string())?)))
    }

    fn named(name: &str) -> Result<Self, String> {
        let settings = ClickSettings::default();
        Ok(match name {
            "clicks" => Self::clicks(settings)?,
            "sessions" => {
                let settings = SessionSettings { repeat: Repeat::Allow(1.0), ..settings.sessions };
                Self::Sessions(Box::new(Sessions::new(settings).map_err(|error| error.to_string())?))
            }
            "neighbors" => {
                // Alone, it has to know itself how often people come back.
                let settings = NeighborSettings { repeat: Repeat::default(), ..settings.neighbors };
                Self::Neighbors(Box::new(Neighbors::new(settings).map_err(|error| error.to_string())?))
            }
            "returns" => Self::Returns(Box::default()),
            "popular" => Self::Popular,
            _ => {
                return Err(format!(
                    "unknown model `{name}`; there are auto, clicks, sessions, neighbors, returns, popular"
                ));
            }
        })
    }

    fn settings(&self) -> serde_json::Value {
        match self {
            Self::Clicks(clicks) => json!(clicks.settings()),
            Self::Sessions(sessions) => json!(sessions.settings()),
            Self::Neighbors(neighbors) => json!(neighbors.settings()),
            Self::Returns(_) | Self::Popular => json!({}),
        }
    }
}

/// A model, and what fills the slate where it knows too little.
pub(crate) struct Fitted {
    model: Model,
    popular: Popular,
}

impl Fitted {
    pub(crate) fn new(model: Model) -> Self {
        Self { model, popular: Popular::default() }
    }

    /// Learns every click in the order of time.
    pub(crate) fn fit(&mut self, log: &Log<'_>, times: &mut Times) {
        let mut progress = Progress::new("learning", log.clicks());
        for (session, place) in log.by_time() {
            let session = &log.sessions[session];
            let (history, seen) = (&session.clicks[..place], session.clicks[place]);
            times.measure(|| {
                self.popular.learn(seen.item, seen.weight, seen.time);
                match &mut self.model {
                    Model::Clicks(model) => model.learn(session.visitor, seen, history),
                    Model::Sessions(model) => model.learn(session.visitor, seen.item, seen.time, seen.weight),
                    Model::Neighbors(model) => model.learn(seen, history),
                    Model::Returns(model) => model.learn(seen.item, seen.weight, history),
                    Model::Popular => {}
                }
            });
            progress.step();
        }
        progress.finish();
    }

    /// Predicts every click but the first of each session from those before it.
    pub(crate) fn predict(
        &self,
        log: &Log<'_>,
        k: usize,
        times: &mut Times,
        mut tell: impl FnMut(&str, usize, &[Candidate]) -> Result<(), String>,
    ) -> Result<Score, String> {
        let own: &dyn Recommender = match &self.model {
            Model::Clicks(model) => &**model,
            Model::Sessions(model) => &**model,
            Model::Neighbors(model) => &**model,
            Model::Returns(model) => &**model,
            Model::Popular => &self.popular,
        };
        let voices = [own, &self.popular];
        let (chain, mut scratch, mut slate) = (Chain(&voices), Scratch::default(), Vec::new());
        let (mut score, mut progress) = (Score::default(), Progress::new("predicting", log.clicks()));
        for session in &log.sessions {
            let mut found = (0, 0.0);
            for position in 1..session.clicks.len() {
                let history = &session.clicks[..position];
                let now = history[position - 1].time;
                slate.clear();
                let query = Query { history, now, limit: k, accept: &|_| true, pool: None };
                times.measure(|| chain.rank(&query, &mut scratch, &mut slate));
                let next = session.clicks[position].item;
                if let Some(place) = slate.iter().position(|candidate| candidate.item == next) {
                    found = (found.0 + 1, found.1 + 1.0 / (place + 1) as f64);
                }
                tell(session.name, position, &slate)?;
                progress.step();
            }
            score.add(session.clicks.len().saturating_sub(1), found.0, found.1);
        }
        progress.finish();
        Ok(score)
    }
}

/// What became of the predictions, session by session.
#[derive(Debug, Default)]
pub(crate) struct Score {
    predictions: usize,
    hits: usize,
    reciprocal: f64,
    /// For each session, the sum over its predictions of hit + 1 / rank.
    sums: Vec<f64>,
}

impl Score {
    fn add(&mut self, predictions: usize, hits: usize, reciprocal: f64) {
        self.predictions += predictions;
        self.hits += hits;
        self.reciprocal += reciprocal;
        self.sums.push(hits as f64 + reciprocal);
    }

    pub(crate) fn hit_rate(&self) -> f64 {
        self.hits as f64 / self.predictions.max(1) as f64
    }

    pub(crate) fn reciprocal_rank(&self) -> f64 {
        self.reciprocal / self.predictions.max(1) as f64
    }

    /// By how much HR + MRR is higher than that of other predictions of the same sessions, and the standard error of
    /// this, sessions being independent of each other.
    pub(crate) fn gain(&self, other: &Self) -> (f64, f64) {
        let differences = self.sums.iter().zip(&other.sums).map(|(own, other)| own - other);
        let (sum, squares) = differences.fold((0.0, 0.0), |(sum, squares), d| (sum + d, squares + d * d));
        let (sessions, predictions) = (self.sums.len().max(1) as f64, self.predictions.max(1) as f64);
        (sum / predictions, (squares - sum * sum / sessions).max(0.0).sqrt() / predictions)
    }
}
