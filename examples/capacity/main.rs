//! How much memory people take, and how fast a snapshot is:
//! `cargo run --release --example capacity -- [PEOPLE [SEGMENTS [mixed]]]`.
//!
//! Each person has 20 events, 8 attributes and 10 affinities, under definitions with 10 segments that count views in
//! a category each; with `mixed` they ask all kinds of questions about views, carts, purchases and searches, by
//! category, brand and value, within windows and ever: `-- 1000 10000 mixed` for ten thousand. The snapshot is
//! restored into a second personalizer, which must give the same bytes again.

#![expect(clippy::disallowed_methods, reason = "an example may look at the clock")]

mod people;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use bespoke::id::UserKey;
use bespoke::personalizer::Personalizer;
use people::{EVENTS, engine, ingest, mixed, stock};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number = |at: usize, default: u32| match std::env::args().nth(at) {
        Some(text) => text.parse().map_err(|_| format!("`{text}` is not a whole number")),
        None => Ok(default),
    };
    let (people, segments) = (number(1, 100_000)?, number(2, 10)?);
    let is_mixed = std::env::args().nth(3).is_some_and(|word| word == "mixed");
    let shop = Personalizer::new(if is_mixed { mixed(segments)? } else { engine(segments)? });
    stock(&shop)?;
    let before = resident();
    let began = Instant::now();
    for person in 0..people {
        ingest(&shop, person)?;
        progress(person, people);
    }
    let took = began.elapsed();
    let typical = shop.profile(UserKey::known("user-7")).ok_or("nobody there")?;
    let events = f64::from(people) * f64::from(EVENTS);
    println!(
        "{people} people with {} events, {} attributes and {} affinities each",
        typical.events(),
        typical.attributes().as_slice().len(),
        typical.affinities().len()
    );
    println!("ingested          {:>10.0} events/s", events / took.as_secs_f64());
    println!("counters asked    {:>10}", shop.engine().counters());
    println!("one profile       {:>10} bytes", typical.bytes());
    let sizes = (0..people).filter_map(|person| Some(shop.profile(UserKey::known(&format!("user-{person}")))?.bytes()));
    let mut sizes: Vec<usize> = sizes.collect();
    sizes.sort_unstable();
    println!("median profile    {:>10} bytes", sizes.get(sizes.len() / 2).unwrap_or(&0));
    println!("largest profile   {:>10} bytes", sizes.last().unwrap_or(&0));
    println!(
        "each person       {:>10.0} bytes, tables and open decisions included",
        shop.people_bytes() as f64 / f64::from(people)
    );
    if let (Some(before), Some(after)) = (before, resident()) {
        let each = (after.saturating_sub(before)) as f64 / f64::from(people);
        println!("resident memory   {each:>10.0} bytes each, with the allocator's overhead and the models");
    }

    let snapshot = shop.snapshot()?;
    // Into nowhere, so that the time is that of writing the snapshot, not of getting memory for it.
    let ((), took) = fastest(|| shop.snapshot_to(&mut std::io::sink()))?;
    let megabytes = snapshot.len() as f64 / 1e6;
    println!(
        "snapshot          {:>10.0} MB/s  ({megabytes:.0} MB, {:.0} bytes each)",
        megabytes / took.as_secs_f64(),
        snapshot.len() as f64 / f64::from(people)
    );
    drop(shop);
    let again = Personalizer::new(if is_mixed { mixed(segments)? } else { engine(segments)? });
    let ((), took) = fastest(|| again.restore(&snapshot))?;
    println!("restore           {:>10.0} MB/s", megabytes / took.as_secs_f64());
    if again.snapshot()? != snapshot {
        return Err("the restored state has another snapshot".into());
    }
    println!("the restored state has the same snapshot, byte for byte");
    Ok(())
}

/// Does the same three times and gives the shortest time: the first has to get its memory from the system.
fn fastest<T, E>(mut run: impl FnMut() -> Result<T, E>) -> Result<(T, Duration), E> {
    let mut best: Option<(T, Duration)> = None;
    for _ in 0..3 {
        let began = Instant::now();
        let value = run()?;
        let took = began.elapsed();
        if best.as_ref().is_none_or(|(_, shortest)| took < *shortest) {
            best = Some((value, took));
        }
    }
    best.map_or_else(|| unreachable!("three runs leave a time"), Ok)
}

/// The memory that the process holds, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn progress(done: u32, all: u32) {
    if done % 10_000 == 0 && std::io::stderr().is_terminal() {
        eprint!("\r{:>3} %", u64::from(done) * 100 / u64::from(all));
    }
}
