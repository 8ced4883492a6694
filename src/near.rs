//! The name that was probably meant, for messages about mistyped ones.

/// The candidate nearest to a mistyped name by edit distance (with neighbouring letters swapped counting once),
/// if it is near enough to be meant; the first of equals.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if name.len() > 64 {
        return None;
    }
    let limit = 1 + name.chars().count() / 4;
    let letters = Letters::of(name);
    // A hint is not worth a long search among names that somebody may have made to be alike.
    let (mut read, mut work) = (0, 0);
    candidates
        .into_iter()
        .take_while(|candidate| {
            read += candidate.len();
            read <= MOST_READ
        })
        .filter(|candidate| candidate.len() <= 96)
        .filter(|candidate| letters.least_distance(&Letters::of(candidate)) <= limit)
        .take_while(|candidate| {
            work += name.len() * candidate.len();
            work <= MOST_WORK
        })
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// How often each letter is there, in classes: what tells most names apart at once. Nothing for names beyond ASCII.
struct Letters(Option<[u8; 32]>);

impl Letters {
    fn of(name: &str) -> Self {
        let mut letters = [0; 32];
        for byte in name.bytes() {
            // Upper and lower case share a class. Names here have at most 96 bytes.
            letters[usize::from(byte % 32)] += 1;
        }
        Self(name.is_ascii().then_some(letters))
    }

    /// A distance that is not above the real one: a change of a letter takes it from one class to another.
    fn least_distance(&self, other: &Self) -> usize {
        let (Some(a), Some(b)) = (&self.0, &other.0) else { return 0 };
        let more: usize = a.iter().zip(b).map(|(a, b)| usize::from(a.saturating_sub(*b))).sum();
        let less: usize = a.iter().zip(b).map(|(a, b)| usize::from(b.saturating_sub(*a))).sum();
        more.max(less)
    }
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

/// How many bytes of names are looked at for one hint.
const MOST_READ: usize = 100_000;
/// How many pairs of letters are compared for one hint.
const MOST_WORK: usize = 200_000;

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
        for (a, b) in [("ca", "abc"), ("kitten", "sitting"), ("", "x"), ("aab", "baa")] {
            assert!(Letters::of(a).least_distance(&Letters::of(b)) <= distance(a, b));
        }
    }
}
