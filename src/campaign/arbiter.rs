//! Which of several campaigns gets a placement, and why the others do not.

use std::cmp::Reverse;

use super::Campaign;

/// The order in which the campaigns of a placement are asked: falling priority, then by name.
pub(crate) fn rank(campaigns: &[Campaign], of: &mut [usize]) {
    of.sort_by(|a, b| {
        let key = |i: &usize| (Reverse(campaigns[*i].priority), campaigns[*i].name.as_str());
        key(a).cmp(&key(b))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn higher_priority_comes_first_and_ties_go_by_name() {
        let campaign = |name: &str, priority| Campaign { priority, ..Campaign::new(name, "home") };
        let campaigns = [campaign("b", 1), campaign("c", 2), campaign("a", 1)];
        let mut order = [0, 1, 2];
        rank(&campaigns, &mut order);
        assert_eq!(order, [1, 2, 0]);
    }
}
