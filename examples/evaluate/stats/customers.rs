//! What customers are worth, from the numbers of a case.

use bespoke::lifetime::{BgNbd, Discount, GammaGamma, Purchases, customer_value, quantile_scores};
use bespoke::stats::Undefined;
use serde_json::{Value, json};

use super::input::{Input, number, numbers};
use super::{Failed, Found};

pub(crate) fn answer(kind: &str, input: Input<'_>) -> Option<Found> {
    Some(match kind {
        "bgnbd_ll" if !input.has("file") => ln_likelihood(input),
        "bgnbd_fit" if !input.has("file") => fit(&inline(input)),
        "bgnbd_customer" => customer(input),
        "bgnbd_population" => population(input),
        "rfm_summary" => summary(input),
        "gamma_gamma_ll" if !input.has("file") => spend_ln_likelihood(input),
        "gamma_gamma_fit" if !input.has("file") => spend_fit(&inline(input)),
        "gamma_gamma_customer" => spend(input),
        "clv" => value(input),
        "rfm_score" => scores(input),
        _ => return None,
    })
}

pub(crate) fn buys(input: Input<'_>) -> Result<BgNbd, Failed> {
    Ok(BgNbd::new(input.number("r")?, input.number("alpha")?, input.number("a")?, input.number("b")?)?)
}

pub(crate) fn spends(input: Input<'_>) -> Result<GammaGamma, Failed> {
    Ok(GammaGamma::new(input.number("p")?, input.number("q")?, input.number("v")?)?)
}

/// Customers given as lists of the same length.
fn inline(input: Input<'_>) -> Result<Vec<Purchases>, Failed> {
    let counts = input.counts("x")?;
    let list = |name: &str| if input.has(name) { input.numbers(name) } else { Ok(vec![0.0; counts.len()]) };
    let (recency, spent) = (list("t_x")?, list("m")?);
    let observed = if input.has("T") { input.numbers("T")? } else { recency.clone() };
    if [recency.len(), observed.len(), spent.len()].iter().any(|length| *length != counts.len()) {
        return Err(Undefined::LengthMismatch.into());
    }
    let one = |(i, x): (usize, &u64)| Ok(Purchases::new(*x, recency[i], observed[i], spent[i])?);
    counts.iter().enumerate().map(one).collect()
}

fn ln_likelihood(input: Input<'_>) -> Found {
    Ok(json!({"log_likelihood": buys(input)?.ln_likelihood(&inline(input)?)}))
}

fn spend_ln_likelihood(input: Input<'_>) -> Found {
    Ok(json!({"log_likelihood": spends(input)?.ln_likelihood(&inline(input)?)}))
}

pub(crate) fn fit(customers: &Result<Vec<Purchases>, Failed>) -> Found {
    let customers = known(customers)?;
    let model = BgNbd::fit(customers)?;
    let (r, alpha, a, b) = model.parameters();
    let ln_likelihood = model.ln_likelihood(customers);
    Ok(json!({"r": r, "alpha": alpha, "a": a, "b": b, "log_likelihood": ln_likelihood}))
}

pub(crate) fn spend_fit(customers: &Result<Vec<Purchases>, Failed>) -> Found {
    let customers = known(customers)?;
    let model = GammaGamma::fit(customers)?;
    let (p, q, v) = model.parameters();
    let ln_likelihood = model.ln_likelihood(customers);
    let mean = model.population_mean().map_or(Value::Null, number);
    Ok(json!({"p": p, "q": q, "v": v, "log_likelihood": ln_likelihood, "population_mean": mean}))
}

fn known(customers: &Result<Vec<Purchases>, Failed>) -> Result<&[Purchases], Failed> {
    customers.as_deref().map_err(|why| match why {
        Failed::Undefined(reason) => Failed::Undefined(*reason),
        Failed::Unread(why) => Failed::Unread(why.clone()),
    })
}

fn one(input: Input<'_>) -> Result<Purchases, Failed> {
    let observed = input.or("T", input.or("t_x", 0.0)?)?;
    Ok(Purchases::new(input.count("x")?, input.or("t_x", 0.0)?, observed, input.or("m", 0.0)?)?)
}

fn customer(input: Input<'_>) -> Found {
    let (model, customer) = (buys(input)?, one(input)?);
    let expected = model.expected(&customer, input.number("t")?);
    Ok(json!({"p_alive": model.alive(&customer), "expected": expected}))
}

fn population(input: Input<'_>) -> Found {
    let (model, t) = (buys(input)?, input.number("t")?);
    let last = input.or("n_max", 5.0)? as u64;
    let shares = (0..=last).map(|n| model.probability_of_new(n, t));
    Ok(json!({"expected": model.expected_of_new(t), "pmf": numbers(shares)}))
}

fn summary(input: Input<'_>) -> Found {
    // Days are whole numbers.
    let days = input.numbers("days")?.into_iter().map(|day| day as i64);
    let orders: Vec<(i64, f64)> = days.zip(input.numbers("amounts")?).collect();
    let found = Purchases::of_days(&orders, input.number("calibration_end_day")? as i64)?;
    Ok(json!({
        "frequency": found.repeats(),
        "recency_weeks": found.recency(),
        "T_weeks": found.observed(),
        "monetary": found.mean_spend(),
    }))
}

fn spend(input: Input<'_>) -> Found {
    let (model, customer) = (spends(input)?, one(input)?);
    let of = |mean: Option<f64>| mean.map_or(Value::Null, number);
    Ok(json!({"expected": of(model.expected(&customer)), "population_mean": of(model.population_mean())}))
}

fn value(input: Input<'_>) -> Found {
    let (buys, spends, customer) = (buys(input)?, spends(input)?, one(input)?);
    let discount = Discount { months: input.count("months")? as u32, monthly_rate: input.number("monthly_rate")? };
    let spend = spends.expected(&customer).map_or(Value::Null, number);
    Ok(json!({"expected_spend": spend, "clv": customer_value(&buys, &spends, &customer, discount)?}))
}

fn scores(input: Input<'_>) -> Found {
    let k = input.count("k")? as u32;
    // Less is better for recency.
    let recency: Vec<f64> = input.numbers("recency_days")?.into_iter().map(|days| -days).collect();
    Ok(json!({
        "r": quantile_scores(&recency, k)?,
        "f": quantile_scores(&input.numbers("frequency")?, k)?,
        "m": quantile_scores(&input.numbers("monetary")?, k)?,
    }))
}
