//! Two samples compared by ranks (Wilcoxon, 1945; Mann and Whitney, "On a test of whether one of two random variables
//! is stochastically larger than the other", 1947), which no heavy tail disturbs.

/// The rank of each number among all, from 1; equal numbers share the mean of their ranks.
///
/// ```
/// assert_eq!(bespoke::stats::mid_ranks(&[5.0, 1.0, 5.0, 9.0]), [2.5, 1.0, 2.5, 4.0]);
/// ```
#[must_use]
pub fn mid_ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut before = 0;
    for equal in order.chunk_by(|a, b| numbers[*a].total_cmp(&numbers[*b]).is_eq()) {
        // Samples are far smaller than 2^53.
        let rank = before as f64 + 0.5 * (equal.len() + 1) as f64;
        equal.iter().for_each(|place| ranks[*place] = rank);
        before += equal.len();
    }
    ranks
}

/// By how many standard errors the ranks of some exceed what chance gives; `None` if one side is empty, or all ranks
/// are equal. With ten or more on each side it is close to a standard normal number if there is no difference; ties
/// are accounted for.
///
/// `ranks` are those of everybody, as [`mid_ranks`] gives them, each with whether it is one of those asked about.
///
/// ```
/// use bespoke::stats::{mid_ranks, rank_sum};
/// // R: wilcox.test(c(1.1, 2.2, 3.3, 4.4), c(2.5, 3.5, 4.5, 5.5, 6.5), exact = FALSE, correct = FALSE) has W = 3.
/// let ranks = mid_ranks(&[1.1, 2.2, 3.3, 4.4, 2.5, 3.5, 4.5, 5.5, 6.5]);
/// let z = rank_sum(ranks.iter().enumerate().map(|(place, rank)| (*rank, place < 4))).unwrap();
/// assert!((z - (3.0 - 10.0) / (4.0_f64 * 5.0 * 10.0 / 12.0).sqrt()).abs() < 1e-12);
/// ```
#[must_use]
pub fn rank_sum(ranks: impl IntoIterator<Item = (f64, bool)>) -> Option<f64> {
    let (mut all, mut ours) = (super::Moments::default(), super::Moments::default());
    for (rank, is_ours) in ranks {
        all.observe(rank);
        if is_ours {
            ours.observe(rank);
        }
    }
    let (n, of) = (all.count() as f64, ours.count() as f64);
    // Drawing without putting back: the variance of a mean of `of` among `n`.
    let variance = all.variance() / of * (n - of) / n;
    (ours.count() > 0 && ours.count() < all.count() && variance > 0.0)
        .then(|| (ours.mean() - all.mean()) / libm::sqrt(variance))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With ties the variance is `n m / 12 ((N + 1) - Σ (t³ - t) / (N (N - 1)))` (Lehmann, "Nonparametrics", 1975).
    #[test]
    fn ties_are_accounted_for_as_in_the_textbook() {
        let numbers = [0.0, 0.0, 0.0, 3.0, 7.0, 0.0, 0.0, 3.0, 9.0, 9.0];
        let ranks = mid_ranks(&numbers);
        let z = rank_sum(ranks.iter().enumerate().map(|(place, rank)| (*rank, place < 4))).unwrap();
        let ties: f64 = [5.0_f64, 2.0, 2.0].iter().map(|t| t * t * t - t).sum();
        let variance: f64 = 4.0 * 6.0 / 12.0 * (11.0 - ties / 90.0);
        // Ranks: five zeros share 3, two threes share 6.5.
        let sum = 3.0 * 3.0 + 6.5;
        assert!((z - (sum - 4.0 * 5.5) / variance.sqrt()).abs() < 1e-12);
        assert_eq!(rank_sum([(1.0, true), (1.0, false)]), None);
        assert_eq!(rank_sum([(1.0, true), (2.0, true)]), None);
    }
}
