//! What definitions say that is hardly what somebody meant.

use std::fmt;

/// Something in definitions that is sound but hardly meant; see
/// [`Definitions::warnings`](crate::engine::Definitions::warnings).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Nobody can ever be so.
    Never {
        /// The condition, shortened.
        rule: String,
        /// Two conditions that exclude each other, if there are two; of several ways the last.
        because: Option<(String, String)>,
    },
    /// Only somebody with a list of values can be so.
    OnlyLists {
        /// The condition, shortened.
        rule: String,
        /// Two conditions that no single value meets, if there are two.
        because: Option<(String, String)>,
    },
    /// Nobody is ever excluded.
    Always {
        /// The condition, shortened.
        rule: String,
    },
    /// Two segments have the same rule.
    SameRule {
        /// The other segment.
        segment: String,
    },
    /// What the rules count does not fit into a profile at worst.
    Heavy {
        /// The most bytes that the counters take.
        counters: usize,
        /// The bytes that they have.
        room: usize,
        /// The most bytes that a profile may take.
        allowed: usize,
        /// So many would suffice; `None` where that is more than the settings take.
        enough: Option<usize>,
        /// What takes most, shortened, and how much.
        dearest: (String, usize),
    },
    /// Another campaign always has the placement first.
    Unreachable {
        /// The other campaign.
        by: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |f: &mut fmt::Formatter<'_>, because: &Option<(String, String)>| match because {
            Some((a, b)) => write!(f, ": `{a}` and `{b}` exclude each other; drop one of them, or join them with OR"),
            None => f.write_str("; drop it, or widen its bounds"),
        };
        match self {
            Self::Never { rule, because: reason } => {
                write!(f, "nobody can meet `{rule}`")?;
                because(f, reason)
            }
            Self::OnlyLists { rule, because: reason } => {
                write!(f, "only a list of values can meet `{rule}`")?;
                because(f, reason)
            }
            Self::Always { rule } => write!(f, "`{rule}` excludes nobody; drop it, or write TRUE if that is meant"),
            Self::SameRule { segment } => {
                write!(f, "the segment `{segment}` has the same rule; refer to that one, or drop one of them")
            }
            Self::Heavy { counters, room, allowed, enough, dearest: (rule, bytes) } => {
                write!(
                    f,
                    "what the rules count takes up to {counters} bytes of a profile, and has {room} of its {allowed}: of \
                     people with more some is dropped, and unknown from then on; "
                )?;
                enough.map_or(Ok(()), |enough| write!(f, "allow {enough}, or "))?;
                write!(f, "count less, such as `{rule}` with its {bytes}")
            }
            Self::Unreachable { by } => write!(
                f,
                "it is never shown, since `{by}` takes in everybody whom it is for, comes first and runs as long; give it \
                 a higher priority, or `{by}` an end or a narrower audience"
            ),
        }
    }
}
