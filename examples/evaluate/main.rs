//! Checks what bespoke answers against what others have answered: one command for each kind of question.
//!
//! ```text
//! cargo run --release --example evaluate                             # this help, and each command on built-in data
//! cargo run --release --example evaluate -- conditions --cases FILE  # conditions of GrowthBook's suite
//! cargo run --release --example evaluate -- topn --train FILE --test FILE --out FILE      # items for each user
//! cargo run --release --example evaluate -- sessions --train FILE --test FILE --out FILE  # next clicks of sessions
//! cargo run --release --example evaluate -- bandit --data FILE --format hillstrom         # a policy, by replay
//! cargo run --release --example evaluate -- ope --log FILE --target FILE --format obd     # another's log judges a policy
//! cargo run --release --example evaluate -- stats --cases FILE --root DIR --out FILE      # statistics
//! cargo run --release --example evaluate -- experiment --data FILE --unit COL …             # a whole experiment
//! cargo run --release --example evaluate -- clv --summary FILE                            # what customers are worth
//! ```
//!
//! Every command prints one line of JSON on standard output. The exit code is 0 where it ran, whatever the answers
//! were, and 2 where its arguments or its files do not read.

mod bandit;
mod clv;
mod conditions;
#[path = "../shared/emails.rs"]
mod emails;
mod experiment;
#[path = "../shared/measure.rs"]
mod measure;
mod ope;
mod ope_synthetic;
mod options;
#[path = "../shared/progress.rs"]
mod progress;
mod regret;
mod sessions;
mod sessions_auto;
mod sessions_log;
mod stats;
#[path = "../shared/table.rs"]
mod table;
mod topn;
#[path = "../shared/units.rs"]
mod units;

use std::process::ExitCode;

/// What a command prints on standard output, or why it could not run.
type Answer = Result<String, String>;

/// A command: its name, its arguments as the help shows them, and what it does.
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Answer,
    /// What it says to the data that is built in.
    try_out: fn() -> Answer,
}

const COMMANDS: &[Command] = &[
    conditions::COMMAND,
    topn::COMMAND,
    sessions::COMMAND,
    bandit::COMMAND,
    ope::COMMAND,
    stats::COMMAND,
    clv::COMMAND,
    experiment::COMMAND,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else { return try_out() };
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        println!("{}", help());
        return ExitCode::SUCCESS;
    }
    let answer = match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(rest),
        None => Err(format!("unknown command `{name}`\n\n{}", help())),
    };
    print(answer)
}

fn try_out() -> ExitCode {
    eprintln!("{}\n\nWithout arguments, each command answers a few built-in cases:", help());
    for command in COMMANDS {
        let code = print((command.try_out)());
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
}

fn print(answer: Answer) -> ExitCode {
    match answer {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("evaluate: {why}");
            ExitCode::from(2)
        }
    }
}

fn help() -> String {
    let mut help = "usage: evaluate COMMAND [ARGUMENTS]\n\ncommands:".to_owned();
    for Command { name, arguments, about, .. } in COMMANDS {
        help.push_str(&format!("\n  {name} {arguments}\n      {about}"));
    }
    help
}

/// The value of the one option that a command takes.
fn option<'a>(arguments: &'a [String], name: &str) -> Result<&'a str, String> {
    match arguments {
        [found, value] if found == name => Ok(value),
        [found] if found == name => Err(format!("`{name}` needs a value")),
        [] => Err(format!("`{name}` is missing")),
        [found, ..] => Err(format!("found `{found}`, where only `{name} …` may stand")),
    }
}

/// The text of a file.
fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}
