//! Tests, intervals, adjustments and sizes.

use bespoke::stats::{
    Adjustment, Alpha, Beta, Evidence, Moments, Proportion, Sizing, StatsError, adjusted, agresti_coull,
    clopper_pearson, fisher_exact, power_at, wilson,
};
use serde_json::{Value, json};

use super::input::{Input, interval, number, numbers};
use super::{Failed, Found};

pub(crate) fn answer(kind: &str, input: Input<'_>) -> Option<Found> {
    Some(match kind {
        "two_proportion_z" => two_proportions(input),
        "one_proportion_ci" => one_proportion(input),
        "fisher_exact" => fisher(input),
        "welch_t" => welch(input),
        "p_adjust" | "real_p_adjust" => adjust(kind, input),
        "sample_size_proportions" => proportions(input),
        "sample_size_means" => means(input),
        "power_normal" => power(input),
        _ => return None,
    })
}

pub(crate) fn pair(input: Input<'_>) -> Result<(Proportion, Proportion), Failed> {
    let of = |x, n| Ok::<_, Failed>(Proportion::from_counts(input.number(x)?, input.number(n)?)?);
    Ok((of("x_a", "n_a")?, of("x_b", "n_b")?))
}

fn two_proportions(input: Input<'_>) -> Found {
    let (a, b) = pair(input)?;
    compare(&a, &b, input.alpha()?)
}

pub(crate) fn compare(a: &Proportion, b: &Proportion, alpha: Alpha) -> Found {
    let pooled = Proportion::pooled(a, b)?;
    let unpooled = Proportion::unpooled(a, b).ok();
    let of = |read: fn(&Evidence) -> f64| unpooled.as_ref().map_or(Value::Null, |found| number(read(found)));
    Ok(json!({
        "diff": number(pooled.estimate()),
        "z_pooled": number(pooled.z()),
        "p_pooled": number(pooled.p()),
        "se_unpooled": of(Evidence::error),
        "z_unpooled": of(Evidence::z),
        "p_unpooled": of(Evidence::p),
        "ci_wald": unpooled.map_or(Value::Null, |found| interval(found.interval(alpha))),
        "ci_newcombe": interval(Proportion::newcombe(a, b, alpha)?),
        "ci_agresti_caffo": interval(Proportion::agresti_caffo(a, b, alpha)?),
    }))
}

fn one_proportion(input: Input<'_>) -> Found {
    let seen = Proportion::from_counts(input.number("x")?, input.number("n")?)?;
    let (x, n, alpha) = (seen.successes(), seen.trials(), input.alpha()?);
    let jeffreys = beta(x as f64 + 0.5, (n - x) as f64 + 0.5)?.interval(alpha);
    Ok(json!({
        "wilson": interval(wilson(x, n, alpha)?),
        "clopper_pearson": interval(clopper_pearson(x, n, alpha)?),
        "jeffreys": interval(jeffreys),
        "agresti_coull": interval(agresti_coull(x, n, alpha)?),
    }))
}

/// A posterior; parameters out of range are a reason.
pub(crate) fn beta(alpha: f64, beta: f64) -> Result<Beta, Failed> {
    Beta::new(alpha, beta).map_err(|error| match error {
        StatsError::Undefined(reason) => Failed::Undefined(reason),
        _ => Failed::Undefined(bespoke::stats::Undefined::Parameter),
    })
}

fn fisher(input: Input<'_>) -> Found {
    let (a, b) = pair(input)?;
    Ok(json!({"p": number(fisher_exact(&a, &b)?)}))
}

pub(crate) fn moments(input: Input<'_>) -> Result<Moments, Failed> {
    Ok(Moments::from_sums(input.number("n")?, input.number("sum")?, input.number("sum_squares")?)?)
}

fn welch(input: Input<'_>) -> Found {
    let (a, b) = (moments(input.at("a"))?, moments(input.at("b"))?);
    let found = Evidence::of_means(&a, &b)?;
    Ok(json!({
        "mean_a": a.mean(), "var_a": a.variance(), "mean_b": b.mean(), "var_b": b.variance(),
        "diff": found.estimate(),
        "se": found.error(),
        "t": found.z(),
        "df": found.freedom(),
        "p": found.p(),
        "p_greater": found.p_above(),
        "ci": interval(found.interval(input.alpha()?)),
    }))
}

fn adjust(kind: &str, input: Input<'_>) -> Found {
    let p = input.numbers("p")?;
    let mut found = serde_json::Map::new();
    for (name, by) in [
        ("bonferroni", Adjustment::Bonferroni),
        ("holm", Adjustment::Holm),
        ("hochberg", Adjustment::Hochberg),
        ("sidak", Adjustment::Sidak),
        ("bh", Adjustment::FalseDiscovery),
        ("by", Adjustment::FalseDiscoveryAny),
    ] {
        if kind == "p_adjust" || ["holm", "bh"].contains(&name) {
            found.insert(name.to_owned(), numbers(adjusted(&p, by)?));
        }
    }
    Ok(found.into())
}

fn sizing(input: Input<'_>) -> Result<Sizing, Failed> {
    Ok(Sizing { alpha: input.alpha()?, power: input.or("power", 0.8)?, ratio: input.or("ratio", 1.0)? })
}

fn proportions(input: Input<'_>) -> Found {
    let (sizing, p, q) = (sizing(input)?, input.number("p1")?, input.number("p2")?);
    Ok(json!({
        "unpooled": sizing.unpooled(p, q)?,
        "pooled": sizing.pooled(p, q)?,
        "cohen_h": sizing.arcsine(p, q)?,
    }))
}

fn means(input: Input<'_>) -> Found {
    let (sizing, d) = (sizing(input)?, input.number("d")?);
    Ok(json!({"normal": sizing.means(d)?, "t_exact": sizing.means_exact(d)?}))
}

fn power(input: Input<'_>) -> Found {
    let (effect, alpha) = (Evidence::new(input.number("effect")?, input.number("se")?, 0)?, input.alpha()?);
    let sizing = Sizing { alpha, ..Sizing::default() };
    Ok(json!({"power": power_at(effect.z(), alpha), "mde_80": sizing.detectable(effect.error())?}))
}
