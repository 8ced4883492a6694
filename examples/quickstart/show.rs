//! Prints what the shop knows and decides.

use bespoke::bandit::Policy;
use bespoke::decision::Ranked;
use bespoke::{Decision, Outcome, Personalizer, Request, Source, Timestamp, UserKey, Value};

use crate::Log;

pub(crate) fn log(shop: &Personalizer, log: &Log) {
    println!("bespoke: events in, decisions out, and what they earn teaches the next ones.");
    title("THE LOG: two weeks of a small outdoor shop, replayed event by event");
    println!(
        "{} events of {} people; {} anonymous visitors turned out to be known users.\n\
         {} times somebody entered a segment, {} times somebody left one.\n\
         {} came late and was put where it belongs; {} came twice and counted once.\n\
         {} decisions were asked for along the way; what was shown went back in.",
        log.lines,
        shop.people(),
        log.linked,
        log.entered,
        log.left,
        log.late - log.repeated,
        log.repeated,
        log.decisions
    );
}

pub(crate) fn profile(shop: &Personalizer, user: &str, now: Timestamp) {
    title(&format!("A PROFILE: what is known about `{user}`"));
    let Some(profile) = shop.profile(UserKey::known(user)) else {
        println!("nothing");
        return;
    };
    let said = ["country", "plan", "newsletter", "device"].map(|name| match profile.attributes().value(name) {
        Some(Value::Text(text)) => format!("{name} {text}"),
        Some(value) => format!("{name} {value}"),
        None => format!("{name} –"),
    });
    println!("attributes   {}", said.join(" · "));
    let sessions = profile.sessions();
    println!(
        "visits       {} events in {} sessions, last seen {}",
        profile.events(),
        sessions.count,
        day(profile.last_seen())
    );
    let touches = profile.touches();
    if let Some((Some(first), Some(last))) = touches.map(|touches| (&touches.first, &touches.last)) {
        println!(
            "came from    first {} ({}), last {} ({})",
            first.source,
            day(first.time),
            last.source,
            day(last.time)
        );
    }
    for spent in profile.spent() {
        println!("spent        {:.2} in {} orders", spent.amount.value(), spent.purchases);
    }
    let engine = shop.engine();
    shop.with_models(|models| {
        let catalog = &models.catalog;
        let mut seen: Vec<&str> = Vec::new();
        for item in profile.history().iter().rev().filter_map(|event| catalog.find(event.item?)) {
            let name = item.name.as_deref().unwrap_or(&item.id);
            if !seen.contains(&name) {
                seen.push(name);
            }
        }
        seen.truncate(5);
        println!("items        {} (latest first)", seen.join(", "));
        println!("affinities   (shares of interest; old interest fades)");
        for dimension in &engine.upkeep().dimensions {
            for (value, _) in profile.affinities().ranked(dimension, now).into_iter().take(4) {
                let share = profile.affinities().share(dimension, value);
                let text = |symbol| catalog.text(symbol).unwrap_or("?");
                println!(
                    "  {:<10} {:<16} {:>4.0} %  {}",
                    text(dimension.attribute),
                    text(value),
                    100.0 * share,
                    bar(share)
                );
            }
        }
    });
}

pub(crate) fn segments(shop: &Personalizer, user: &str, now: Timestamp) {
    title(&format!("SEGMENTS: where `{user}` belongs, and by which rule"));
    let (engine, inside) = (shop.engine(), shop.memberships(UserKey::known(user), now));
    for name in engine.segments() {
        let Some(segment) = engine.segment(name) else { continue };
        let mark = if inside.contains(name) { "in " } else { "out" };
        let rule = wrap(&segment.rule.to_string(), 54).join(&format!("\n{:24}", ""));
        println!("{mark}  {name:<18} {rule}");
    }
}

/// One page for two visitors, side by side.
pub(crate) fn category(shop: &Personalizer, users: [&str; 2], category: &str, now: Timestamp) {
    title(&format!("ONE PAGE, TWO VISITORS: the category page `{category}`, ranked"));
    let decisions =
        users.map(|user| shop.decide(&Request::new("category").user(user).context("category", category), now));
    let columns = [0, 1].map(|i| {
        let mut lines = vec![format!("for {}, whose taste is {}", users[i], taste(shop, users[i], now))];
        for (place, ranked) in (1..).zip(&decisions[i].slate) {
            lines.push(format!("{place}. {}", name_of(shop, &ranked.item)));
            lines.push(format!("   {}", because(shop, ranked)));
        }
        lines
    });
    let [left, right] = &columns;
    for row in 0..left.len().max(right.len()) {
        let cell = |column: &[String]| column.get(row).cloned().unwrap_or_default();
        println!("{:<40}{}", cell(left), cell(right));
    }
    println!("\nWhat became of each campaign, for {}:", users[0]);
    verdicts(&decisions[0]);
}

pub(crate) fn home(shop: &Personalizer, users: [&str; 2], now: Timestamp) {
    title("WHY THIS ONE: the home page, with what became of every campaign");
    for user in users {
        let decision = shop.decide(&Request::new("home").user(user), now);
        let headline = decision.payload.as_ref().and_then(|payload| payload.get("headline")?.as_str());
        println!("for {user}: \"{}\"", headline.unwrap_or("the host's own default"));
        verdicts(&decision);
    }
}

fn verdicts(decision: &Decision) {
    for verdict in &decision.verdicts {
        let variant = decision.variant.as_deref().filter(|variant| *variant != "default");
        match (&verdict.outcome, variant) {
            (Outcome::Won, Some(variant)) => {
                let percent = 100.0 * decision.propensity.value();
                println!("  {:<18} won; chose `{variant}`, which had a chance of {percent:.0} %", verdict.campaign);
            }
            (outcome, _) => println!("  {:<18} {outcome}", verdict.campaign),
        }
    }
}

pub(crate) fn bandit(shop: &Personalizer, log: &Log, campaign: &str) {
    title(&format!("WHAT `{campaign}` LEARNED: each offer, by clicks (reactions are simulated)"));
    let engine = shop.engine();
    let Some(definition) = engine.campaigns().find(|of| of.name == campaign) else { return };
    let best = shop.with_models(|models| models.bandit(campaign)?.best()).unwrap_or_default();
    let shown = |variant: &str| log.shown.get(&(campaign.to_owned(), variant.to_owned())).copied().unwrap_or_default();
    let mut totals = [0, 0];
    for variant in &definition.variants {
        let [one, two] = shown(&variant.name);
        totals = [totals[0] + one, totals[1] + two];
    }
    println!("Thompson sampling shows an offer as often as it is likely to be the best one.");
    println!("{:<16}{:<24}{:<24}P(best) now", "", "shown in week 1", "shown in week 2");
    for (arm, variant) in definition.variants.iter().enumerate() {
        let cells = [0, 1].map(|week| {
            let (shown, total) = (shown(&variant.name)[week], totals[week].max(1));
            let share = f64::from(shown) / f64::from(total);
            format!("{:<16} {:>3.0} %", bar(share), 100.0 * share)
        });
        let best = best.get(arm).copied().unwrap_or_default();
        println!("{:<16}{:<24}{:<24}{:>5.1} %", variant.name, cells[0], cells[1], 100.0 * best);
    }
}

pub(crate) fn report(shop: &Personalizer) {
    title("THE REPORT: what every campaign earned");
    print!("{}", shop.report());
    println!(
        "\nRead next: the front page of the documentation (`cargo doc --open`), the loop in\n\
         code; examples/quickstart/main.rs, the host's part; definitions.json beside it:\n\
         mistype a name in a rule there, and see what it says."
    );
}

/// The tags that most of a person's interest goes to.
fn taste(shop: &Personalizer, user: &str, now: Timestamp) -> String {
    let (engine, profile) = (shop.engine(), shop.profile(UserKey::known(user)).unwrap_or_default());
    let tags = engine.upkeep().dimensions.iter().find(|dimension| dimension.attribute == "tag".into());
    let ranked = tags.map(|tags| profile.affinities().ranked(tags, now)).unwrap_or_default();
    shop.with_models(|models| {
        let words: Vec<&str> = ranked.iter().filter_map(|(tag, _)| models.catalog.text(*tag)).take(2).collect();
        words.join(" and ")
    })
}

fn because(shop: &Personalizer, ranked: &Ranked) -> String {
    match (ranked.source, &ranked.because) {
        // People come back to what they looked at, so an item can speak for itself.
        (Source::Related, Some(item)) if *item == ranked.item => "because people come back to it".to_owned(),
        (Source::Related, Some(item)) => format!("because of {}", name_of(shop, item)),
        (Source::Popular, _) => "because many look at it these days".to_owned(),
        (Source::Recent, _) => "because it was looked at before".to_owned(),
        _ => "because it is new in the catalog".to_owned(),
    }
}

fn name_of(shop: &Personalizer, item: &str) -> String {
    let name = shop.with_models(|models| models.catalog.get(item)?.name.clone());
    name.unwrap_or_else(|| item.to_owned())
}

fn title(text: &str) {
    println!("\n== {text}");
}

fn day(time: Timestamp) -> String {
    time.to_string().chars().take("2026-03-01".len()).collect()
}

/// Sixteen cells for the whole.
fn bar(share: f64) -> String {
    // A share lies between 0 and 1.
    "#".repeat((16.0 * share).round() as usize)
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
