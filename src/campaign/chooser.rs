//! How a campaign picks one of its variants.

use crate::bandit::BanditSpec;
use crate::decision::{Propensity, Request};
use crate::experiment::{Enrolment, Place};
use crate::hash::{Bucket, Symbol};
use crate::id::UserKey;
use crate::value::Value;

/// How a campaign picks one of its variants: a definition.
#[derive(Clone, Debug, PartialEq)]
pub enum Chooser {
    /// Always the same variant, by index.
    Fixed(usize),
    /// A weighted split by the stable hash of the user under the campaign's name as salt: a user always gets the
    /// same variant, and a changed weight moves as few users as possible. One weight for each variant, not
    /// negative; their sum is one.
    Split(Vec<f64>),
    /// An experiment, each arm of which is a variant of this name: by published hashes of an id of the request, so that
    /// other systems put the same people into the same arms. Who is not in it is left to other campaigns.
    ///
    /// The id is the request's `user` or `anonymous` id where the experiment's unit says so, or else what the request's
    /// context has under the unit's name. A split goes by the person, whatever the ids.
    Experiment(Enrolment),
    /// A bandit that learns which variant pays.
    Bandit(BanditSpec),
}

impl Default for Chooser {
    fn default() -> Self {
        Self::Fixed(0)
    }
}

/// The variant of a weighted split for a user, and its share of all users.
///
/// Variants lie side by side in the order of their definition, each as wide as its weight; the user's bucket falls
/// into one of them.
pub(crate) fn split(weights: &[f64], salt: Symbol, user: UserKey) -> Option<(usize, Propensity)> {
    let point = Bucket::salted(salt, &user.to_bytes()).point();
    let mut end = 0.0;
    let mut chosen = None;
    for (i, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        end += weight;
        // Rounding may leave the last end just below one: the last variant reaches to the edge.
        chosen = Some((i, Propensity::new(weight.min(1.0)).ok()?));
        if point < end {
            break;
        }
    }
    chosen
}

/// Where the one who asks is with respect to an experiment; `None` where the request does not say who that is.
pub(crate) fn place(enrolment: &Enrolment, request: &Request) -> Option<Place> {
    let id = match enrolment.unit() {
        "user" => request.user.as_deref(),
        "anonymous" => request.anonymous.as_deref(),
        other => match request.context.get(other) {
            Some(Value::Text(text)) => Some(&**text),
            _ => None,
        },
    };
    id.map(|id| enrolment.place(id))
}

/// The probability with which a unit that is in an experiment is in this arm.
pub(crate) fn share(enrolment: &Enrolment, arm: usize) -> Option<Propensity> {
    let arms = enrolment.arms();
    let whole: f64 = (0..arms.arms().len()).map(|arm| arms.share(arm)).sum();
    Propensity::new((arms.share(arm) / whole).min(1.0)).ok()
}

/// Whether weights are a distribution over so many variants: none negative, and a sum of one to within a millionth.
pub(crate) fn is_distribution(weights: &[f64], variants: usize) -> bool {
    let sound = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
    weights.len() == variants && sound && (weights.iter().sum::<f64>() - 1.0).abs() < 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over 20,000 users the standard error of a share of 0.3 is 0.0032; the bound is five of them.
    #[test]
    fn users_split_by_weight_and_stay_where_they_are() {
        let salt = Symbol::new("campaign");
        let mut counts = [0_u32; 3];
        let mut moved = 0;
        for i in 0..20_000 {
            let user = UserKey::known(&i.to_string());
            let (arm, propensity) = split(&[0.3, 0.0, 0.7], salt, user).unwrap();
            assert!((propensity.value() - [0.3, 0.0, 0.7][arm]).abs() < 1e-12);
            counts[arm] += 1;
            moved += u32::from(split(&[0.4, 0.0, 0.6], salt, user).unwrap().0 != arm);
        }
        assert!((f64::from(counts[0]) / 20_000.0 - 0.3).abs() < 0.016, "{counts:?}");
        assert_eq!(counts[1], 0);
        // A tenth changes sides, and nobody else.
        assert!((f64::from(moved) / 20_000.0 - 0.1).abs() < 0.011, "{moved}");
    }

    #[test]
    fn weights_must_be_a_distribution() {
        assert!(is_distribution(&[0.1, 0.2, 0.7], 3));
        for bad in [&[0.5, 0.6][..], &[1.5, -0.5], &[f64::NAN, 1.0], &[1.0], &[]] {
            assert!(!is_distribution(bad, 2), "{bad:?}");
        }
    }
}
