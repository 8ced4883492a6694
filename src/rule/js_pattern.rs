//! Regular expressions as JavaScript writes them, turned into those of [`Pattern`].
//!
//! Both agree but for corners: what stands for itself without a backslash, some escapes, white space, the ends of
//! lines, and empty classes. Look-around and references back to groups, which take more than linear time, are told
//! apart from what is no pattern at all.

use super::pattern::{Pattern, PatternError};

/// Why a pattern was not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// JavaScript would not take it either.
    Invalid,
    /// JavaScript takes it.
    Unsupported(PatternError),
}

/// Reads a pattern without flags, or with the flag `i`.
pub(crate) fn read(text: &str, ignoring_case: bool) -> Result<Pattern, Refusal> {
    Pattern::new(&translate(text)?, ignoring_case).map_err(|error| match error {
        PatternError::Invalid(_) if !is_too_large(&error) => Refusal::Invalid,
        error => Refusal::Unsupported(error),
    })
}

/// The library tells its errors apart by their text alone.
fn is_too_large(error: &PatternError) -> bool {
    let text = error.to_string();
    ["limit", "nesting", "look-around", "backreferences", "too many"].iter().any(|word| text.contains(word))
}

fn translate(text: &str) -> Result<String, Refusal> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut class = None;
    let mut repeated = false;
    while let Some(c) = rest.next() {
        // What stands behind a `(?` says what kind of group it is.
        if c == '(' && class.is_none() && rest.next_if_eq(&'?').is_some() {
            out.push_str("(?");
            repeated = false;
            continue;
        }
        // How often a thing comes is said once, here and there; the library would take it twice.
        let repeats = class.is_none() && ("*+?".contains(c) || c == '{' && quantifier(rest.clone()).is_some());
        if repeats && repeated {
            return Err(Refusal::Invalid);
        }
        match (c, class) {
            ('\\', _) => escape(&mut rest, class.is_some(), &mut out)?,
            ('[', None) => {
                let negated = rest.next_if_eq(&'^').is_some();
                if rest.next_if_eq(&']').is_some() {
                    // Nothing at all, or everything.
                    out.push_str(if negated { "[\\s\\S]" } else { "[^\\s\\S]" });
                } else {
                    out.push_str(if negated { "[^" } else { "[" });
                    class = Some(());
                }
            }
            (']', Some(())) => {
                out.push(']');
                class = None;
            }
            // What has a meaning in classes here, and none there.
            ('[' | '&' | '~', Some(())) => out.extend(['\\', c]),
            ('.', None) => out.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            (']' | '}', None) => out.extend(['\\', c]),
            ('{', None) => match quantifier(rest.clone()) {
                Some(braces) => {
                    out.push('{');
                    out.push_str(&braces);
                    for _ in 0..braces.len() {
                        rest.next();
                    }
                }
                None => out.push_str(r"\{"),
            },
            _ => out.push(c),
        }
        repeated = repeats;
        if repeats && rest.next_if_eq(&'?').is_some() {
            out.push('?');
        }
    }
    Ok(out)
}

/// What follows a `{` up to and with the `}`, if it says how often.
fn quantifier(rest: impl Iterator<Item = char>) -> Option<String> {
    let mut braces = String::new();
    for c in rest {
        braces.push(c);
        match c {
            '}' => return braces.starts_with(|c: char| c.is_ascii_digit()).then_some(braces),
            '0'..='9' => {}
            ',' if !braces[..braces.len() - 1].contains(',') => {}
            _ => return None,
        }
    }
    None
}

fn escape(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    in_class: bool,
    out: &mut String,
) -> Result<(), Refusal> {
    let Some(c) = rest.next() else { return Err(Refusal::Invalid) };
    match c {
        'd' | 'D' | 'w' | 'W' | 'n' | 'r' | 't' | 'v' | 'f' => out.extend(['\\', c]),
        // White space beyond ASCII counts too.
        's' if in_class => out.push_str(SPACE),
        's' => out.push_str(&format!("[{SPACE}]")),
        'S' if !in_class => out.push_str(&format!("[^{SPACE}]")),
        'S' => out.push_str("\\S"),
        'b' if in_class => out.push_str("\\x08"),
        'b' | 'B' if !in_class => out.extend(['\\', c]),
        'k' => return Err(unsupported()),
        '0' => out.push_str("\\x00"),
        '1'..='9' if !in_class => return Err(unsupported()),
        'x' | 'u' => {
            let wanted = if c == 'x' { 2 } else { 4 };
            let mut ahead = rest.clone();
            let digits: String = ahead.by_ref().take(wanted).collect();
            match u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == wanted) {
                Some(code) => {
                    *rest = ahead;
                    out.push_str(&format!("\\u{{{code:x}}}"));
                }
                // Without its digits, a letter stands for itself.
                None => out.push(c),
            }
        }
        c if c.is_ascii_alphanumeric() => out.push(c),
        c if c.is_ascii_punctuation() && !"<>".contains(c) => out.extend(['\\', c]),
        c => out.push(c),
    }
    Ok(())
}

fn unsupported() -> Refusal {
    // A pattern that refers back to a group, to be refused in the library's own words.
    Pattern::new(r"()\1", false).map_or_else(Refusal::Unsupported, |_| Refusal::Invalid)
}

/// White space and ends of lines of ECMAScript 2024, 12.2 and 12.3, for use in a class.
const SPACE: &str = r"\s\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(pattern: &str, text: &str) -> bool {
        read(pattern, false).unwrap().is_in(text)
    }

    #[test]
    fn patterns_mean_what_they_mean_in_javascript() {
        assert!(found(r"^https?:\/\/[\w.-]+\/", "https://a-b.example/x"));
        assert!(found("[[&&~]", "[") && found("a{", "a{") && found("x]}", "x]}") && found("a{2,3}", "aa"));
        assert!(found(r"\u0041\x42", "AB") && found(r"[\b]", "\u{8}") && found(r"\-\_\@", "-_@"));
        assert!(!found("a.b", "a\rb") && found("a[^]b", "a\rb") && !found("a[]", "a"));
        assert!(found(r"a\sb", "a\u{a0}b") && !found(r"a\Sb", "a\u{a0}b"));
        assert!(found("{1", "{1") && found("a{,2}", "a{,2}"));
    }

    #[test]
    fn what_takes_more_than_linear_time_is_told_from_what_is_no_pattern() {
        for text in ["(?=a)", "(?<!a)b", r"(a)\1", r"(?<n>a)\k<n>", "((a{99}){99}){99}"] {
            assert!(matches!(read(text, false), Err(Refusal::Unsupported(_))), "{text}");
        }
        for text in ["/???***[)", "(", "a**", "[b-a]", "\\"] {
            assert!(matches!(read(text, false), Err(Refusal::Invalid)), "{text}");
        }
    }
}
