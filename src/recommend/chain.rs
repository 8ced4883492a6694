//! Asks several recommenders in turn, so that the slate is full even where the best of them knows too little.

use super::{Candidate, Query, Recommender, Scratch};

/// Recommenders in the order in which they are asked; each fills what the ones before it left.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Chain, Neighbors, Popular, Query, Recommender, Scratch, Source};
/// use bespoke::time::Timestamp;
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let (neighbors, mut popular) = (Neighbors::default(), Popular::default());
/// popular.learn(Symbol::new("hat"), 1.0, now);
/// let query = Query { history: &[], now, limit: 5, accept: &|_| true, pool: None };
/// let mut slate = Vec::new();
/// Chain(&[&neighbors, &popular]).rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!(slate[0].source, Source::Popular);
/// ```
#[derive(Clone, Copy)]
pub struct Chain<'a>(
    /// The recommenders, first asked first.
    pub &'a [&'a dyn Recommender],
);

impl Recommender for Chain<'_> {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        for recommender in self.0 {
            if slate.len() >= query.limit {
                return;
            }
            recommender.rank(query, scratch, slate);
        }
    }
}
