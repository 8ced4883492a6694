//! Special functions and distributions, and hashes.

use bespoke::experiment::{fnv1a_32, fnv1a_64, murmur3_32, murmur3_128};
use bespoke::stats::{
    digamma, gamma_lower_quantile, hypergeometric, inverse_erf, inverse_erfc, lambert_lower, ln_beta, ln_gamma,
    normal_lower_tail, normal_quantile, normal_upper_quantile, normal_upper_tail, regularized_beta, regularized_gamma,
    student_upper_quantile, student_upper_tail,
};
use serde_json::json;

use super::input::{Input, number};
use super::tests::beta;
use super::{Failed, Found};

pub(crate) fn answer(kind: &str, input: Input<'_>) -> Option<Found> {
    Some(match kind {
        "special" => special(input),
        "fnv1a32" | "fnv1a64" | "murmur3_x86_32" | "murmur3_x64_128" => hash(kind, input),
        _ => return None,
    })
}

fn special(input: Input<'_>) -> Found {
    let (name, args) = (input.text("fn")?, input.numbers("args")?);
    let value = match (name.as_str(), args.as_slice()) {
        ("norm_cdf", [z]) => Some(normal_lower_tail(*z)),
        ("norm_sf", [z]) => Some(normal_upper_tail(*z)),
        ("norm_ppf", [p]) => Some(normal_quantile(*p)),
        ("norm_isf", [p]) => Some(normal_upper_quantile(*p)),
        ("erf", [x]) => Some(regularized_gamma(0.5, x * x).lower.copysign(*x)),
        ("erfc", [x]) => Some(2.0 * normal_upper_tail(x * core::f64::consts::SQRT_2)),
        ("erfinv" | "erf_inv", [y]) => Some(inverse_erf(*y)),
        ("erfcinv" | "erfc_inv", [y]) => Some(inverse_erfc(*y)),
        ("beta_inc" | "beta_cdf", [a, b, x]) => Some(regularized_beta(*a, *b, *x).lower),
        ("beta_sf", [a, b, x]) => Some(regularized_beta(*a, *b, *x).upper),
        ("beta_ppf", [p, a, b]) => Some(beta(*a, *b)?.quantile(*p)),
        ("gamma_inc" | "gamma_p", [a, x]) => Some(regularized_gamma(*a, *x).lower),
        ("gamma_incc" | "gamma_q", [a, x]) => Some(regularized_gamma(*a, *x).upper),
        ("gamma_ppf", [p, a]) => Some(gamma_lower_quantile(*a, *p)),
        ("t_sf", [t, freedom]) => Some(student_upper_tail(*t, *freedom)),
        ("t_cdf", [t, freedom]) => Some(student_upper_tail(-t, *freedom)),
        ("t_ppf", [p, freedom]) => Some(-student_upper_quantile(*p, *freedom)),
        ("chi2_sf", [x, freedom]) => Some(regularized_gamma(0.5 * freedom, 0.5 * x).upper),
        ("chi2_cdf", [x, freedom]) => Some(regularized_gamma(0.5 * freedom, 0.5 * x).lower),
        ("chi2_ppf", [p, freedom]) => Some(2.0 * gamma_lower_quantile(0.5 * freedom, *p)),
        ("ln_gamma", [x]) => Some(ln_gamma(*x)),
        ("digamma", [x]) => Some(digamma(*x)),
        ("ln_beta", [a, b]) => Some(ln_beta(*a, *b)),
        ("hyp2f1", [a, b, c, z]) => hypergeometric(*a, *b, *c, *z),
        ("lambert_w_m1", [x]) => lambert_lower(*x),
        _ => return Err(Failed::Unread(format!("unknown function `{name}` of {} numbers", args.len()))),
    };
    Ok(json!({"value": value.map_or(serde_json::Value::Null, number)}))
}

fn hash(kind: &str, input: Input<'_>) -> Found {
    let text = input.text("text")?;
    let bytes = text.as_bytes();
    // Seeds have 32 bits.
    let seed = input.or("seed", 0.0)? as u32;
    Ok(match kind {
        "fnv1a32" => json!({"hash": fnv1a_32(bytes)}),
        "fnv1a64" => json!({"hash": fnv1a_64(bytes).to_string()}),
        "murmur3_x86_32" => json!({"hash": murmur3_32(bytes, seed)}),
        _ => {
            let (low, high) = murmur3_128(bytes, seed);
            json!({"hash": [low.to_string(), high.to_string()]})
        }
    })
}
