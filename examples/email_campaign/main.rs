//! Learns on line which of three e-mails to send to whom, from the log of a randomised campaign.
//!
//! ```text
//! cargo run --release --example email_campaign                 # a generated campaign
//! cargo run --release --example email_campaign -- emails.csv [--reward visit|conversion|spend] [--policy JSON] [--out DIR]
//! ```
//!
//! The file is that of Hillstrom's MineThatData challenge. A policy sees one customer after the other and says which
//! e-mail it would send; where that is the one that was sent, it learns what came of it, and the others are passed over
//! (replay: Li, Chu, Langford and Wang, "Unbiased offline evaluation of contextual-bandit-based news article
//! recommendation algorithms", WSDM 2011). Since e-mails were drawn evenly, what it earned so is what it would have
//! earned. Two charts go to the folder `--out`, `target/email_campaign` unless given: what each policy earned per e-mail,
//! and which e-mails the first of them came to send. The exit code is 2 where arguments or files do not read.

#[path = "../shared/emails.rs"]
mod emails;
#[path = "../evaluate/options.rs"]
#[allow(clippy::allow_attributes, dead_code, reason = "each example uses a part")]
mod options;
mod plots;
mod replay;
mod sample;
#[path = "../shared/svg.rs"]
#[allow(clippy::allow_attributes, dead_code, reason = "each example uses a part")]
mod svg;
#[path = "../shared/table.rs"]
#[allow(clippy::allow_attributes, dead_code, reason = "each example uses a part")]
mod table;

use std::path::Path;
use std::process::ExitCode;

use bespoke::bandit::BanditSpec;

use emails::Emails;
use options::Options;
use replay::Run;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match campaign(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("email_campaign: {why}");
            ExitCode::from(2)
        }
    }
}

fn campaign(arguments: &[String]) -> Result<(), String> {
    let (path, rest) = match arguments.split_first() {
        Some((path, rest)) if !path.starts_with("--") => (Some(path), rest),
        _ => (None, arguments),
    };
    let options = Options::read(rest, &["--reward", "--policy", "--out"])?;
    let emails = match path {
        Some(path) => Emails::read(&read(path)?).map_err(|why| format!("{path}: {why}"))?,
        None => sample::emails(),
    };
    let rewards = emails.rewards(options.text("--reward").unwrap_or("visit"))?;
    let policies = [
        ("with features", options.text("--policy").unwrap_or(r#"{"contextual": {}}"#)),
        // Sums of money are not rates.
        ("without", if rewards.iter().all(|reward| *reward <= 1.0) { RATES } else { AMOUNTS }),
        ("even split", r#"{"epsilon_greedy": {"epsilon": 1.0}}"#),
    ];
    println!("{} customers, {} features: {}", emails.arms.len(), emails.called.len(), emails.called.join(", "));
    for (arm, name) in emails.names.iter().enumerate() {
        let got: Vec<f64> = (0..rewards.len()).filter(|at| emails.arms[*at] == arm).map(|at| rewards[at]).collect();
        println!("  {name:<14} {:.4} per e-mail, of {}", got.iter().sum::<f64>() / got.len().max(1) as f64, got.len());
    }
    println!("\n{:<14} {:>8} {:>10}   what was sent in the last quarter", "policy", "learned", "per e-mail");
    let mut runs = Vec::new();
    for (name, json) in policies {
        let spec: BanditSpec = serde_json::from_str(json).map_err(|error| format!("{json}: {error}"))?;
        let run = Run::new(name, &spec, &emails, rewards).map_err(|error| error.to_string())?;
        let sent: Vec<String> =
            emails.names.iter().zip(run.late()).map(|(name, share)| format!("{name} {:.0}%", 100.0 * share)).collect();
        println!("{name:<14} {:>8} {:>10.4}   {}", run.learned(), run.mean(), sent.join(", "));
        runs.push(run);
    }
    let folder = Path::new(options.text("--out").unwrap_or("target/email_campaign"));
    plots::write(folder, &runs, &emails)?;
    println!("\ncharts: {}, {}", folder.join("curve.svg").display(), folder.join("allocation.svg").display());
    Ok(())
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

const RATES: &str = r#"{"thompson": {}}"#;
const AMOUNTS: &str = r#"{"thompson": {"payoff": "revenue"}}"#;
