//! The name that was probably meant, for messages about mistyped ones.

/// The candidate nearest to a mistyped name by edit distance (with neighbouring letters swapped counting once),
/// if it is near enough to be meant; the first of equals.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if name.len() > 64 {
        return None;
    }
    let limit = 1 + name.chars().count() / 4;
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 96)
        // The distance is at least the difference in length; a letter has one to four bytes.
        .filter(|candidate| candidate.chars().count().abs_diff(name.chars().count()) <= limit)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// The optimal string alignment distance.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (above[j] + 1).min(row[j - 1] + 1).min(above[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_finds_the_one_that_was_meant() {
        let names = ["product_viewed", "product_added", "purchased"];
        assert_eq!(nearest("product_veiwed", names).as_deref(), Some("product_viewed"));
        assert_eq!(nearest("purchsed", names).as_deref(), Some("purchased"));
        assert_eq!(nearest("weather", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(distance("ca", "abc"), 3);
    }
}
