//! Ranks items for people from all they had, and scores the ranking against what they had next.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bespoke::hash::Symbol;
use bespoke::recommend::{
    self, Chain, Log, ModelSettings, Popular, Query, RecommendError, Recommender, Scratch, Seen, SeenKind, Tuning, tune,
};
use bespoke::time::Timestamp;
use serde::de::DeserializeOwned;

use crate::measure::{Times, clock, peak_memory, round};
use crate::options::Options;
use crate::progress::Progress;
use crate::{Answer, Command, read};

pub(crate) const COMMAND: Command = Command {
    name: "topn",
    arguments: "--train FILE --test FILE [--k 20] [--model NAME|auto] [--settings JSON] [--budget SECONDS] [--threads N] --out FILE",
    about: "ranks items for each user of the test file; prints recall@k and ndcg@k as LightGCN computes them",
    run,
    try_out,
};

/// The models by name, the default first.
const MODELS: [&str; 3] = ["collaborative", "factor", "popular"];

fn run(arguments: &[String]) -> Answer {
    let known = ["--train", "--test", "--k", "--model", "--settings", "--budget", "--threads", "--out"];
    let options = Options::read(arguments, &known)?;
    let (train, test) = (options.needed("--train")?, options.needed("--test")?);
    let (train_text, test_text) = (read(train)?, read(test)?);
    let (train, test) = (Table::read(train, &train_text)?, Table::read(test, &test_text)?);
    let asked = Asked {
        k: options.parsed("--k", 20, "a whole number")?,
        model: options.text("--model").unwrap_or(MODELS[0]),
        settings: options.text("--settings").unwrap_or("{}"),
        budget: options.parsed("--budget", 60.0, "a number of seconds")?,
        threads: options.parsed("--threads", 2, "a whole number")?,
    };
    let (line, ranked) = evaluate(&train, &test, &asked)?;
    let out = options.needed("--out")?;
    std::fs::write(out, ranked).map_err(|error| format!("{out}: {error}"))?;
    Ok(line)
}

fn try_out() -> Answer {
    // Two tastes that share nothing: who has most of one should get the rest of it.
    let (mut train, mut test) = ("user\titem\n".to_owned(), "user\titem\n".to_owned());
    for user in 0..20 {
        for item in 0..8 {
            let to = if (user / 2 + item) % 8 == 0 { &mut test } else { &mut train };
            let _ = writeln!(to, "u{user}\t{}{item}", if user % 2 == 0 { "tea" } else { "coffee" });
        }
    }
    let asked = Asked { k: 3, model: MODELS[0], settings: r#"{"rank": 2}"#, budget: 0.0, threads: 1 };
    Ok(evaluate(&Table::read("train", &train)?, &Table::read("test", &test)?, &asked)?.0)
}

struct Asked<'a> {
    k: usize,
    model: &'a str,
    settings: &'a str,
    /// Seconds for choosing, after which no further trial begins.
    budget: f64,
    threads: usize,
}

fn evaluate(train: &Table<'_>, test: &Table<'_>, asked: &Asked<'_>) -> Result<(String, String), String> {
    let began = clock();
    let model = Model::fit(train, asked)?;
    let fitted = began.elapsed().as_secs_f64();
    let (mut scratch, mut slate, mut times) = (Scratch::default(), Vec::new(), Times::default());
    let (mut recall, mut ndcg, mut shown) = (0.0, 0.0, BTreeSet::new());
    let mut ranked = "user\titem\trank\tscore\n".to_owned();
    let wanted = test.by_user();
    let histories = train.by_user();
    let mut progress = Progress::new("ranking", wanted.len());
    for (user, wanted) in &wanted {
        let history = histories.get(user).map_or(&[][..], Vec::as_slice);
        let own: BTreeSet<Symbol> = history.iter().map(|seen| seen.item).collect();
        let accept = |item: Symbol| !own.contains(&item);
        let now = history.last().map_or(Timestamp::EPOCH, |seen| seen.time);
        let query = Query { history, now, limit: asked.k, accept: &accept, pool: None };
        slate.clear();
        times.measure(|| model.recommender(|of| of.rank(&query, &mut scratch, &mut slate)));
        let wanted: BTreeSet<Symbol> = wanted.iter().map(|seen| seen.item).collect();
        let gain = |place: usize| 1.0 / libm::log2(place as f64 + 2.0);
        let hits = || slate.iter().enumerate().filter(|(_, candidate)| wanted.contains(&candidate.item));
        recall += hits().count() as f64 / wanted.len() as f64;
        let ideal: f64 = (0..asked.k.min(wanted.len())).map(gain).sum();
        ndcg += hits().map(|(place, _)| gain(place)).sum::<f64>() / ideal;
        for (place, candidate) in slate.iter().enumerate() {
            shown.insert(candidate.item);
            let item = train.names.get(&candidate.item).copied().unwrap_or("?");
            let _ = writeln!(ranked, "{user}\t{item}\t{}\t{}", place + 1, candidate.score);
        }
        progress.step();
    }
    progress.finish();
    let users = wanted.len().max(1) as f64;
    let [p50, p99] = times.percentiles([50, 99]);
    let k = asked.k;
    let line = serde_json::json!({
        "command": "topn",
        "model": asked.model,
        "settings": model.settings,
        "tuning": model.tuning,
        "users": wanted.len(),
        format!("recall@{k}"): round(recall / users, 5),
        format!("ndcg@{k}"): round(ndcg / users, 5),
        "coverage": round(shown.len() as f64 / train.items().max(1) as f64, 4),
        "fit_seconds": round(fitted, 2),
        "peak_memory_mb": peak_memory().map(|bytes| round(bytes as f64 / 1e6, 1)),
        "latency_us": {"p50": round(p50, 1), "p99": round(p99, 1)},
        "ignored": train.log.ignored() + test.log.ignored(),
    });
    Ok((line.to_string(), ranked))
}

/// A fitted model, and what fills the slate where it knows too little.
struct Model {
    first: recommend::Model,
    settings: ModelSettings,
    /// What was tried, where it was chosen.
    tuning: Option<Tuning>,
    popular: Popular,
}

impl Model {
    fn fit(train: &Table<'_>, asked: &Asked<'_>) -> Result<Self, String> {
        let mut popular = Popular::default();
        for (_, seen) in train.log.iter() {
            popular.learn(seen.item, 1.0, seen.time);
        }
        let said = |error: RecommendError| error.to_string();
        let mut tuning = None;
        let settings = match asked.model {
            "popular" => ModelSettings::Popular(read_settings(asked)?),
            "collaborative" => ModelSettings::Collaborative(read_settings(asked)?),
            "factor" => ModelSettings::Factor(read_settings(asked)?),
            "auto" => {
                let began = clock();
                let mut go_on = || began.elapsed().as_secs_f64() < asked.budget;
                let found = tune(&train.log, read_settings(asked)?, asked.threads, &mut go_on).map_err(said)?;
                eprintln!("{found}");
                tuning.insert(found).chosen
            }
            other => return Err(format!("unknown model `{other}`; there are {} and auto", MODELS.join(", "))),
        };
        let first = settings.fit(&train.log, asked.threads).map_err(said)?;
        Ok(Self { first, settings, tuning, popular })
    }

    fn recommender(&self, ask: impl FnOnce(&dyn Recommender)) {
        ask(&Chain(&[&self.first, &self.popular]));
    }
}

fn read_settings<T: DeserializeOwned>(asked: &Asked<'_>) -> Result<T, String> {
    serde_json::from_str(asked.settings).map_err(|error| format!("--settings: {error}"))
}

/// A file of who had what, maybe when.
struct Table<'a> {
    log: Log,
    users: BTreeMap<Symbol, &'a str>,
    names: BTreeMap<Symbol, &'a str>,
}

impl<'a> Table<'a> {
    fn read(path: &str, text: &'a str) -> Result<Self, String> {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let column = |name: &str| header.iter().position(|of| *of == name);
        let (Some(user), Some(item)) = (column("user"), column("item")) else {
            return Err(format!("{path}: the header has to name `user` and `item`, parted by tabs"));
        };
        let (rating, timestamp) = (column("rating"), column("timestamp"));
        let mut table = Self { log: Log::default(), users: BTreeMap::new(), names: BTreeMap::new() };
        for (at, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
            let cells: Vec<&str> = line.split('\t').collect();
            let wrong = |what: &str| format!("{path}:{}: {what}", at + 2);
            let cell = |column: usize| cells.get(column).copied().ok_or_else(|| wrong("a column is missing"));
            let number = |column: Option<usize>, otherwise: f64| match column {
                Some(column) => cell(column)?.parse::<f64>().map_err(|_| wrong("a number does not read")),
                None => Ok(otherwise),
            };
            let (user, item) = (cell(user)?, cell(item)?);
            let (user_symbol, item_symbol) = (Symbol::new(user), Symbol::new(item));
            // Seconds. Far beyond any date a cast ends at the end of the range.
            let time = Timestamp::from_millis((number(timestamp, 0.0)? * 1000.0) as i64);
            // That a thing was rated says more than how: a rating counts as one event, unless it is none.
            let weight = if number(rating, 1.0)? > 0.0 { 1.0 } else { 0.0 };
            table.log.push(user_symbol, Seen { item: item_symbol, time, weight, kind: SeenKind::Other });
            table.users.insert(user_symbol, user);
            table.names.insert(item_symbol, item);
        }
        Ok(table)
    }

    /// Each user's events, by time.
    fn by_user(&self) -> BTreeMap<&'a str, Vec<Seen>> {
        let mut users: BTreeMap<&str, Vec<Seen>> = BTreeMap::new();
        for (user, seen) in self.log.iter() {
            users.entry(self.users[&user]).or_default().push(seen);
        }
        users.values_mut().for_each(|events| events.sort_by_key(|seen| (seen.time, seen.item)));
        users
    }

    fn items(&self) -> usize {
        self.names.len()
    }
}
