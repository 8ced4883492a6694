//! Inference that holds at many looks.

use bespoke::experiment::{
    AlwaysValid, Boundary, EmpiricalBernstein, GroupSequential, Shape, SmallestP, Spending, approximate_ratio,
    bernoulli_sequence, boundary_z, hoeffding_sequence, optimal_ratio,
};
use bespoke::stats::{Alpha, Evidence, Proportion, Undefined};
use serde_json::{Value, json};

use super::input::{Input, interval, number, numbers};
use super::{Failed, Found};

pub(crate) fn answer(kind: &str, input: Input<'_>) -> Option<Found> {
    Some(match kind {
        "normal_mixture_boundary" => normal(input),
        "gamma_exponential_boundary" => gamma_exponential(input),
        "poly_stitching_boundary" => stitched(input),
        "bernoulli_confidence_sequence" => bernoulli(input),
        "msprt" => msprt(input),
        "optimal_mixture_ratio" => ratio(input),
        "asymptotic_cs" => asymptotic(input),
        "empirical_bernstein_cs" => bernstein(input),
        "hoeffding_conjmix_cs" => hoeffding(input),
        "group_sequential_bounds" => bounds(input),
        "group_sequential_power" => power(input),
        _ => return None,
    })
}

fn alpha(input: Input<'_>, name: &str) -> Result<Alpha, Failed> {
    Ok(Alpha::new(input.number(name)?)?)
}

fn at(input: Input<'_>, boundary: &Boundary) -> Found {
    let alpha = input.alpha()?;
    let values = input.numbers("v")?.into_iter().map(|v| boundary.at(v, alpha));
    Ok(json!({"boundary": numbers(values.collect::<Result<Vec<_>, _>>()?)}))
}

fn normal(input: Input<'_>) -> Found {
    let (best, tuned) = (input.number("v_opt")?, alpha(input, "alpha_opt")?);
    let one_sided = input.0["one_sided"].as_bool().unwrap_or(false);
    at(input, &if one_sided { Boundary::normal_one_sided(best, tuned)? } else { Boundary::normal(best, tuned)? })
}

fn gamma_exponential(input: Input<'_>) -> Found {
    let (best, tuned) = (input.number("v_opt")?, alpha(input, "alpha_opt")?);
    at(input, &Boundary::gamma_exponential(best, tuned, input.number("c")?)?)
}

fn stitched(input: Input<'_>) -> Found {
    let (least, scale) = (input.number("v_min")?, input.or("c", 0.0)?);
    at(input, &Boundary::stitched(least, input.or("s", 1.4)?, input.or("eta", 2.0)?, scale)?)
}

fn bernoulli(input: Input<'_>) -> Found {
    let seen = Proportion::from_counts(input.number("successes")?, input.number("trials")?)?;
    let found = bernoulli_sequence(&seen, input.number("t_opt")?, input.alpha()?, alpha(input, "alpha_opt")?)?;
    Ok(json!({"ci": interval(found)}))
}

fn msprt(input: Input<'_>) -> Found {
    let (watch, alpha) = (AlwaysValid::spread(input.number("tau")?)?, input.alpha()?);
    let mut least = SmallestP::default();
    let (mut ln, mut p, mut widths) = (Vec::new(), Vec::new(), Vec::new());
    for look in input.list("looks")? {
        let effect = Evidence::new(look.number("estimate")?, look.number("se")?, 0)?;
        ln.push(watch.ln_e_value(&effect));
        p.push(least.observe(watch.p(&effect)));
        widths.push(watch.half_width(&effect, alpha));
    }
    Ok(json!({"log_lambda": numbers(ln), "p_always_valid": numbers(p), "half_width": numbers(widths)}))
}

fn ratio(input: Input<'_>) -> Found {
    let alpha = input.alpha()?;
    let r = optimal_ratio(alpha);
    Ok(json!({"r": r, "growthbook_r": approximate_ratio(alpha), "z_boundary_at_r": boundary_z(r, alpha)}))
}

fn asymptotic(input: Input<'_>) -> Found {
    let (alpha, star) = (input.alpha()?, input.number("n_star")?);
    let effect = Evidence::new(input.number("estimate")?, input.number("se")?, input.count("n")?)?;
    let watch = AlwaysValid::at(star, approximate_ratio(alpha))?;
    let one_sided = AlwaysValid::at(star, approximate_ratio(Alpha::new(2.0 * alpha.value())?))?;
    Ok(json!({
        "rho": watch.root_per_unit(&effect),
        "half_width": watch.half_width(&effect, alpha),
        "ci": interval(watch.interval(&effect, alpha)),
        "p": watch.p(&effect),
        "half_width_one_sided": one_sided.one_sided_half_width(&effect, alpha),
    }))
}

fn bernstein(input: Input<'_>) -> Found {
    let (numbers_seen, looks) = (input.numbers("x")?, input.counts("t")?);
    let mut watch = EmpiricalBernstein::new(input.alpha()?);
    let mut at = vec![watch.interval()];
    for x in numbers_seen {
        watch.observe(x);
        at.push(watch.interval());
    }
    let looks = looks.into_iter().map(|t| at.get(t as usize).copied().ok_or(Undefined::LengthMismatch));
    let looks = looks.collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"lower": numbers(looks.iter().map(|i| i.low)), "upper": numbers(looks.iter().map(|i| i.high))}))
}

fn hoeffding(input: Input<'_>) -> Found {
    let (best, alpha) = (input.number("t_opt")?, input.alpha()?);
    let looks = input.numbers("sum_at_t")?.into_iter().zip(input.counts("t")?);
    let looks = looks.map(|(sum, t)| hoeffding_sequence(sum, t, best, alpha)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"lower": numbers(looks.iter().map(|i| i.low)), "upper": numbers(looks.iter().map(|i| i.high))}))
}

fn bounds(input: Input<'_>) -> Found {
    let (kind, alpha) = (input.text("type")?, input.alpha()?);
    let spending =
        |spending| Ok::<_, Failed>(GroupSequential::spending(&input.numbers("information")?, spending, alpha)?);
    // More looks than these are refused anyway.
    let equal = |shape| Ok::<_, Failed>(GroupSequential::equal(input.count("looks")? as u32, shape, alpha)?);
    let (plan, equal) = match kind.as_str() {
        "obf" => (equal(Shape::OBrienFleming)?, true),
        "pocock" => (equal(Shape::Pocock)?, true),
        "ld_obf" => (spending(Spending::OBrienFleming)?, false),
        "ld_pocock" => (spending(Spending::Pocock)?, false),
        _ => return Err(Failed::Unread(format!("unknown type `{kind}`"))),
    };
    let mut found = json!({"bounds": numbers(plan.bounds().iter().copied())});
    if equal {
        // Both shapes end at the constant.
        found["c"] = plan.bounds().last().copied().map_or(Value::Null, number);
    } else {
        found["cumulative_alpha"] = numbers(plan.crossing(0.0));
    }
    Ok(found)
}

fn power(input: Input<'_>) -> Found {
    let plan = GroupSequential::with_bounds(&input.numbers("information")?, &input.numbers("bounds")?)?;
    let found = plan.power(input.number("theta")?);
    Ok(json!({
        "power": found.power,
        "expected_information": found.expected_information,
        "inflation_for_80": plan.inflation(0.8, Alpha::USUAL)?,
    }))
}
