//! Replays a policy: on a randomised experiment by rejection, on classes with bandit feedback, on simulated arms.

use bespoke::bandit::{Arms, Bandit, BanditError, BanditSpec, Policy, Reward, Trial, Turn};
use bespoke::time::Timestamp;
use rand::RngExt;
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use crate::emails::Emails;
use crate::measure::{clock, round};
use crate::options::Options;
use crate::progress::Progress;
use crate::regret::Scene;
use crate::table::fields;
use crate::{Answer, Command, read, regret};

pub(crate) const COMMAND: Command = Command {
    name: "bandit",
    arguments: "--data FILE --format hillstrom|multiclass [--reward visit|conversion|spend] [--policy NAME|JSON] \
                [--seed N] [--shuffles M]\n  bandit --format stationary|abrupt|sinusoidal [--batch N] [--policy NAME|JSON] \
                [--seed N] [--shuffles M]",
    about: "replays a policy on a randomised campaign (by rejection: Li et al. 2011), on classes, or on ten simulated \
            arms; prints mean and sd. Policies: see `--policy help`",
    run,
    try_out,
};

/// The policies by name, the default first, as they stand in a campaign.
const POLICIES: [(&str, &str); 13] = [
    ("default", r#"{"contextual": {}}"#),
    ("thompson", r#"{"thompson": {}}"#),
    ("pooled", r#"{"thompson": {"pool": 20}}"#),
    ("top_two", r#"{"thompson": {"top_two": 0.5}}"#),
    ("amount", r#"{"thompson": {"payoff": "amount"}}"#),
    ("revenue", r#"{"thompson": {"payoff": "revenue"}}"#),
    ("epsilon_greedy", r#"{"epsilon_greedy": {"epsilon": 0.1}}"#),
    ("softmax", r#"{"softmax": {"temperature": 0.02}}"#),
    ("ucb", r#"{"ucb": {}}"#),
    ("lin_ucb", r#"{"lin_ucb": {}}"#),
    ("lin_thompson", r#"{"lin_thompson": {}}"#),
    ("square_cb", r#"{"square_cb": {}}"#),
    ("logistic", r#"{"logistic": {}}"#),
];

fn run(arguments: &[String]) -> Answer {
    let known = ["--data", "--format", "--reward", "--policy", "--seed", "--shuffles", "--batch"];
    let options = Options::read(arguments, &known)?;
    let spec = spec(options.text("--policy").unwrap_or(POLICIES[0].0))?;
    let seed = options.parsed("--seed", 0, "a whole number")?;
    let shuffles = options.parsed("--shuffles", 20, "a whole number")?;
    let format = options.needed("--format")?;
    if let Some(scene) = Scene::named(format) {
        let batch = options.parsed("--batch", 1, "a whole number")?;
        return regret::answer(scene, &spec, batch, seed, shuffles);
    }
    let path = options.needed("--data")?;
    let wanted = options.text("--reward").unwrap_or("visit");
    let (log, is_logged) = match format {
        "hillstrom" => (Log::hillstrom(path, &read(path)?, wanted)?, true),
        "multiclass" => (Log::multiclass(path, &read(path)?)?, false),
        other => {
            let all = "hillstrom, multiclass, stationary, abrupt and sinusoidal";
            return Err(format!("unknown format `{other}`; there are {all}"));
        }
    };
    answer(&log, is_logged, &spec, seed, shuffles)
}

fn try_out() -> Answer {
    // Two classes, told apart by the first of two numbers.
    let text: String =
        (0..400).map(|n| format!("{},{},{}\n", n % 20, n % 7, if n % 20 < 10 { "a" } else { "b" })).collect();
    answer(&Log::multiclass("built in", &text)?, false, &spec(POLICIES[0].0)?, 1, 3)
}

/// The definition of a policy by its name, or as JSON.
fn spec(policy: &str) -> Result<BanditSpec, String> {
    let json = POLICIES.iter().find(|(name, _)| *name == policy).map_or(policy, |(_, json)| json);
    serde_json::from_str(json).map_err(|error| {
        let names: Vec<String> = POLICIES.iter().map(|(name, json)| format!("\n  {name}: {json}")).collect();
        format!("`{policy}` is no policy ({error}); give a definition in JSON, or one of{}", names.concat())
    })
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

fn answer(log: &Log, is_logged: bool, spec: &BanditSpec, seed: u64, shuffles: u64) -> Answer {
    if log.features.is_empty() || shuffles == 0 {
        return Err("there is nothing to replay".to_owned());
    }
    let (began, now) = (clock(), Timestamp::from_millis(0));
    let (mut means, mut count) = (Vec::new(), 0);
    let mut progress = Progress::new("replaying", log.features.len() * usize::try_from(shuffles).unwrap_or(1));
    for shuffle in 0..shuffles {
        let mut rng = chance(seed, shuffle);
        let mut order: Vec<usize> = (0..log.features.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, rng.random_range(0..=at));
        }
        let mut policy = Bandit::new(spec, log.names.len(), log.features[0].len()).map_err(said)?;
        let all = Arms::first(log.names.len());
        let (mut total, mut accepted) = (0.0, 0_u64);
        for at in order {
            let features = &log.features[at];
            let turn = Turn::new(all.clone(), now).features(features);
            let Some(choice) = policy.choose(&turn, &mut rng).map_err(said)? else { continue };
            let arm = choice.arm;
            progress.step();
            let reward = if !is_logged {
                f64::from(u8::from(arm == log.arms[at]))
            } else if arm == log.arms[at] {
                log.rewards[at]
            } else {
                continue;
            };
            let trial = Trial::new(arm, now).features(features);
            Reward::new(reward).and_then(|reward| policy.observe(&trial, reward)).map_err(said)?;
            total += reward;
            accepted += 1;
        }
        let mean = if accepted > 0 { total / accepted as f64 } else { 0.0 };
        means.push(if is_logged { mean } else { 1.0 - mean });
        count += accepted;
    }
    progress.finish();
    let (mean, sd) = mean_and_sd(&means);
    let line = serde_json::json!({
        "command": "bandit",
        "policy": spec,
        "what": if is_logged { "mean reward of accepted events" } else { "progressive error" },
        "mean": round(mean, 6),
        "sd": round(sd, 6),
        "count": count / shuffles,
        "shuffles": shuffles,
        "arms": log.names,
        "features": log.features[0].len(),
        "seconds": round(began.elapsed().as_secs_f64(), 2),
    });
    Ok(line.to_string())
}

impl Log {
    /// The e-mails of Hillstrom's MineThatData challenge; the arms were drawn evenly.
    fn hillstrom(path: &str, text: &str, reward: &str) -> Result<Self, String> {
        let emails = Emails::read(text).map_err(|why| format!("{path}: {why}"))?;
        let rewards = emails.rewards(reward)?.to_vec();
        let Emails { features, arms, names, .. } = emails;
        Ok(Self { features, arms, rewards, names })
    }

    /// Numbers, and in the last column the class; a first line that holds no numbers is a header.
    fn multiclass(path: &str, text: &str) -> Result<Self, String> {
        let mut log = Self { features: Vec::new(), arms: Vec::new(), rewards: Vec::new(), names: Vec::new() };
        let mut classes: Vec<String> = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row = fields(line);
            let Some((class, numbers)) = row.split_last() else { continue };
            let features: Result<Vec<f64>, _> = numbers.iter().map(|cell| cell.trim().parse::<f64>()).collect();
            match features {
                Ok(features) if log.features.first().is_none_or(|first| first.len() == features.len()) => {
                    log.features.push(features);
                    classes.push(class.trim().to_owned());
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
        log.names = names;
        Ok(log)
    }
}

/// The mean over runs, and the deviation of a run.
pub(crate) fn mean_and_sd(runs: &[f64]) -> (f64, f64) {
    let count = runs.len() as f64;
    let mean = runs.iter().sum::<f64>() / count;
    let squares: f64 = runs.iter().map(|of| (of - mean) * (of - mean)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

/// The generator of a run.
pub(crate) fn chance(seed: u64, run: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(run))
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn said(error: BanditError) -> String {
    error.to_string()
}
