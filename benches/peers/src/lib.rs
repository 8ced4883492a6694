//! One profile and one set of rules, for bespoke and for each of its peers.
//!
//! A rule is written once, as a disjunction of conjunctions of tests ([`Rule`]), which every crate here can say, and
//! put into the language of each by its module. What is compiled and what is built once for a profile is done outside
//! of what is timed; README.md says how each crate is used and why.

pub mod case;
pub mod cel;
pub mod datalogic;
pub mod growthbook;
pub mod launchdarkly;
pub mod ours;
pub mod rule;
pub mod unleash;

use rule::{Profile, Rule};

/// Some rules made ready for one profile.
pub trait Peer {
    /// The crate.
    const NAME: &'static str;

    /// Compiles the rules, and builds what the crate evaluates them against.
    fn new(rules: &[Rule], profile: &Profile) -> Self;

    /// Evaluates every rule and gives how many hold.
    fn evaluate(&mut self) -> usize;

    /// What each rule says.
    fn answers(&mut self) -> Vec<bool>;
}
