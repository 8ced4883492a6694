//! An order in which every segment comes after those it refers to.

use std::collections::BTreeSet;

/// Puts nodes behind all that they refer to, the lowest index first among those that could come next.
///
/// `refers[i]` lists the nodes that node `i` refers to. Cost: `O((n + m) log n)`, without recursion.
///
/// # Errors
/// The nodes of one circle in the order of their references, if there is one.
pub(crate) fn order(refers: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut missing: Vec<usize> = refers.iter().map(Vec::len).collect();
    let mut referred: Vec<Vec<usize>> = vec![Vec::new(); refers.len()];
    for (from, to) in refers.iter().enumerate().flat_map(|(from, to)| to.iter().map(move |to| (from, *to))) {
        referred[to].push(from);
    }
    let mut ready: BTreeSet<usize> = (0..refers.len()).filter(|i| missing[*i] == 0).collect();
    let mut order = Vec::with_capacity(refers.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for from in &referred[next] {
            missing[*from] -= 1;
            if missing[*from] == 0 {
                ready.insert(*from);
            }
        }
    }
    if order.len() == refers.len() { Ok(order) } else { Err(circle(refers, &missing)) }
}

/// Follows references among the nodes that could not be placed until one comes back.
fn circle(refers: &[Vec<usize>], missing: &[usize]) -> Vec<usize> {
    let mut path = Vec::new();
    let mut at = missing.iter().position(|missing| *missing > 0).unwrap_or(0);
    let mut seen = vec![usize::MAX; refers.len()];
    while seen[at] == usize::MAX {
        seen[at] = path.len();
        path.push(at);
        // Every node that could not be placed refers to another such node.
        let Some(next) = refers[at].iter().find(|next| missing[**next] > 0) else { break };
        at = *next;
    }
    path.split_off(seen[at].min(path.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_first() {
        assert_eq!(order(&[vec![2], vec![0], vec![], vec![1, 2]]), Ok(vec![2, 0, 1, 3]));
    }

    #[test]
    fn a_circle_is_named_in_order() {
        assert_eq!(order(&[vec![1], vec![2, 3], vec![1], vec![]]), Err(vec![1, 2]));
        assert_eq!(order(&[vec![0]]), Err(vec![0]));
    }

    #[test]
    fn ten_thousand_segments_in_one_circle_take_no_stack() {
        let refers: Vec<Vec<usize>> = (0..10_000).map(|i| vec![(i + 1) % 10_000]).collect();
        assert_eq!(order(&refers).unwrap_err().len(), 10_000);
    }
}
