//! What the recommenders cost at scale, on a generated log with realistic skew:
//!
//! ```text
//! cargo run --release --example scale                          # 200,000 interactions, in seconds
//! cargo run --release --example scale -- --interactions 20000000 --people 200000 --items 50000
//! cargo run --release --example scale -- --items 1000000 --models neighbors,clicks
//! ```
//!
//! For each model a line: how fast it learns, or how long it takes to fit; the memory that it holds, and the most that
//! the process had meanwhile, the log included; and how long twenty items for one person take on one thread.

#[path = "../shared/measure.rs"]
mod measure;
mod models;
mod options;
#[path = "../shared/progress.rs"]
mod progress;
mod world;

use std::process::ExitCode;

use measure::clock;
use models::{MODELS, Row};
use options::Options;
use world::World;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("scale: {problem}");
            ExitCode::from(2)
        }
    }
}

/// The error is a line for the person who called.
fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| ["help", "--help", "-h"].contains(&argument.as_str())) {
        println!("usage: scale {}", Options::USAGE);
        return Ok(());
    }
    let options = Options::read(&arguments)?;
    let began = clock();
    let world = World::new(&options);
    let Options { people, items, .. } = options;
    println!(
        "{} interactions of {people} people with {items} items, generated in {:.1} s; the busiest person has {}, the most \
         popular item {}",
        world.len(),
        began.elapsed().as_secs_f64(),
        world.busiest(),
        world.most_popular(),
    );
    println!("{}", Row::HEADER);
    for model in MODELS.iter().filter(|model| options.asks(model.name)) {
        measure::forget_peak();
        println!("{}", (model.run)(&world, &options)?);
    }
    Ok(())
}
