//! Rules and a profile in no crate's own form.

/// A value of an attribute or of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Value {
    /// As JSON.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => (*value).into(),
            // Whole numbers as JSON writes them; all of these are small.
            Self::Number(number) if number.fract() == 0.0 => (*number as i64).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }

    /// As text, for crates that know nothing else.
    pub fn text(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// What is asked of one attribute.
#[derive(Clone, Debug)]
pub enum Asked {
    Is(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    AtLeast(f64),
    Below(f64),
    StartsWith(String),
}

/// A test of one attribute.
#[derive(Clone, Debug)]
pub struct Test {
    pub attribute: &'static str,
    pub asked: Asked,
}

/// A rule that holds if all tests of any of its branches do.
#[derive(Clone, Debug)]
pub struct Rule(pub Vec<Vec<Test>>);

impl Rule {
    pub fn all(tests: Vec<Test>) -> Self {
        Self(vec![tests])
    }

    /// The rule as each branch and test is written, joined by the words for "and" and "or".
    pub fn join(&self, and: &str, or: &str, write: impl Fn(&Test) -> String) -> String {
        let branches: Vec<String> =
            self.0.iter().map(|tests| tests.iter().map(&write).collect::<Vec<_>>().join(and)).collect();
        match branches.as_slice() {
            [one] => one.clone(),
            several => several.iter().map(|branch| format!("({branch})")).collect::<Vec<_>>().join(or),
        }
    }

    /// The rule as it holds for a profile, by its definition.
    pub fn holds(&self, profile: &Profile) -> bool {
        self.0.iter().any(|tests| tests.iter().all(|test| test.holds(profile)))
    }
}

impl Test {
    fn holds(&self, profile: &Profile) -> bool {
        let Some((_, value)) = profile.0.iter().find(|(name, _)| *name == self.attribute) else { return false };
        let number = |number: &f64, at_least: bool| match value {
            Value::Number(value) => (value >= number) == at_least,
            _ => false,
        };
        match &self.asked {
            Asked::Is(other) => value == other,
            Asked::In(values) => values.contains(value),
            Asked::NotIn(values) => !values.contains(value),
            Asked::AtLeast(low) => number(low, true),
            Asked::Below(high) => number(high, false),
            Asked::StartsWith(start) => matches!(value, Value::Text(text) if text.starts_with(start)),
        }
    }
}

macro_rules! asks {
    ($($name:ident($argument:ident: $kind:ty) $made:expr;)*) => {
        $(pub fn $name(attribute: &'static str, $argument: $kind) -> Test {
            Test { attribute, asked: $made }
        })*
    };
}

asks! {
    is(value: impl Into<Value>) Asked::Is(value.into());
    one_of(values: Vec<String>) Asked::In(values.into_iter().map(Value::Text).collect());
    none_of(values: Vec<String>) Asked::NotIn(values.into_iter().map(Value::Text).collect());
    at_least(number: f64) Asked::AtLeast(number);
    below(number: f64) Asked::Below(number);
    starts_with(start: &str) Asked::StartsWith(start.to_owned());
}

/// Named values.
#[derive(Clone, Debug)]
pub struct Profile(pub Vec<(&'static str, Value)>);

impl Profile {
    /// Twenty attributes as a shop knows them.
    pub fn shopper() -> Self {
        Self(vec![
            ("plan", "pro".into()),
            ("country", "DE".into()),
            ("language", "de".into()),
            ("city", "Berlin".into()),
            ("email", "ann.example@mail.example.com".into()),
            ("name", "Ann Example".into()),
            ("device", "phone".into()),
            ("os", "android".into()),
            ("browser", "firefox".into()),
            ("referrer", "https://search.example.org/results".into()),
            ("campaign", "spring-sale".into()),
            ("store", "store-17".into()),
            ("age", 41.0.into()),
            ("orders", 7.0.into()),
            ("total", 812.5.into()),
            ("tier", 3.0.into()),
            ("days", 214.0.into()),
            ("score", 0.75.into()),
            ("newsletter", true.into()),
            ("verified", false.into()),
        ])
    }
}
