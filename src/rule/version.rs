//! Versions in the order of GrowthBook's SDKs, which is that of Semantic Versioning 2.0 for well-formed ones.
//!
//! A leading `v` and everything from `+` on are dropped, the rest is cut at `.` and `-`. Three parts sort behind the
//! same three with more (a release behind its pre-releases), numbers by their size up to five digits, and
//! everything else by its bytes.

use std::cmp::Ordering;

/// A version in a form whose bytes sort as the versions do.
pub(crate) fn padded(version: &str) -> impl Iterator<Item = u8> + '_ {
    let version = if version.is_empty() { "0" } else { version };
    let version = version.strip_prefix('v').unwrap_or(version);
    // `.` does not match the end of a line in the SDKs' pattern, but no version has one.
    let version = version.split_once('+').map_or(version, |(kept, _)| kept);
    let parts = || version.split(['.', '-']);
    let is_release = parts().count() == 3;
    let padded = parts().enumerate().flat_map(|(i, part)| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let spaces = if is_number { WIDTH.saturating_sub(part.len()) } else { 0 };
        let between = usize::from(i > 0);
        std::iter::repeat_n(b'-', between).chain(std::iter::repeat_n(b' ', spaces)).chain(part.bytes())
    });
    // `~` sorts behind everything that a pre-release begins with.
    padded.chain(b"-~".iter().copied().take(if is_release { 2 } else { 0 }))
}

/// How a version compares with one that is padded already.
pub(crate) fn compare(version: &str, padded_version: &[u8]) -> Ordering {
    padded(version).cmp(padded_version.iter().copied())
}

/// Numbers are filled up to this many digits.
const WIDTH: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_as_semantic_versioning_says() {
        // The order of the example in section 11 of Semantic Versioning 2.0.0.
        let sorted = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "2.0.0",
            "2.1.0",
            "2.1.1",
            "2.10.0",
        ];
        for pair in sorted.windows(2) {
            let high: Vec<u8> = padded(pair[1]).collect();
            assert_eq!(compare(pair[0], &high), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], &high), Ordering::Equal);
        }
        assert!(padded("v1.2.3+build.7").eq(padded("1.2.3")));
    }
}
