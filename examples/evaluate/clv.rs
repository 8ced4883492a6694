//! Fits the models of customer value to a table of customers.

use bespoke::lifetime::{BgNbd, GammaGamma, Purchases};
use bespoke::stats::Undefined;
use serde_json::{Value, json};

use crate::options::Options;
use crate::stats::files::summaries;
use crate::stats::input::number;
use crate::table::Table;
use crate::{Answer, Command, read};

pub(crate) const COMMAND: Command = Command {
    name: "clv",
    arguments: "--summary FILE [--weeks 39]",
    about: "fits BG/NBD and Gamma-Gamma to a table of (id, frequency, recency, T, monetary); prints parameters",
    run,
    try_out,
};

fn run(arguments: &[String]) -> Answer {
    let options = Options::read(arguments, &["--summary", "--weeks"])?;
    let path = options.needed("--summary")?;
    let table = Table::read(&read(path)?).map_err(|why| format!("{path}: {why}"))?;
    let customers = summaries(&table).map_err(|why| format!("{path}: {why}"))?;
    Ok(fitted(&customers, options.parsed("--weeks", 39.0, "a number of weeks")?))
}

fn try_out() -> Answer {
    // A few customers of the CDNOW sample (Fader, Hardie and Lee, 2005), again and again.
    let few = [(2, 30.43, 38.86, 22.35), (1, 1.71, 38.86, 11.77), (0, 0.0, 38.86, 0.0), (0, 0.0, 38.0, 0.0)]
        .into_iter()
        .chain([(7, 29.43, 38.86, 73.74), (1, 5.0, 38.86, 11.77), (0, 0.0, 37.0, 0.0), (2, 35.71, 38.86, 25.55)]);
    let customers = few.map(|(x, t, end, m)| Purchases::new(x, t, end, m)).collect::<Result<Vec<_>, _>>();
    Ok(fitted(&customers.map_err(|reason| reason.to_string())?, 39.0))
}

/// Both fits as one line; what is not there is null, with its reason.
fn fitted(customers: &[Purchases], weeks: f64) -> String {
    let (buys, spends) = (BgNbd::fit(customers), GammaGamma::fit(customers));
    let why = |reason: Option<&Undefined>| reason.map(|reason| reason.name());
    let correlation = GammaGamma::correlation(customers);
    let mut line = json!({
        "command": "clv",
        "customers": customers.len(),
        "bgnbd_undefined": why(buys.as_ref().err()),
        "gamma_gamma_undefined": why(spends.as_ref().err()),
        "frequency_spend_correlation": correlation.map_or(Value::Null, number),
        "correlated": correlation.is_some_and(|r| r > 0.3),
        "weeks": weeks,
    });
    let mut add = |name: &str, value: Option<f64>| line[name] = value.map_or(Value::Null, number);
    let of_buys = buys.as_ref().ok().map(BgNbd::parameters);
    add("r", of_buys.map(|of| of.0));
    add("alpha", of_buys.map(|of| of.1));
    add("a", of_buys.map(|of| of.2));
    add("b", of_buys.map(|of| of.3));
    add("bgnbd_log_likelihood", buys.as_ref().ok().map(|model| model.ln_likelihood(customers)));
    let expected = |model: &BgNbd| customers.iter().map(|customer| model.expected(customer, weeks)).sum();
    add("expected_purchases", buys.as_ref().ok().map(expected));
    let of_spends = spends.as_ref().ok().map(GammaGamma::parameters);
    add("p", of_spends.map(|of| of.0));
    add("q", of_spends.map(|of| of.1));
    add("v", of_spends.map(|of| of.2));
    add("gamma_gamma_log_likelihood", spends.as_ref().ok().map(|model| model.ln_likelihood(customers)));
    add("population_mean_spend", spends.as_ref().ok().and_then(GammaGamma::population_mean));
    line.to_string()
}
