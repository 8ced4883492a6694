//! Values turned into each other as JavaScript does, for rules that come from hosts where that is the custom.
//!
//! ECMAScript 2024: 7.1.17 ToString, 7.1.4 ToNumber, 7.1.2 ToBoolean, 7.1.1 ToPrimitive. What is missing counts as
//! null.

use std::borrow::Cow;

use crate::value::Value;

/// The value as text.
pub(crate) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => if *value { "true" } else { "false" }.into(),
        Value::Number(number) => number_text(*number).into(),
        Value::Text(text) => Cow::Borrowed(text),
        Value::List(values) => {
            let mut joined = String::new();
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    joined.push(',');
                }
                if !value.is_null() {
                    joined.push_str(&text(value));
                }
            }
            joined.into()
        }
        Value::Object(_) => "[object Object]".into(),
    }
}

/// The value as a number; `None` for what is not a number.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(0.0),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Number(number) => Some(*number),
        Value::Text(text) => text_number(text),
        Value::List(_) => text_number(&text(value)),
        Value::Object(_) => None,
    }
}

/// Whether the value counts as true.
pub(crate) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        // The value is a number written down, not a computed one.
        Value::Number(number) => number.abs() > 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::List(_) | Value::Object(_) => true,
    }
}

/// A number as JavaScript writes it: digits up to 10²¹, a power of ten beyond and below 10⁻⁶.
pub(crate) fn number_text(number: f64) -> String {
    let size = number.abs();
    if (1e-6..1e21).contains(&size) || size <= 0.0 {
        // Adding zero turns -0 into 0.
        return format!("{}", number + 0.0);
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        _ => text,
    }
}

/// The number that a text reads as; `None` for none, or one that is not finite.
pub(crate) fn text_number(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if text.is_empty() {
        return Some(0.0);
    }
    let prefix = text.get(..2).unwrap_or_default();
    for (letters, radix) in [(["0x", "0X"], 16), (["0o", "0O"], 8), (["0b", "0B"], 2)] {
        if letters.contains(&prefix) {
            let digits = &text[2..];
            let sound = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
            // 2^53 and more is rounded digit by digit, which no rule will tell.
            let add = |number: f64, c: char| number * f64::from(radix) + f64::from(c.to_digit(radix).unwrap_or(0));
            return sound.then(|| digits.chars().fold(0.0, add)).filter(|number| number.is_finite());
        }
    }
    // Rust reads names of infinity and of not-a-number, JavaScript does not.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = if plain { text.parse::<f64>().ok() } else { None };
    number.filter(|number| number.is_finite()).map(|number| number + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        // From the specification of Number::toString and a JavaScript console.
        for (number, text) in [
            (0.1, "0.1"),
            (-0.0, "0"),
            (123456789.0, "123456789"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }

    #[test]
    fn text_reads_as_javascript_reads_it() {
        for (text, number) in [
            ("", Some(0.0)),
            (" 12 ", Some(12.0)),
            ("1e3", Some(1000.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("+5", Some(5.0)),
            ("0x1F", Some(31.0)),
            ("0b101", Some(5.0)),
            ("-0x1", None),
            ("1_000", None),
            ("12px", None),
            ("inf", None),
            ("NaN", None),
            ("1e999", None),
        ] {
            assert_eq!(text_number(text), number, "{text:?}");
        }
    }

    #[test]
    fn lists_and_objects_become_text() {
        let value: Value = serde_json::from_str(r#"[1, "a", null, [true, {}]]"#).unwrap();
        assert_eq!(text(&value), "1,a,,true,[object Object]");
        assert_eq!(number(&serde_json::from_str("[\"7\"]").unwrap()), Some(7.0));
        assert_eq!(number(&serde_json::from_str("[]").unwrap()), Some(0.0));
    }
}
