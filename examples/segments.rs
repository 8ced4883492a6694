//! From people to segments: how large those are that there are, how they overlap, what goes with spending, and which
//! segments would be worth having.
//!
//! `cargo run --release --example segments` makes up a shop in which, unknown to the analysis, Germans who look at
//! shoes spend four times as much as others. `-- EVENTS.jsonl [DEFINITIONS.json] [CURRENCY]` reads events in the
//! crate's own form or Segment's, one to a line, instead.

use std::io::{BufRead, BufReader};
use std::process::ExitCode;

use bespoke::insight::{SizeSettings, ValueSettings, Worth};
use bespoke::stats::Effect;
use bespoke::{Engine, Event, EventKind, Item, Personalizer, Span, Timestamp};
use indicatif::{ProgressBar, ProgressStyle};

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("segments: {problem}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let definitions = match arguments.get(1) {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?,
        None => DEFINITIONS.to_owned(),
    };
    let shop = Personalizer::new(Engine::from_json(&definitions)?);
    let events = match arguments.first() {
        Some(path) => read(path)?,
        None => {
            println!("no file of events: this makes people up; `-- EVENTS.jsonl` reads some\n");
            made_up(&shop)?
        }
    };
    let now = events.iter().map(|event| event.time).max().ok_or("there are no events")?;
    let bar = bar(events.len());
    let imported = shop.import(bar.wrap_iter(events.into_iter()), now);
    bar.finish_and_clear();
    println!(
        "{} events taken in, {} repeated, {} refused; {} people",
        imported.taken,
        imported.repeated,
        imported.refused,
        shop.people()
    );
    for (place, error) in imported.errors.iter().take(5) {
        println!("  event {place}: {error}");
    }

    println!("\n# The segments that there are\n");
    let settings = SizeSettings { effect: Effect { base: 0.2, ..Effect::default() }, ..SizeSettings::default() };
    print!("{}", shop.sizes(settings, now));

    let currency = arguments.get(2).map_or("EUR", String::as_str);
    let sample = shop.sample(20_000, 0);
    let analysis = shop.analysis(&sample, &Worth::spent(currency), &ValueSettings::default(), now)?;
    println!("\n# What goes with spending\n");
    print!("{}", analysis.drivers());

    println!("\n# Segments worth having\n");
    let suggestions = analysis.suggestions();
    print!("{suggestions}");
    if let Some(best) = suggestions.found.first() {
        println!("\nThe first, to be put into the definitions:");
        println!("{{\"name\": \"…\", \"rule\": {}}}", best.rule.to_json());
    }
    Ok(())
}

/// Reads a file of events, one or a batch to a line.
fn read(path: &str) -> Result<Vec<Event>, Box<dyn std::error::Error>> {
    let file = std::fs::File::open(path).map_err(|error| format!("{path}: {error}"))?;
    let mut events = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line?;
        if !line.trim().is_empty() {
            events.extend(Event::read(&line).map_err(|error| format!("{path}, line {}: {error}", number + 1))?);
        }
    }
    Ok(events)
}

/// Ten thousand people who look at things and buy some of them.
fn made_up(shop: &Personalizer) -> Result<Vec<Event>, Box<dyn std::error::Error>> {
    let categories = ["shoes", "hats", "bags", "coats"];
    for category in categories {
        for n in 0..20 {
            shop.upsert_item(Item::new(format!("{category}-{n}")).category(category))?;
        }
    }
    let end: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    let mut dice = Dice(1);
    let mut events = Vec::new();
    for person in 0..10_000 {
        let name = format!("person-{person}");
        let country = dice.pick(&["DE", "DE", "AT", "CH", "FR", "NL"]);
        let mut identified = Event::new(EventKind::Identified, &name, end - Span::days(200))
            .attribute("country", country)
            .attribute("age", 18.0 + libm::floor(60.0 * dice.unit()))
            .attribute("newsletter", dice.unit() < 0.4);
        identified.device = Some(dice.pick(&["phone", "desktop", "tablet"]).to_owned());
        identified.source = Some(dice.pick(&["search", "ads", "mail", "direct"]).to_owned());
        events.push(identified);
        let favourite = dice.pick(&categories);
        let mut of_favourite = 0;
        for view in 0..(10.0 * dice.unit()) as usize {
            let category = if dice.unit() < 0.6 { favourite } else { dice.pick(&categories) };
            of_favourite += usize::from(category == favourite);
            let item = format!("{category}-{}", (20.0 * dice.unit()) as usize);
            let time = end - Span::minutes((80.0 * 24.0 * 60.0 * dice.unit()) as u32);
            events.push(Event::new(EventKind::ItemViewed, &name, time).item(item).id(format!("{name} {view}")));
        }
        if dice.unit() < 0.25 {
            let is_planted = country == "DE" && favourite == "shoes" && of_favourite >= 3;
            // Most orders are small and a few are large: a normal logarithm, by twelve uniform numbers.
            let normal = (0..12).map(|_| dice.unit()).sum::<f64>() - 6.0;
            let amount = 25.0 * libm::exp(0.8 * normal) * if is_planted { 4.0 } else { 1.0 };
            let time = end - Span::minutes((20.0 * 24.0 * 60.0 * dice.unit()) as u32);
            events.push(Event::new(EventKind::CheckoutStarted, &name, time - Span::minutes(5)));
            events.push(Event::new(EventKind::Purchased, &name, time).value(libm::round(amount), "EUR"));
        }
    }
    Ok(events)
}

fn bar(events: usize) -> ProgressBar {
    let bar = ProgressBar::new(events as u64).with_message("importing");
    let style = "{msg} {wide_bar} {human_pos}/{human_len} events, {per_sec}, {eta} left";
    // A template that does not parse is a bar in another style.
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// Chance from a seed (SplitMix64; Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn pick(&mut self, of: &[&'static str]) -> &'static str {
        of[(self.unit() * of.len() as f64) as usize]
    }
}

const DEFINITIONS: &str = r#"{
    "schema": {"attributes": {
        "country": "text", "age": "number", "newsletter": "bool", "device": "text", "channel": "text"
    }},
    "segments": [
        {"name": "newsletter readers", "rule": "newsletter = true"},
        {"name": "lookers", "rule": "event('item_viewed').within(30 days).count() >= 2"},
        {"name": "german lookers", "rule": "country = 'DE' AND segment('lookers')"},
        {"name": "buyers", "rule": "event('purchased').within(90 days)"},
        {"name": "young readers", "rule": "age < 30 AND newsletter = true AND country IN ('DE', 'AT', 'CH')"},
        {"name": "phone from ads", "rule": "device = 'phone' AND session('first_source') = 'ads'"}
    ]
}"#;
