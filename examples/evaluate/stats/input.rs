//! Reading the inputs of a case.

use bespoke::stats::{Alpha, Interval};
use serde_json::Value;

use super::Failed;

/// The inputs of a case, or a part of them.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a>(pub(crate) &'a Value);

impl<'a> Input<'a> {
    pub(crate) fn at(self, name: &str) -> Self {
        Self(&self.0[name])
    }

    pub(crate) fn has(self, name: &str) -> bool {
        !self.0[name].is_null()
    }

    /// A number; `"nan"`, `"inf"` and `"-inf"` are such too.
    pub(crate) fn number(self, name: &str) -> Result<f64, Failed> {
        self.at(name).as_number().ok_or_else(|| format!("`{name}` is no number").into())
    }

    pub(crate) fn or(self, name: &str, otherwise: f64) -> Result<f64, Failed> {
        if self.has(name) { self.number(name) } else { Ok(otherwise) }
    }

    pub(crate) fn as_number(self) -> Option<f64> {
        match self.0 {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A whole number from 0; a broken one is a reason.
    pub(crate) fn count(self, name: &str) -> Result<u64, Failed> {
        count(self.number(name)?)
    }

    pub(crate) fn alpha(self) -> Result<Alpha, Failed> {
        Ok(Alpha::new(self.or("alpha", 0.05)?)?)
    }

    pub(crate) fn text(self, name: &str) -> Result<String, Failed> {
        match &self.0[name] {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(format!("`{name}` is no text").into()),
        }
    }

    pub(crate) fn list(self, name: &str) -> Result<Vec<Self>, Failed> {
        let list = self.0[name].as_array().ok_or_else(|| Failed::from(format!("`{name}` is no list")))?;
        Ok(list.iter().map(Input).collect())
    }

    pub(crate) fn numbers(self, name: &str) -> Result<Vec<f64>, Failed> {
        let number = |of: Self| of.as_number().ok_or_else(|| format!("`{name}` holds what is no number").into());
        self.list(name)?.into_iter().map(number).collect()
    }

    pub(crate) fn counts(self, name: &str) -> Result<Vec<u64>, Failed> {
        self.numbers(name)?.into_iter().map(count).collect()
    }
}

fn count(number: f64) -> Result<u64, Failed> {
    // The library says what is a count.
    Ok(bespoke::stats::Proportion::from_counts(0.0, number)?.trials())
}

/// A number as JSON: infinite ones as text.
pub(crate) fn number(value: f64) -> Value {
    if value.is_finite() {
        value.into()
    } else if value.is_nan() {
        Value::Null
    } else {
        (if value > 0.0 { "inf" } else { "-inf" }).into()
    }
}

pub(crate) fn numbers(values: impl IntoIterator<Item = f64>) -> Value {
    values.into_iter().map(number).collect()
}

pub(crate) fn interval(of: Interval) -> Value {
    numbers([of.low, of.high])
}
