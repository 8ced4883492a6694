//! Replays a policy: on a randomised experiment by rejection, on classes with bandit feedback.

use bespoke::bandit::{Arms, Bandit, BanditError, BanditSpec, Contextual, ContextualSettings, Policy, Reward};
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt};

use crate::measure::{clock, round};
use crate::options::Options;
use crate::progress::Progress;
use crate::{Answer, Command, read};

pub(crate) const COMMAND: Command = Command {
    name: "bandit",
    arguments: "--data FILE --format hillstrom|multiclass [--reward visit|conversion|spend] [--policy NAME|default] \
                [--seed N] [--shuffles M]",
    about: "replays a policy on a randomised campaign (by rejection: Li et al. 2011) or on classes; prints mean and sd",
    run,
    try_out,
};

/// The policies by name, the default first.
const POLICIES: [&str; 3] = ["default", "thompson", "epsilon_greedy"];

fn run(arguments: &[String]) -> Answer {
    let options = Options::read(arguments, &["--data", "--format", "--reward", "--policy", "--seed", "--shuffles"])?;
    let path = options.needed("--data")?;
    let text = read(path)?;
    let wanted = options.text("--reward").unwrap_or("visit");
    let (log, is_logged) = match options.needed("--format")? {
        "hillstrom" => (Log::hillstrom(path, &text, wanted)?, true),
        "multiclass" => (Log::multiclass(path, &text)?, false),
        other => return Err(format!("unknown format `{other}`; there are hillstrom and multiclass")),
    };
    let seed = options.parsed("--seed", 0, "a whole number")?;
    let shuffles = options.parsed("--shuffles", 20, "a whole number")?;
    answer(&log, is_logged, options.text("--policy").unwrap_or(POLICIES[0]), seed, shuffles)
}

fn try_out() -> Answer {
    // Two classes, told apart by the first of two numbers.
    let text: String =
        (0..400).map(|n| format!("{},{},{}\n", n % 20, n % 7, if n % 20 < 10 { "a" } else { "b" })).collect();
    answer(&Log::multiclass("built in", &text)?, false, POLICIES[0], 1, 3)
}

/// What was logged, or what each arm would have paid.
struct Log {
    features: Vec<Vec<f64>>,
    /// The arm that was logged, or the class.
    arms: Vec<usize>,
    /// What the logged arm paid; of classes nothing.
    rewards: Vec<f64>,
    names: Vec<String>,
}

fn answer(log: &Log, is_logged: bool, policy: &str, seed: u64, shuffles: u64) -> Answer {
    if log.features.is_empty() || shuffles == 0 {
        return Err("there is nothing to replay".to_owned());
    }
    let began = clock();
    let (mut means, mut count) = (Vec::new(), 0);
    let mut progress = Progress::new("replaying", log.features.len() * usize::try_from(shuffles).unwrap_or(1));
    for shuffle in 0..shuffles {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(shuffle));
        let mut order: Vec<usize> = (0..log.features.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, rng.random_range(0..=at));
        }
        let mut learner = Learner::new(policy, log)?;
        let (mut total, mut accepted) = (0.0, 0_u64);
        for at in order {
            let features = &log.features[at];
            let arm = learner.choose(features, &mut rng).map_err(said)?;
            progress.step();
            let reward = if !is_logged {
                f64::from(u8::from(arm == log.arms[at]))
            } else if arm == log.arms[at] {
                log.rewards[at]
            } else {
                continue;
            };
            learner.learn(arm, features, reward).map_err(said)?;
            total += reward;
            accepted += 1;
        }
        let mean = if accepted > 0 { total / accepted as f64 } else { 0.0 };
        means.push(if is_logged { mean } else { 1.0 - mean });
        count += accepted;
    }
    progress.finish();
    let runs = means.len() as f64;
    let mean = means.iter().sum::<f64>() / runs;
    let squares: f64 = means.iter().map(|of| (of - mean) * (of - mean)).sum();
    let line = serde_json::json!({
        "command": "bandit",
        "policy": policy,
        "what": if is_logged { "mean reward of accepted events" } else { "progressive error" },
        "mean": round(mean, 6),
        "sd": round((squares / (runs - 1.0).max(1.0)).sqrt(), 6),
        "count": count / shuffles,
        "shuffles": shuffles,
        "arms": log.names,
        "features": log.features[0].len(),
        "seconds": round(began.elapsed().as_secs_f64(), 2),
    });
    Ok(line.to_string())
}

/// A policy with or without features.
enum Learner {
    With(Box<Contextual>),
    Without(Box<Bandit>),
}

impl Learner {
    fn new(name: &str, log: &Log) -> Result<Self, String> {
        let arms = log.names.len();
        let plain = |spec| Bandit::new(&spec, arms).map(|policy| Self::Without(Box::new(policy))).map_err(said);
        match name {
            "default" => {
                let policy = Contextual::new(arms, log.features[0].len(), ContextualSettings::default());
                Ok(Self::With(Box::new(policy.map_err(said)?)))
            }
            "thompson" => plain(BanditSpec::default()),
            "epsilon_greedy" => plain(BanditSpec::EpsilonGreedy { epsilon: 0.1 }),
            other => Err(format!("unknown policy `{other}`; there are {}", POLICIES.join(", "))),
        }
    }

    fn choose(&self, features: &[f64], rng: &mut dyn Rng) -> Result<usize, BanditError> {
        let choice = match self {
            Self::With(policy) => policy.choose(features, Arms::first(policy.arms()), rng)?,
            Self::Without(policy) => policy.choose(Arms::first(policy.arms()), rng),
        };
        // All arms are eligible, and there is one.
        Ok(choice.map_or(0, |choice| choice.arm))
    }

    fn learn(&mut self, arm: usize, features: &[f64], reward: f64) -> Result<(), BanditError> {
        let reward = Reward::new(reward)?;
        match self {
            Self::With(policy) => policy.learn(arm, features, reward),
            Self::Without(policy) => {
                policy.expose(arm)?;
                policy.learn(arm, reward)
            }
        }
    }
}

impl Log {
    /// The e-mails of Hillstrom's MineThatData challenge; the arms were drawn evenly.
    fn hillstrom(path: &str, text: &str, reward: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let column = |name: &str| {
            header.iter().position(|of| *of == name).ok_or_else(|| format!("{path}: there is no column `{name}`"))
        };
        let numbers = ["recency", "history", "mens", "womens", "newbie"].map(column);
        let words = ["zip_code", "channel"].map(column);
        let (segment, reward) = (column("segment")?, column(reward)?);
        let mut log = Self { features: Vec::new(), arms: Vec::new(), rewards: Vec::new(), names: Vec::new() };
        let mut known: [Vec<String>; 2] = [Vec::new(), Vec::new()];
        let rows: Vec<Vec<&str>> = lines.filter(|line| !line.is_empty()).map(cells).collect();
        for (at, row) in rows.iter().enumerate() {
            if row.len() != header.len() {
                return Err(format!("{path}:{}: {} cells, where the header has {}", at + 2, row.len(), header.len()));
            }
            for (word, known) in words.iter().zip(&mut known) {
                let word = row[*word.as_ref().map_err(Clone::clone)?];
                if !known.iter().any(|of| of == word) {
                    known.push(word.to_owned());
                }
            }
            if !log.names.iter().any(|of| of == row[segment]) {
                log.names.push(row[segment].to_owned());
            }
        }
        // In the order of the words, not of the file.
        known.iter_mut().for_each(|known| known.sort());
        log.names.sort();
        for (at, row) in rows.iter().enumerate() {
            let number = |column: usize| {
                row[column].parse::<f64>().map_err(|_| format!("{path}:{}: `{}` is no number", at + 2, row[column]))
            };
            let mut features = Vec::new();
            for of in &numbers {
                features.push(number(*of.as_ref().map_err(Clone::clone)?)?);
            }
            for (word, known) in words.iter().zip(&known) {
                let word = row[*word.as_ref().map_err(Clone::clone)?];
                features.extend(known.iter().map(|of| f64::from(u8::from(of == word))));
            }
            log.features.push(features);
            log.arms.push(log.names.iter().position(|of| of == row[segment]).unwrap_or(0));
            log.rewards.push(number(reward)?);
        }
        Ok(log)
    }

    /// Numbers, and in the last column the class; a first line that holds no numbers is a header.
    fn multiclass(path: &str, text: &str) -> Result<Self, String> {
        let mut log = Self { features: Vec::new(), arms: Vec::new(), rewards: Vec::new(), names: Vec::new() };
        let mut classes: Vec<&str> = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row = cells(line);
            let Some((class, numbers)) = row.split_last() else { continue };
            let features: Result<Vec<f64>, _> = numbers.iter().map(|cell| cell.trim().parse::<f64>()).collect();
            match features {
                Ok(features) if log.features.first().is_none_or(|first| first.len() == features.len()) => {
                    log.features.push(features);
                    classes.push(class.trim());
                }
                Err(_) if at == 0 => {}
                _ => return Err(format!("{path}:{}: needs as many numbers as the other lines, then a class", at + 1)),
            }
        }
        let mut names = classes.clone();
        // Numbers in their order, not in that of their digits.
        names.sort_by(|a, b| match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => a.total_cmp(&b),
            _ => a.cmp(b),
        });
        names.dedup();
        log.arms = classes.iter().map(|class| names.iter().position(|of| of == class).unwrap_or(0)).collect();
        log.names = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(log)
    }
}

/// The cells of a line, of which some may stand in quotes.
fn cells(line: &str) -> Vec<&str> {
    let (mut cells, mut start, mut is_quoted) = (Vec::new(), 0, false);
    for (at, letter) in line.char_indices() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                cells.push(line[start..at].trim_matches('"'));
                start = at + 1;
            }
            _ => {}
        }
    }
    cells.push(line[start..].trim().trim_matches('"'));
    cells
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn said(error: BanditError) -> String {
    error.to_string()
}
