//! Arms compared: lifts, ratios, covariates, balance, beliefs, segments, ideas, assignment.

use bespoke::experiment::{
    Adjusted, Arm, Balance, BalanceWatch, BucketHash, BucketRange, EventRate, Heterogeneity, NonInferiority,
    Opportunity, Posterior, Prior, QuantileRanks, Rank, RateComparison, as_lift, difference, fieller, log_ratio,
    post_stratified, relative_lift,
};
use bespoke::stats::{Alpha, Evidence, JointMoments, Undefined, best_rates};
use serde_json::{Value, json};

use super::input::{Input, interval, number, numbers};
use super::tests::{beta, pair};
use super::{Failed, Found};

pub(crate) fn answer(kind: &str, input: Input<'_>) -> Option<Found> {
    Some(match kind {
        "relative_lift" => lift(input),
        "non_inferiority" => non_inferiority(input),
        "ratio_metric" => ratio(input),
        "cuped" => cuped(input),
        "cuped_ratio" => cuped_ratio(input),
        "post_stratified" => stratified(input),
        "quantile_ci" => quantile_ranks(input),
        "quantile_effect" => quantile(input),
        "srm_chi_square" => srm(input),
        "srm_sequential" => srm_watch(input),
        "beta_binomial_ab" => rates(input),
        "beta_best_arm" => best(input),
        "gaussian_best_arm" => best_means(input),
        "gamma_poisson_ab" => event_rates(input),
        "gaussian_bayes" => posterior(input),
        "segment_heterogeneity" => heterogeneity(input),
        "opportunity" => opportunity(input),
        "growthbook_hash" => bucket(input),
        "bucket_ranges" => ranges(input),
        "uniformity" => uniformity(input),
        _ => return None,
    })
}

fn arms(input: Input<'_>) -> Result<(Arm, Arm), Failed> {
    let of = |n, mean, var| Ok::<_, Failed>(Arm::new(input.count(n)?, input.number(mean)?, input.number(var)?)?);
    Ok((of("n_a", "mean_a", "var_a")?, of("n_b", "mean_b", "var_b")?))
}

fn lift(input: Input<'_>) -> Found {
    let ((a, b), alpha) = (arms(input)?, input.alpha()?);
    let found = relative_lift(&a, &b)?;
    let ratio = log_ratio(&a, &b).ok().map(|ratio| as_lift(ratio.interval(alpha)));
    Ok(json!({
        "lift": found.estimate(),
        "se": found.error(),
        "ci_z": interval(found.normal().interval(alpha)),
        "p_z": found.normal().p(),
        "df": number(found.freedom()),
        "ci_t": interval(found.interval(alpha)),
        "p_t": found.p(),
        "ci_log_ratio": ratio.map(interval),
        "ci_fieller": fieller(&a, &b, alpha)?.map(interval),
    }))
}

fn non_inferiority(input: Input<'_>) -> Found {
    let (a, b) = arms(input)?;
    let margin = match input.has("margin_abs") {
        true => input.number("margin_abs")?,
        false => input.number("margin_rel")? * a.value(),
    };
    let found = NonInferiority::new(&difference(&a, &b)?, margin, input.alpha()?)?;
    Ok(json!({"z": found.z, "p": found.p, "lower": found.lower, "non_inferior": found.holds}))
}

fn ratio(input: Input<'_>) -> Found {
    let of = |arm: Input<'_>| {
        let (m, d) = (arm.number("sum_m")?, arm.number("sum_d")?);
        let products = [[arm.number("sum_m2")?, 0.0], [arm.number("sum_md")?, arm.number("sum_d2")?]];
        Ok::<_, Failed>(Arm::ratio(&JointMoments::from_sums(arm.number("n")?, [m, d], products)?)?)
    };
    let (a, b, alpha) = (of(input.at("a"))?, of(input.at("b"))?, input.alpha()?);
    let found = difference(&a, &b)?.normal();
    let lift = relative_lift(&a, &b)?.normal();
    Ok(json!({
        "ratio_a": a.value(), "var_a": a.variance(), "ratio_b": b.value(), "var_b": b.variance(),
        "diff": found.estimate(),
        "se": found.error(),
        "p_z": found.p(),
        "lift": lift.estimate(),
        "se_lift": lift.error(),
        "ci_lift_z": interval(lift.interval(alpha)),
    }))
}

fn cuped(input: Input<'_>) -> Found {
    let of = |arm: Input<'_>| {
        let sums = [arm.number("sum_y")?, arm.number("sum_x")?];
        let products = [[arm.number("sum_y2")?, 0.0], [arm.number("sum_xy")?, arm.number("sum_x2")?]];
        Ok::<_, Failed>(JointMoments::from_sums(arm.number("n")?, sums, products)?)
    };
    let found = Adjusted::mean(&of(input.at("a"))?, &of(input.at("b"))?)?;
    Ok(json!({
        "theta": found.theta,
        "adj_mean_a": found.control.value(), "adj_mean_b": found.treatment.value(),
        "adj_var_a": found.control.variance(), "adj_var_b": found.treatment.variance(),
        "diff": found.difference.estimate(),
        "se": found.difference.error(),
        "df": number(found.difference.freedom()),
        "p": found.difference.p(),
        "lift": found.lift.map(|lift| lift.estimate()),
        "se_lift": found.lift.map(|lift| lift.error()),
        "variance_reduction": found.variance_reduction,
    }))
}

fn cuped_ratio(input: Input<'_>) -> Found {
    let of = |arm: Input<'_>| {
        let names = ["m_post", "d_post", "m_pre", "d_pre"];
        let (mut sums, mut products) = ([0.0; 4], [[0.0; 4]; 4]);
        for (i, name) in names.iter().enumerate() {
            sums[i] = arm.number(&format!("sum_{name}"))?;
            products[i][i] = arm.number(&format!("sumsq_{name}"))?;
            for (j, other) in names.iter().enumerate().take(i) {
                let (one, two) = (format!("sumprod_{other}_{name}"), format!("sumprod_{name}_{other}"));
                products[i][j] = arm.number(if arm.has(&one) { &one } else { &two })?;
            }
        }
        Ok::<_, Failed>(JointMoments::from_sums(arm.number("n")?, sums, products)?)
    };
    let found = Adjusted::ratio(&of(input.at("a"))?, &of(input.at("b"))?)?;
    let lift = found.lift.ok_or(Undefined::ZeroBaseline)?;
    Ok(json!({
        "theta": found.theta,
        "lift": lift.estimate(),
        "se_lift": lift.error(),
        "p": lift.p(),
        "ci": interval(lift.interval(input.alpha()?)),
        "diff": found.difference.estimate(),
        "se_diff": found.difference.error(),
    }))
}

fn stratified(input: Input<'_>) -> Found {
    let strata = input.list("cells")?.into_iter().map(arms).collect::<Result<Vec<_>, _>>()?;
    let found = post_stratified(&strata)?;
    Ok(json!({"diff": found.estimate(), "se": found.error(), "p": found.p()}))
}

fn quantile_ranks(input: Input<'_>) -> Found {
    let found = QuantileRanks::new(input.count("n")?, input.number("q")?, input.alpha()?)?;
    Ok(json!({"lower_rank": found.low, "upper_rank": found.high, "exact_coverage": found.coverage}))
}

fn quantile(input: Input<'_>) -> Found {
    let of = |arm: Input<'_>| {
        let (value, low, high) = (arm.number("quantile")?, arm.number("lower")?, arm.number("upper")?);
        Ok::<_, Failed>(Arm::quantile(arm.count("n")?, arm.count("n_star")?, value, low, high)?)
    };
    let (a, b) = (of(input.at("a"))?, of(input.at("b"))?);
    let found = difference(&a, &b)?;
    let lift = relative_lift(&a, &b)?;
    let belief = Posterior::new(&found, None);
    Ok(json!({
        "diff": belief.mean,
        "se": belief.deviation,
        "ci": interval(belief.interval(input.alpha()?)),
        "lift": lift.estimate(),
        "se_lift": lift.error(),
    }))
}

fn srm(input: Input<'_>) -> Found {
    let found = Balance::new(&input.counts("observed")?, &input.numbers("weights")?)?;
    Ok(json!({"chi2": found.chi_square, "df": found.freedom, "p": found.p}))
}

fn srm_watch(input: Input<'_>) -> Found {
    let concentration = input.or("concentration", BalanceWatch::CONCENTRATION)?;
    let mut watch = BalanceWatch::concentrated(&input.numbers("weights")?, concentration)?;
    let (mut factors, mut p) = (Vec::new(), Vec::new());
    for look in input.list("cumulative_counts")? {
        let counts = Input(&json!({"counts": look.0})).counts("counts")?;
        factors.push(watch.ln_bayes_factor(&counts)?);
        p.push(watch.observe(&counts)?);
    }
    Ok(json!({"log_bf": numbers(factors), "p_always_valid": numbers(p)}))
}

fn rates(input: Input<'_>) -> Found {
    let (a, b) = pair(input)?;
    let (prior_a, prior_b) = (input.or("prior_alpha", 1.0)?, input.or("prior_beta", 1.0)?);
    let of = |seen: bespoke::stats::Proportion| {
        let (x, n) = (seen.successes(), seen.trials());
        beta(prior_a + x as f64, prior_b + (n - x) as f64)
    };
    let (a, b) = (of(a)?, of(b)?);
    let (found, alpha) = (RateComparison::new(&a, &b), Alpha::USUAL);
    Ok(json!({
        "prob_b_better": found.treatment_better,
        "expected_loss_b": found.loss_of_treatment,
        "expected_loss_a": found.loss_of_control,
        "mean_a": a.mean(), "mean_b": b.mean(),
        "ci_a": interval(a.interval(alpha)), "ci_b": interval(b.interval(alpha)),
    }))
}

fn best(input: Input<'_>) -> Found {
    let mut rates = Vec::new();
    for arm in input.list("arms")? {
        let arm = Input(&json!({"arm": arm.0})).numbers("arm")?;
        let [a, b] = arm.as_slice() else { return Err(Failed::Unread("an arm has two parameters".into())) };
        rates.push(beta(*a, *b)?);
    }
    Ok(json!({"prob_best": numbers(best_rates(&rates))}))
}

fn best_means(input: Input<'_>) -> Found {
    let pairs = input.numbers("means")?.into_iter().zip(input.numbers("sds")?);
    let arms: Vec<Posterior> = pairs.map(|(mean, deviation)| Posterior { mean, deviation }).collect();
    let ranks = Rank::of(&arms)?;
    Ok(json!({
        "prob_best": numbers(ranks.iter().map(|rank| rank.best)),
        "prob_second": numbers(ranks.iter().map(|rank| rank.second)),
    }))
}

fn event_rates(input: Input<'_>) -> Found {
    let (shape, rate) = (input.number("prior_shape")?, input.number("prior_rate")?);
    let of = |events, exposure| {
        Ok::<_, Failed>(EventRate::new(shape + input.number(events)?, rate + input.number(exposure)?)?)
    };
    let (a, b) = (of("events_a", "exposure_a")?, of("events_b", "exposure_b")?);
    Ok(json!({"prob_b_better": EventRate::treatment_better(&a, &b), "mean_a": a.mean(), "mean_b": b.mean()}))
}

fn posterior(input: Input<'_>) -> Found {
    let effect = Evidence::new(input.number("estimate")?, input.number("se")?, 0)?;
    let proper = input.0["proper"].as_bool().unwrap_or_else(|| input.has("prior_variance"));
    let prior = match proper {
        true => Some(Prior::new(input.or("prior_mean", 0.0)?, input.number("prior_variance")?)?),
        false => None,
    };
    let found = Posterior::new(&effect, prior);
    Ok(json!({
        "mean": found.mean,
        "sd": found.deviation,
        "chance_to_win": found.chance_to_win(),
        "ci": interval(found.interval(input.alpha()?)),
        "risk_control": found.loss_of_control(),
        "risk_treatment": found.loss_of_treatment(),
    }))
}

fn heterogeneity(input: Input<'_>) -> Found {
    let (effects, errors) = (input.numbers("effect")?, input.numbers("se")?);
    if effects.len() != errors.len() {
        return Err(Undefined::LengthMismatch.into());
    }
    let segments = effects.into_iter().zip(errors).map(|(effect, error)| Evidence::new(effect, error, 0));
    let found = Heterogeneity::new(&segments.collect::<Result<Vec<_>, _>>()?)?;
    Ok(json!({
        "pooled": found.pooled.estimate(),
        "se": found.pooled.error(),
        "q": found.q,
        "df": found.freedom,
        "p": found.p,
        "i2": found.i_squared,
    }))
}

fn opportunity(input: Input<'_>) -> Found {
    let worth = Opportunity {
        segment_size: input.number("segment_size")?,
        reach: input.number("reach")?,
        baseline_rate: input.number("baseline_rate")?,
        relative_lift: input.number("relative_lift")?,
        lift_error: input.or("lift_sd", 0.0)?,
        value_per_conversion: input.number("value_per_conversion")?,
        success_probability: input.or("success_probability", 1.0)?,
        days: input.number("implementation_days")?,
        cost: input.or("cost", 0.0)?,
    }
    .worth()?;
    Ok(json!({
        "incremental_conversions": worth.conversions,
        "value": worth.value,
        "expected_value": worth.expected,
        "score": worth.score,
        "roi": worth.roi,
        "value_sd": worth.value_error,
        "prob_pays": worth.pays,
    }))
}

fn bucket(input: Input<'_>) -> Found {
    let (seed, value) = (input.text("seed")?, input.text("value")?);
    let hash = input.0["version"].as_i64().and_then(BucketHash::growthbook);
    Ok(json!({"bucket": hash.map(|hash| hash.bucket(&seed, &value))}))
}

fn cut(input: Input<'_>) -> Result<Vec<BucketRange>, Failed> {
    // Variations are few.
    let variations = input.count("variations")? as usize;
    let weights = if input.has("weights") { Some(input.numbers("weights")?) } else { None };
    Ok(BucketRange::of(variations, input.or("coverage", 1.0)?, weights.as_deref())?)
}

fn ranges(input: Input<'_>) -> Found {
    let ranges = cut(input)?;
    let points = if input.has("h") { input.numbers("h")? } else { Vec::new() };
    let chosen = points.into_iter().map(|h| BucketRange::choose(&ranges, h).map_or(-1, |at| at as i64));
    let ends: Vec<Value> = ranges.iter().map(|range| numbers([range.low, range.high])).collect();
    Ok(json!({"ranges": ends, "choose": chosen.collect::<Vec<i64>>()}))
}

fn uniformity(input: Input<'_>) -> Found {
    let (prefix, seed, variations) = (input.text("prefix")?, input.text("seed")?, input.count("k")? as usize);
    let ranges = BucketRange::of(variations, 1.0, None)?;
    let mut counts = vec![0; variations];
    for i in 0..input.count("n")? {
        let bucket = BucketHash::GrowthBookV2.bucket(&seed, &format!("{prefix}{i}"));
        if let Some(at) = BucketRange::choose(&ranges, bucket) {
            counts[at] += 1;
        }
    }
    let p = Balance::new(&counts, &vec![1.0; variations])?.p;
    Ok(json!({"counts": counts, "p": p}))
}
