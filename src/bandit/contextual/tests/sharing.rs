//! What arms and segments tell each other: partial pooling, and arms that are described.

use super::*;

/// A deviation that is about normal: the sum of twelve uniform ones (Box and Muller's elder).
fn normal(rng: &mut dyn Rng) -> f64 {
    (0..12).map(|_| unit(rng)).sum::<f64>() - 6.0
}

/// Two arms in twelve segments of 4 to 92 trials each, with segment indicators as features; the mean square by which
/// what is expected of each arm in each segment misses the truth, over eight runs: by the model, by each segment's own
/// mean, and by the arm's mean over all segments.
fn misses(between: f64) -> [f64; 3] {
    let mut misses = [0.0; 3];
    for run in 0..8 {
        let mut rng = rng(run);
        let mut policy = Contextual::new(2, 12, Shrunk::default()).unwrap();
        let truth: Vec<[f64; 2]> =
            (0..12).map(|_| [1.0 + between * normal(&mut rng), 1.5 + between * normal(&mut rng)]).collect();
        let (mut own, mut all) = ([[[0.0; 2]; 2]; 12], [[0.0; 2]; 2]);
        for round in 0..92 {
            for segment in (0..12).filter(|segment| round < 4 + 8 * segment) {
                for arm in 0..2 {
                    let mut features = [0.0; 12];
                    features[segment] = 1.0;
                    let pays = truth[segment][arm] + normal(&mut rng);
                    policy.observe(&trial(arm, &features), reward(pays)).unwrap();
                    for sums in [&mut own[segment][arm], &mut all[arm]] {
                        sums[0] += pays;
                        sums[1] += 1.0;
                    }
                }
            }
        }
        for (segment, truth) in truth.iter().enumerate() {
            let mut features = [0.0; 12];
            features[segment] = 1.0;
            for arm in 0..2 {
                let model = policy.expected(arm, &features).unwrap().unwrap().0;
                let mean = |of: [f64; 2]| of[0] / of[1];
                for (miss, found) in misses.iter_mut().zip([model, mean(own[segment][arm]), mean(all[arm])]) {
                    *miss += (found - truth[arm]) * (found - truth[arm]) / 192.0;
                }
            }
        }
    }
    misses
}

/// So a policy for each segment that borrows from the others is this policy with segment indicators as features: where
/// segments differ it misses by less than policies apart and than one for all, and where they do not by less than a
/// fifth of the former.
#[test]
fn segments_as_features_are_pooled_in_part() {
    let [model, apart, together] = misses(0.3);
    assert!(model < 0.8 * apart && model < 0.8 * together, "{model} {apart} {together}");
    let [model, apart, together] = misses(0.0);
    assert!(model < 0.2 * apart, "{model} {apart} {together}");
    let [model, apart, together] = misses(2.0);
    assert!(model < 1.05 * apart && model < 0.1 * together, "{model} {apart} {together}");
}

/// Twenty arms that pay `1 + 2 v − w` and 0.2 more or less, ten trials each.
fn described(are_described: bool) -> Contextual {
    let mut rng = rng(3);
    let traits: Vec<Vec<f64>> = (0..20).map(|_| vec![unit(&mut rng), 1e4 + 10.0 * unit(&mut rng), 7.0]).collect();
    let mut policy = Contextual::new(20, 0, Shrunk::default()).unwrap();
    if are_described {
        policy = policy.described(traits.clone()).unwrap();
    }
    for (arm, of) in traits.iter().enumerate() {
        let mean = worth(of) + 0.2 * normal(&mut rng);
        (0..10).for_each(|_| policy.observe(&trial(arm, &[]), reward(mean + 0.5 * normal(&mut rng))).unwrap());
    }
    policy
}

fn worth(traits: &[f64]) -> f64 {
    1.0 + 2.0 * traits[0] - 0.1 * (traits[1] - 1e4)
}

/// Before it was shown, a new arm is expected to pay what its traits say: within 0.25, as twenty arms that each deviate
/// by 0.2 tell the plane to about 0.2 √(3 / 20) = 0.08, and its own deviation is not known. Without traits it is the
/// mean of all.
#[test]
fn a_new_arm_begins_with_what_its_like_have_earned() {
    let (mut policy, mut plain) = (described(true), described(false));
    for (at, traits) in [[0.9, 10_001.0, 7.0], [0.1, 10_009.0, 7.0], [0.5, 10_005.0, 7.0]].iter().enumerate() {
        policy.add_arm(traits).unwrap();
        plain.add_arm(&[]).unwrap();
        let (found, deviation) = policy.expected(20 + at, &[]).unwrap().unwrap();
        assert!((found - worth(traits)).abs() < 0.25, "{found} {}", worth(traits));
        assert!(deviation > 0.05 && deviation < 1.0, "{deviation}");
        let (middle, _) = plain.expected(20 + at, &[]).unwrap().unwrap();
        assert!((middle - 1.5).abs() < 0.4, "{middle}");
    }
    // What promises is tried at once, what does not is not; without traits what is new comes first.
    let shares = policy.propensities(&turn(23, &[])).unwrap();
    assert!(shares[20] > 0.02 && shares[21] < 1e-3, "{shares:?}");
    assert!(plain.propensities(&turn(23, &[])).unwrap()[21] > 0.3);
    // And its own trials outweigh what was expected.
    (0..400).for_each(|n| policy.observe(&trial(21, &[]), reward(5.0 + 0.1 * f64::from(n % 3))).unwrap());
    assert!((policy.expected(21, &[]).unwrap().unwrap().0 - 5.1).abs() < 0.1);
    let back: Contextual = serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap();
    assert_eq!(back, policy);
}

/// The posterior under given precisions, brute force: all trials of three arms with traits as one linear regression on
/// an arm's own deviation, the common mean and the trait, solved by elimination.
#[test]
fn traits_enter_as_in_one_regression_of_all() {
    let rows = [(0, 1.0), (0, 2.0), (1, 0.5), (1, 4.0), (1, 1.5), (2, 3.0)];
    let mut moments = vec![Moments::new(0); 4];
    rows.iter().for_each(|(arm, pays)| moments[*arm].observe(1.0, &[], *pays));
    let traits = [vec![0.5], vec![-1.5], vec![1.0], vec![2.0]];
    let mut precisions = Precisions::START;
    let (_, _, beliefs) = prior::believe(&moments, &[], &traits, &mut precisions);
    let means = prior::grid(precisions.means);
    // Coefficients: three deviations, the common mean, the weight of the trait.
    let mut matrix = [[0.0; 6]; 5];
    for (at, precision) in [means, means, means, 0.01, means].into_iter().enumerate() {
        matrix[at][at] = precision;
    }
    for (arm, pays) in rows {
        let mut x = [0.0; 5];
        (x[arm], x[3], x[4]) = (1.0, 1.0, traits[arm][0]);
        for row in 0..5 {
            (0..5).for_each(|column| matrix[row][column] += x[row] * x[column]);
            matrix[row][5] += x[row] * pays;
        }
    }
    for pivot in 0..5 {
        let by = matrix[pivot][pivot];
        matrix[pivot].iter_mut().for_each(|cell| *cell /= by);
        for row in (0..5).filter(|row| *row != pivot) {
            let (factor, from) = (matrix[row][pivot], matrix[pivot]);
            matrix[row].iter_mut().zip(from).for_each(|(cell, of)| *cell -= factor * of);
        }
    }
    for (arm, belief) in beliefs.iter().enumerate() {
        let own = if arm < 3 { matrix[arm][5] } else { 0.0 };
        let wanted = own + matrix[3][5] + traits[arm][0] * matrix[4][5];
        assert!((belief.mean[0][0] - wanted).abs() < 1e-12, "{arm}: {} {wanted}", belief.mean[0][0]);
    }
}

#[test]
fn descriptions_that_do_not_fit_are_refused() {
    let fresh = |arms| Contextual::new(arms, 1, Shrunk::default()).unwrap();
    let features = |found, wanted| Err(BanditError::Features { found, wanted });
    assert_eq!(fresh(2).described(vec![vec![1.0]]), features(1, 2));
    assert_eq!(fresh(2).described(vec![vec![1.0], vec![]]), features(0, 1));
    assert_eq!(fresh(1).described(vec![vec![0.0; 65]]), features(65, 64));
    assert!(matches!(fresh(1).described(vec![vec![f64::NAN]]), Err(BanditError::Feature { at: 0, .. })));
    let ridge = Contextual::new(1, 0, LinUcb::default()).unwrap();
    assert_eq!(ridge.described(vec![vec![1.0]]), Err(BanditError::Undescribed));
    let mut policy = fresh(1).described(vec![vec![1.0, 2.0]]).unwrap();
    assert_eq!(policy.add_arm(&[1.0]), Err(BanditError::Features { found: 1, wanted: 2 }));
    policy.add_arm(&[3.0, 2.0]).unwrap();
    assert_eq!((policy.arms(), policy.untried), (2, 2));
    policy.observe(&trial(1, &[0.5]), reward(1.0)).unwrap();
    policy.observe(&trial(1, &[0.7]), reward(2.0)).unwrap();
    // A merge may bring arms of which nothing is told.
    let mut other = fresh(3);
    other.observe(&trial(2, &[0.5]), reward(1.0)).unwrap();
    policy.merge(&other);
    let back: Contextual = serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap();
    assert_eq!(back, policy);
    let shares = policy.propensities(&turn(3, &[0.5])).unwrap();
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}
