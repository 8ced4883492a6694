//! The budget of change, of policies with features.

use super::*;

fn distance(a: &[f64], b: &[f64]) -> f64 {
    0.5 * a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>()
}

/// Eight days of 200 choices each. The features say which of two arms pays, and a third one hardly does. Gives for each
/// day the mean shares, and the mean distance of a choice's shares from them.
fn days(spec: &str, watch: bool) -> Vec<(Vec<f64>, f64)> {
    let spec: BanditSpec = serde_json::from_str(spec).unwrap();
    let mut bandit = Bandit::new(&spec, 3, 1).unwrap();
    let share = spec.guards.budget.map_or(1.0, |budget| budget.share);
    let mut rng = SplitMix(5);
    let mut unit = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut days: Vec<(Vec<f64>, f64)> = Vec::new();
    for day in 0..8_u32 {
        let before = days.last().map_or(vec![1.0 / 3.0; 3], |(mean, _)| mean.clone());
        let (mut sum, mut all) = (vec![0.0; 3], Vec::new());
        for n in 0..200_u32 {
            let features = [f64::from(u8::from(unit() < 0.5))];
            let at = now() + Span::days(day) + Span::seconds(n);
            let shares = bandit.propensities(&Turn::new(Arms::first(3), at).features(&features)).unwrap();
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9 && shares.iter().all(|share| *share >= 0.0));
            sum.iter_mut().zip(&shares).for_each(|(sum, share)| *sum += share);
            let mean: Vec<f64> = sum.iter().map(|sum| sum / f64::from(n + 1)).collect();
            assert!(!watch || distance(&mean, &before) <= share + 1e-9, "{day} {n}: {mean:?} {before:?}");
            let mut from = unit();
            let arm = shares
                .iter()
                .position(|share| {
                    from -= share;
                    from < 0.0
                })
                .unwrap_or(2);
            let rate = match arm {
                2 => 0.1,
                arm if (arm == 1) == (features[0] > 0.5) => 0.7,
                _ => 0.2,
            };
            let trial = Trial::new(arm, at).features(&features);
            bandit.observe(&trial, reward(f64::from(u8::from(unit() < rate)))).unwrap();
            all.push(shares);
            if n == 77 {
                bandit = serde_json::from_str(&serde_json::to_string(&bandit).unwrap()).unwrap();
            }
        }
        let mean: Vec<f64> = sum.iter().map(|sum| sum / 200.0).collect();
        let apart = all.iter().map(|shares| distance(shares, &mean)).sum::<f64>() / 200.0;
        days.push((mean, apart));
    }
    days
}

/// At every choice of a day the mean shares so far lie within the budget of the day before, while single requests
/// differ by far more; the arm that hardly pays is given up within days, where it took one without a budget.
#[test]
fn with_features_the_mean_of_a_step_moves_by_no_more_than_the_budget() {
    for policy in [r#""contextual": {}"#, r#""lin_ucb": {}"#, r#""logistic": {}"#] {
        let held = days(&format!(r#"{{{policy}, "floor": 0.05, "budget": {{"share": 0.1, "every": "1d"}}}}"#), true);
        assert!(held[0].0[2] > 0.2 && held[7].0[2] < 0.12, "{policy}: {held:?}");
        assert!(held[7].1 > 0.25, "{policy}: requests have shares of their own: {held:?}");
        let free = days(&format!(r#"{{{policy}, "floor": 0.05}}"#), false);
        assert!(distance(&free[0].0, &[1.0 / 3.0; 3]) > 0.15, "{policy}: {free:?}");
    }
}
