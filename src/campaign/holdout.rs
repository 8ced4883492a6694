//! Who is kept out of campaigns, so that what these add can be measured.
//!
//! Somebody who is held out sees what the host shows by default, and is otherwise treated as everybody is: the decision
//! is made, its exposure counts, and its goal pays, under the variant [`HOLDOUT`]. The others less these is what the
//! campaign adds. Who it is follows from a stable hash, apart for each campaign and for all of them together, so that
//! it neither changes from visit to visit nor goes with how a variant is chosen.

use crate::decision::Propensity;
use crate::hash::{Bucket, Symbol, combine};
use crate::id::UserKey;

/// The variant under which those who are held out are counted. No variant of a campaign with a holdout has this name.
pub const HOLDOUT: &str = "holdout";

/// Whether a person is held out, by the campaign's share or by that of all campaigns; and with which probability
/// somebody is.
pub(crate) fn held_out(campaign: Symbol, [own, all]: [f64; 2], user: UserKey) -> Option<Propensity> {
    if own <= 0.0 && all <= 0.0 {
        return None;
    }
    let everywhere = Symbol::new(HOLDOUT);
    let here = Symbol::from_bits(combine(&[campaign.to_bits(), everywhere.to_bits()]));
    let point = |salt| Bucket::salted(salt, &user.to_bytes()).point();
    let is_out = point(everywhere) < all || point(here) < own;
    // Both points are as good as independent.
    let chance = 1.0 - (1.0 - own) * (1.0 - all);
    is_out.then(|| Propensity::new(chance.min(1.0)).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::split;

    /// Over 40,000 people the standard error of a share of 0.28 is 0.0022, of one of 0.1 it is 0.0015; bounds are five
    /// of them.
    #[test]
    fn as_many_are_held_out_as_are_said_and_the_same_ones_everywhere() {
        let (one, other) = (Symbol::new("one"), Symbol::new("other"));
        let (mut out, mut both, mut first) = (0, 0, 0);
        for i in 0..40_000 {
            let user = UserKey::known(&i.to_string());
            let is = |campaign, shares| held_out(campaign, shares, user);
            let here = is(one, [0.2, 0.1]);
            assert!(here.is_none_or(|chance| (chance.value() - 0.28).abs() < 1e-12));
            out += u32::from(here.is_some());
            both += u32::from(is(one, [0.0, 0.1]).is_some() && is(other, [0.0, 0.1]).is_some());
            // A larger share keeps those who are out.
            assert!(here.is_none() || is(one, [0.3, 0.1]).is_some());
            assert!(is(one, [0.0, 0.0]).is_none() && is(one, [1.0, 0.0]).is_some());
            // Which variant somebody would get has nothing to do with it.
            first += u32::from(is(one, [0.2, 0.0]).is_some() && split(&[0.5, 0.5], one, user).unwrap().0 == 0);
        }
        let share = |count: u32| f64::from(count) / 40_000.0;
        assert!((share(out) - 0.28).abs() < 0.011, "{out}");
        assert!((share(both) - 0.1).abs() < 0.0075, "{both}");
        assert!((share(first) - 0.1).abs() < 0.0075, "{first}");
    }
}
