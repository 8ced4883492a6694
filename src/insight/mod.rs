//! What the segments are worth knowing: how large they are and how they overlap, what goes with value, and which
//! segments would be worth having.
//!
//! [`Sizes`] walks over people once and says of every segment how many are in it, which of its conditions keeps most
//! of them out, whether it is large enough to learn from, and which others it covers. An [`Analysis`] looks at a
//! [`Sample`] of people and at what each is [worth](Worth): its [`Drivers`] are the conditions that go with value, its
//! [`Suggestions`] segments made of them, each as a rule and with an honest estimate of what it promises. Nothing here
//! changes a profile, and all of it is the same for the same people at the same time.

mod bits;
mod conditions;
mod drivers;
mod leak;
mod pairs;
mod sample;
mod sizes;
mod sizes_text;
mod suggest;
mod table;
mod value;
mod value_text;
mod worth;

pub use drivers::{Driver, Drivers};
pub use pairs::{Overlap, Relation};
pub use sample::Sample;
pub use sizes::{Extent, PartSize, SegmentSize, SizeReport, SizeSettings, Sizes};
pub use suggest::{Suggestion, Suggestions};
pub use value::{Analysis, Contrast, ValueSettings};
pub use worth::{InsightError, Leak, Worth};

#[cfg(test)]
mod value_tests;
