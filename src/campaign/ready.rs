//! Ready-made strategies for the usual places.

use super::{Filters, Repeats, Seen, Strategy, Target};
use crate::decision::Source;

impl Strategy {
    /// The names of the ready-made strategies.
    pub const NAMED: [&'static str; 7] =
        ["home", "category", "product_similar", "product_together", "cart", "search", "email"];

    /// A ready-made strategy, to be used as it is or to be changed.
    ///
    /// | Name | For | Reads of the request's context |
    /// |---|---|---|
    /// | `home` | the home page: what goes with the history, what is to their taste, what is on the rise; varied | |
    /// | `category` | the page of a category: all of it, each person's own first | `category` |
    /// | `product_similar` | the page of an item: what is like it and viewed with it | `item` |
    /// | `product_together` | the page of an item: what is bought with it and after it | `item` |
    /// | `cart` | the cart: what is bought with what lies in it | `cart` |
    /// | `search` | what a search has found, each person's own first, the rest as it was found | `results` |
    /// | `email` | a letter: what they have not seen, varied | |
    ///
    /// ```
    /// use bespoke::campaign::Strategy;
    /// let strategy = Strategy { limit: 4, ..Strategy::named("cart").unwrap() };
    /// assert_eq!(strategy.about.as_deref(), Some("cart"));
    /// assert!(Strategy::named("car").is_none());
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        use Source as S;
        let of = |sources: &[S], limit| Self { sources: sources.to_vec(), limit, ..Self::default() };
        let excluding = |seen: Seen| Filters { exclude: vec![seen, Seen::Dismissed], ..Filters::default() };
        let dismissed = || Filters { exclude: vec![Seen::Dismissed], ..Filters::default() };
        let about = |name: &str| Some(name.to_owned());
        Some(match name {
            "home" => Self {
                filters: excluding(Seen::Purchased),
                diversity: 0.3,
                ..of(&[S::Related, S::Affinity, S::Trending, S::Popular], 20)
            },
            "category" => Self {
                filters: Filters {
                    facets: vec![("category".to_owned(), Target::Context("category".to_owned()))],
                    ..dismissed()
                },
                ..of(&[S::Related, S::Affinity, S::PopularInCategory, S::Popular], 40)
            },
            "product_similar" => Self {
                about: about("item"),
                filters: dismissed(),
                ..of(&[S::ViewedTogether, S::Similar, S::PopularInCategory, S::Popular], 12)
            },
            "product_together" => Self {
                about: about("item"),
                filters: excluding(Seen::Purchased),
                ..of(&[S::BoughtTogether, S::ViewedThenBought, S::Related, S::Popular], 6)
            },
            "cart" => Self {
                about: about("cart"),
                filters: excluding(Seen::Purchased),
                ..of(&[S::BoughtTogether, S::ViewedThenBought, S::Related, S::Popular], 6)
            },
            "search" => Self { among: about("results"), ..of(&[S::Related, S::Affinity, S::Given], 40) },
            "email" => Self {
                filters: excluding(Seen::Purchased),
                repeat: Repeats::Forbid,
                diversity: 0.5,
                ..of(&[S::Related, S::ViewedThenBought, S::Affinity, S::Trending, S::Popular], 6)
            },
            _ => return None,
        })
    }
}
