//! What a definition that has not changed, as after a restart, makes of what was learned.

use super::*;

/// Nothing else: the same bytes, and so the same decisions, also between two computations of lagging probabilities, two
/// fits of a regression, and within a step of a budget.
#[test]
fn an_unchanged_definition_leaves_all_as_it_is() {
    for definition in [
        r#"{"thompson": {}}"#,
        r#"{"thompson": {"payoff": "amount"}, "half_life": "10d", "less_is_better": true}"#,
        r#"{"contextual": {}, "budget": {"share": 0.1, "every": "1d"}}"#,
        r#"{"lin_ucb": {}, "half_life_exposures": 400}"#,
        r#"{"logistic": {}, "unpaid": 0.5}"#,
    ] {
        let spec: BanditSpec = serde_json::from_str(definition).unwrap();
        let features = if spec.policy.reads_features() { 2 } else { 0 };
        let mut bandit = Bandit::new(&spec, 3, features).unwrap();
        for n in 0..433_u32 {
            let x = [f64::from(n % 7), f64::from(n * n % 11)];
            let trial = Trial::new(n as usize % 3, now() + Span::minutes(n)).features(&x[..features]);
            bandit.observe(&trial, reward(f64::from(n % 3 % 2))).unwrap();
        }
        let all = [Some(0), Some(1), Some(2)];
        let same = bandit.rearranged(&spec, features, &all).unwrap();
        assert_eq!(same.to_bytes().unwrap(), bandit.to_bytes().unwrap(), "{definition}");
        // Another order of the arms is another matter.
        let turned = bandit.rearranged(&spec, features, &[Some(1), Some(0), Some(2)]).unwrap();
        assert_eq!(turned.tallies()[0], bandit.tallies()[1], "{definition}");
    }
}
