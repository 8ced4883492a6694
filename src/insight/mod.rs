//! What the segments are worth knowing: how large they are and how they overlap, what goes with value, and which
//! segments would be worth having.
//!
//! [`Sizes`] walks over people once and says of every segment how many are in it, which of its conditions keeps most
//! of them out, whether it is large enough to learn from, and which others it covers. Nothing here changes a profile,
//! and all of it is the same for the same people at the same time.

mod pairs;
mod sizes;
mod sizes_text;
mod table;

pub use pairs::{Overlap, Relation};
pub use sizes::{Extent, PartSize, SegmentSize, SizeReport, SizeSettings, Sizes};
