//! What kinds of thing can happen, and the names by which hosts call them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::Symbol;

/// Declares the kinds that the crate knows, each with its stored code, its name, and the names of the Segment
/// specification that mean the same.
macro_rules! kinds {
    ($($(#[$meta:meta])+ $variant:ident = $code:literal, $name:literal $(, $alias:literal)*;)+) => {
        /// What kind of thing happened.
        ///
        /// Names are read without regard to case, spaces or underscores, and the Segment specification's names are
        /// understood as ours: `Product Viewed`, `product_viewed` and `item_viewed` are one kind. Any other name is
        /// a kind of its own.
        ///
        /// ```
        /// use bespoke::event::EventKind;
        /// assert_eq!(EventKind::from("Product Viewed"), EventKind::ItemViewed);
        /// assert_eq!(EventKind::from("Newsletter Opened").name(), "newsletter_opened");
        /// ```
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "std::borrow::Cow<'_, str>", into = "String")]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$meta])+ $variant,)+
            /// A kind of the host's own, by its name in snake case.
            Custom(Box<str>),
        }

        impl EventKind {
            /// Every kind that the crate knows, without the host's own.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// The name in snake case.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Custom(name) => name,
                }
            }

            /// The other names by which the kind is understood, in snake case.
            #[must_use]
            pub const fn aliases(&self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($alias),*],)+
                    Self::Custom(_) => &[],
                }
            }

            /// The code under which profiles store a known kind; it never changes.
            pub(crate) const fn code(&self) -> Option<u8> {
                match self {
                    $(Self::$variant => Some($code),)+
                    Self::Custom(_) => None,
                }
            }

            /// The known kind with this code.
            pub(crate) const fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn known(name: &str) -> Option<Self> {
                match name {
                    $($name $(| $alias)* => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// A person said who they are; `attributes` are set.
    #[default]
    Identified = 1, "identified", "identify";
    /// Two ids turned out to be one person.
    Aliased = 2, "aliased", "alias";
    /// A person was put into a group or account: property `group_id` names it, `group_kind` its kind (`account` where
    /// there is none), `left: true` says that the person leaves; the event's attributes are the group's.
    Grouped = 3, "grouped", "group";
    /// A page was seen.
    PageViewed = 4, "page_viewed", "page";
    /// A screen of an app was seen.
    ScreenViewed = 5, "screen_viewed", "screen";
    /// A list or category of items was seen.
    ListViewed = 6, "list_viewed", "product_list_viewed";
    /// A list was filtered or sorted.
    ListFiltered = 7, "list_filtered", "product_list_filtered";
    /// An item was clicked in a list.
    ItemClicked = 8, "item_clicked", "product_clicked";
    /// An item was looked at, read, watched or played.
    ItemViewed = 9, "item_viewed", "product_viewed";
    /// An item was put into the cart.
    ItemAdded = 10, "item_added", "product_added";
    /// An item was taken out of the cart.
    ItemRemoved = 11, "item_removed", "product_removed";
    /// The cart was seen.
    CartViewed = 12, "cart_viewed";
    /// A checkout was begun.
    CheckoutStarted = 13, "checkout_started";
    /// Items were bought.
    Purchased = 14, "purchased", "order_completed";
    /// Items were given back.
    Refunded = 15, "refunded", "order_refunded";
    /// An order was called off.
    Cancelled = 16, "cancelled", "order_cancelled";
    /// An item was rated; property `rating`.
    Rated = 17, "rated", "product_reviewed";
    /// An item was put on a wish list.
    Wished = 18, "wished", "product_added_to_wishlist";
    /// An item was taken off a wish list.
    Unwished = 19, "unwished", "product_removed_from_wishlist";
    /// An item was shared.
    Shared = 20, "shared", "product_shared";
    /// Something was searched for; property `query`.
    Searched = 21, "searched", "products_searched";
    /// An item was waved away: "not for me".
    Dismissed = 22, "dismissed";
    /// A decision was shown; field `decision`.
    Exposed = 23, "exposed", "experiment_viewed";
    /// A promotion of the host's own was seen.
    PromotionViewed = 24, "promotion_viewed";
    /// A promotion of the host's own was clicked.
    PromotionClicked = 25, "promotion_clicked";
    /// What a decision showed was clicked; field `decision`.
    Clicked = 26, "clicked";
    /// A person decided about consent; each property names a purpose and says true or false.
    ConsentChanged = 40, "consent_changed", "consent_updated";
    /// A person said what they like; each property names an item attribute and a value of it, or several. Property
    /// `like: false` turns it into a dislike, `for` says how long it holds (`90d`; a year where it does not say).
    PreferenceStated = 41, "preference_stated";
}

impl EventKind {
    /// The symbol of the name.
    #[must_use]
    pub fn symbol(&self) -> Symbol {
        Symbol::new(self.name())
    }
}

impl From<&str> for EventKind {
    fn from(name: &str) -> Self {
        if let Some(kind) = Self::known(name) {
            return kind;
        }
        let name = snake_case(name);
        Self::known(&name).unwrap_or_else(|| Self::Custom(name.into()))
    }
}

impl From<std::borrow::Cow<'_, str>> for EventKind {
    fn from(name: std::borrow::Cow<'_, str>) -> Self {
        Self::from(name.as_ref())
    }
}

impl From<EventKind> for String {
    fn from(kind: EventKind) -> Self {
        kind.name().to_owned()
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `Product Viewed`, `product-viewed` and `ProductViewed` in one way of writing, which it leaves as it is when given
/// again.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut after_lower = false;
    for c in name.trim().chars() {
        if c.is_whitespace() || c == '-' || c == '_' {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            after_lower = false;
            continue;
        }
        // Some capitals have no small letter, and would be parted anew each time.
        if c.is_uppercase() && after_lower && !c.to_lowercase().eq([c]) {
            out.push('_');
        }
        after_lower = c.is_lowercase() || c.is_numeric();
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_all_its_names() {
        for name in ["product_viewed", "Product Viewed", "productViewed", "PRODUCT-VIEWED", "item_viewed"] {
            let kind = EventKind::from(name);
            assert!(kind == EventKind::ItemViewed || name == "PRODUCT-VIEWED", "{name}: {kind}");
        }
        assert_eq!(EventKind::from("PRODUCT-VIEWED"), EventKind::ItemViewed);
    }

    #[test]
    fn names_codes_and_aliases_are_unambiguous() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in EventKind::KNOWN {
            assert_eq!(EventKind::from_code(kind.code().unwrap()).as_ref(), Some(kind));
            assert_eq!(&EventKind::from(kind.name()), kind);
            assert!(seen.insert(kind.name()));
            for alias in kind.aliases() {
                assert_eq!(&EventKind::from(*alias), kind);
                assert!(seen.insert(alias), "{alias}");
            }
        }
    }

    #[test]
    fn a_name_in_snake_case_stays_as_it_is() {
        for name in ["-\tb", "a_ ", "ǅ𝐀", "İstanbul Opened", "A  B--C_", "x1Y"] {
            let once = snake_case(name);
            assert_eq!(snake_case(&once), once, "{name}");
        }
    }

    #[test]
    fn a_kind_of_the_hosts_own_keeps_its_name() {
        let kind = EventKind::from("Newsletter Opened");
        let json = serde_json::to_string(&kind).unwrap();
        assert_eq!(json, "\"newsletter_opened\"");
        assert_eq!(serde_json::from_str::<EventKind>(&json).unwrap(), kind);
    }
}
