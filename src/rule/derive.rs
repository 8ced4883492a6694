//! What is made of a value before it is compared.

use crate::value::Kind;

/// What a rule can make of a value before it compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Derive {
    /// The number of elements of a list.
    Size,
    /// The number of characters of text.
    Length,
    /// The value as text, as JavaScript turns it.
    JsText,
    /// The value as a number, as JavaScript turns it.
    JsNumber,
    /// Whether JavaScript takes the value for true; nothing if there is none.
    JsBool,
    /// The value with lists and objects turned into text, as JavaScript does before it compares.
    JsValue,
    /// The version that GrowthBook reads in the value.
    JsVersion,
}

impl Derive {
    pub(crate) const ALL: [Self; 7] =
        [Self::Size, Self::Length, Self::JsText, Self::JsNumber, Self::JsBool, Self::JsValue, Self::JsVersion];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Length => "length",
            Self::JsText => "js_text",
            Self::JsNumber => "js_number",
            Self::JsBool => "js_bool",
            Self::JsValue => "js_value",
            Self::JsVersion => "js_version",
        }
    }

    pub(crate) const fn json(self) -> &'static str {
        match self {
            Self::Size => "$size",
            Self::Length => "$length",
            Self::JsText => "$jsText",
            Self::JsNumber => "$jsNumber",
            Self::JsBool => "$jsBool",
            Self::JsValue => "$jsValue",
            Self::JsVersion => "$jsVersion",
        }
    }

    /// The kind of value that comes out; `None` where that depends on what goes in.
    pub(crate) const fn kind(self) -> Option<Kind> {
        match self {
            Self::Size | Self::Length | Self::JsNumber => Some(Kind::Number),
            Self::JsText | Self::JsVersion => Some(Kind::Text),
            Self::JsBool => Some(Kind::Bool),
            Self::JsValue => None,
        }
    }
}
