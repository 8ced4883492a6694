//! Sequences: A, then B, then C, without D, looked for among the newest matched events.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::profile::Frame;
use crate::time::{Span, Timestamp};
use crate::truth::{Answer, Truth};

/// What is looked for: steps in their order, each later than the one before.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Steps {
    /// For each step after the first, how long after the one before it may come at most, inclusive.
    pub limits: Box<[Option<Span>]>,
    /// How long after the last step the forbidden event must stay away; the sequence holds once that has passed.
    pub quiet: Option<Span>,
}

impl Steps {
    /// The number under which the forbidden event is marked.
    #[must_use]
    pub fn forbidden(&self) -> u8 {
        // Checked when a rule is compiled: at most eight steps.
        self.limits.len() as u8 + 1
    }

    /// Whether a time is soon enough after this step, the last of a chain, for the next one.
    fn is_in_time(&self, step: usize, chain: &Chain, time: Timestamp) -> bool {
        let limit = self.limits.get(step).copied().flatten();
        limit.zip(chain.last()).is_none_or(|(limit, end)| time.since(*end) <= limit)
    }
}

/// How far the steps of a sequence were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// When each step was taken: all of them, or the longest beginning that can still go on.
    pub(crate) times: SmallVec<[Timestamp; 4]>,
    /// When the forbidden event last took back what had been reached.
    pub(crate) ended: Option<Timestamp>,
    /// Before when the next step has to be taken.
    pub(crate) before: Option<Timestamp>,
    /// Up to this time events may be missing.
    pub(crate) missing: Option<Timestamp>,
}

/// When each step was taken.
type Chain = SmallVec<[Timestamp; 4]>;

/// The one that began later, and so stays longer.
fn newer(chain: Option<Chain>, other: Chain) -> Option<Chain> {
    Some(match chain {
        Some(chain) if chain.first() > other.first() => chain,
        _ => other,
    })
}

/// The newest events that match a step, sorted by time, step and event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Marks {
    /// From when on all events are in.
    pub(super) since: Timestamp,
    marks: Vec<Mark>,
    /// The newest time that left.
    floor: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Mark {
    time: Timestamp,
    step: u8,
    event: u32,
}

impl Marks {
    pub(super) const SLOT_BYTES: usize = size_of::<Mark>();

    pub(super) const fn new(since: Timestamp) -> Self {
        Self { since, marks: Vec::new(), floor: Timestamp::MIN }
    }

    pub(super) fn observe(&mut self, time: Timestamp, step: u8, event: u32) {
        self.insert(Mark { time, step, event });
    }

    fn insert(&mut self, mark: Mark) {
        let Err(place) = self.marks.binary_search(&mark) else { return };
        if self.marks.len() < DEPTH {
            super::reserve(&mut self.marks);
            self.marks.insert(place, mark);
            return;
        }
        let Some(before) = place.checked_sub(1) else {
            self.floor = self.floor.max(mark.time);
            return;
        };
        self.floor = self.floor.max(self.marks[0].time);
        self.marks.copy_within(1..place, 0);
        self.marks[before] = mark;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.since = self.since.max(other.since);
        self.floor = self.floor.max(other.floor);
        for mark in &other.marks {
            self.insert(*mark);
        }
    }

    /// Whether the steps were taken inside the frame. One walk over the marks: for each step the latest end of what
    /// leads up to it is enough, since a forbidden event ends all that began before it.
    pub(super) fn read(&self, steps: &Steps, frame: &Frame) -> Truth {
        let last = steps.limits.len();
        let forbidden = steps.forbidden();
        let missing = self.floor.max(self.since - Span::from_millis(1));
        // What began before that may have been ended by something that left.
        let from = frame.start.max(if missing == Timestamp::MIN { missing } else { missing - Span::from_millis(1) });
        let mut best: [Option<(Timestamp, Timestamp)>; MOST_STEPS] = [None; MOST_STEPS];
        let mut found: Option<Timestamp> = None;
        // What has ended and must stay quiet: its end and its start.
        let mut open: SmallVec<[(Timestamp, Timestamp); 8]> = SmallVec::new();
        let mut until = frame.until;
        for group in self.marks.chunk_by(|a, b| a.time == b.time) {
            let Some(time) = group.first().map(|mark| mark.time) else { continue };
            if time > frame.end {
                until = until.min(frame.enters(time));
                break;
            }
            if time <= from {
                continue;
            }
            let before = best;
            let mut ended = None;
            for mark in group.iter().filter(|mark| mark.step < forbidden) {
                let step = usize::from(mark.step);
                let start = match step.checked_sub(1) {
                    None => Some(time),
                    Some(previous) => before[previous]
                        .filter(|(end, _)| steps.limits[previous].is_none_or(|limit| time.since(*end) <= limit))
                        .map(|(_, start)| start),
                };
                let Some(start) = start else { continue };
                best[step] = Some((time, start));
                if step == last {
                    ended = Some(start);
                }
            }
            let is_forbidden = group.iter().any(|mark| mark.step == forbidden);
            if is_forbidden {
                // It ends what began before it, and what has ended but must stay quiet for longer.
                best = [None; MOST_STEPS];
                if group.iter().any(|mark| mark.step == 0) {
                    best[0] = Some((time, time));
                }
                open.retain(|(end, _)| steps.quiet.is_some_and(|quiet| *end + quiet < time));
            }
            if let Some(start) = ended {
                match steps.quiet {
                    None => found = found.max(Some(start)),
                    Some(_) if is_forbidden && start < time => {}
                    Some(_) => open.push((time, start)),
                }
            }
        }
        if let Some(quiet) = steps.quiet {
            for (end, start) in open {
                if end + quiet <= frame.end {
                    found = found.max(Some(start));
                } else {
                    until = until.min(frame.enters(end + quiet));
                }
            }
        }
        match found {
            Some(start) => Truth { answer: Answer::Yes, until: until.min(frame.leaves(start)) },
            None if missing > frame.start => Truth { answer: Answer::Unknown, until: until.min(frame.leaves(missing)) },
            None => Truth { answer: Answer::No, until },
        }
    }

    /// How far the steps were taken inside the frame: of [`Marks::read`] what people ask, at the cost of keeping the
    /// time of every step.
    pub(super) fn reached(&self, steps: &Steps, frame: &Frame) -> Reached {
        let (last, forbidden) = (steps.limits.len(), steps.forbidden());
        let mut best: [Option<Chain>; MOST_STEPS] = Default::default();
        let (mut whole, mut waiting): (Option<Chain>, Vec<Chain>) = (None, Vec::new());
        let mut ended = None;
        let inside = self.marks.iter().filter(|mark| frame.contains(mark.time)).copied();
        let inside: SmallVec<[Mark; DEPTH]> = inside.collect();
        for group in inside.chunk_by(|a, b| a.time == b.time) {
            let Some(time) = group.first().map(|mark| mark.time) else { continue };
            let before = best.clone();
            let mut done = None;
            for step in group.iter().map(|mark| usize::from(mark.step)).filter(|step| *step <= last) {
                let chain = match step.checked_sub(1) {
                    None => Some(Chain::new()),
                    Some(previous) => before[previous].clone().filter(|chain| steps.is_in_time(previous, chain, time)),
                };
                let Some(mut chain) = chain else { continue };
                chain.push(time);
                if step == last {
                    done = Some(chain.clone());
                }
                best[step] = Some(chain);
            }
            let is_forbidden = group.iter().any(|mark| mark.step == forbidden);
            if is_forbidden {
                let is_open = |chain: &Chain| {
                    steps.quiet.is_some_and(|quiet| chain.last().is_none_or(|end| *end + quiet >= time))
                };
                if best.iter().any(Option::is_some) || waiting.iter().any(is_open) {
                    ended = Some(time);
                }
                best = Default::default();
                if group.iter().any(|mark| mark.step == 0) {
                    best[0] = Some(std::iter::once(time).collect());
                }
                waiting.retain(|chain| !is_open(chain));
            }
            match (done, steps.quiet) {
                (None, _) => {}
                (Some(chain), None) => whole = newer(whole, chain),
                (Some(chain), Some(_)) if is_forbidden && chain.first().is_some_and(|start| *start < time) => {}
                (Some(chain), Some(_)) => waiting.push(chain),
            }
        }
        if let Some(quiet) = steps.quiet {
            let is_quiet = |chain: &Chain| chain.last().is_some_and(|end| *end + quiet <= frame.end);
            let (quiet, still): (Vec<Chain>, Vec<Chain>) = waiting.into_iter().partition(is_quiet);
            whole = quiet.into_iter().fold(None, newer).or_else(|| still.into_iter().fold(None, newer));
        }
        // A step whose successor can come no more in time leads nowhere.
        let leads_on = |(step, chain): (usize, Option<Chain>)| {
            let chain = chain?;
            steps.is_in_time(step, &chain, frame.end).then_some(chain)
        };
        let part = || best.into_iter().enumerate().take(last).rev().find_map(leads_on);
        let times = whole.or_else(part).unwrap_or_default();
        let missing = self.floor.max(self.since - Span::from_millis(1));
        let limit = times.len().checked_sub(1).and_then(|step| *steps.limits.get(step)?);
        let ends = [
            times.first().map(|start| frame.leaves(*start)).filter(|_| times.len() <= last),
            limit.and_then(|limit| Some(*times.last()? + limit + Span::from_millis(1))),
        ];
        let before = ends.into_iter().flatten().min().filter(|before| *before < Timestamp::MAX);
        Reached { times, ended, before, missing: (missing > frame.start).then_some(missing) }
    }

    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.marks.last().map(|mark| mark.time)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.marks.capacity() * size_of::<Mark>()
    }

    pub(super) const fn worst_bytes() -> usize {
        size_of::<Self>() + DEPTH * size_of::<Mark>()
    }

    pub(super) fn is_sound(&self) -> bool {
        self.marks.len() <= DEPTH
            && self.marks.is_sorted_by(|a, b| a < b)
            && self.marks.iter().all(|mark| usize::from(mark.step) <= MOST_STEPS)
    }
}

/// How many of the newest matched events are looked at.
const DEPTH: usize = 64;
/// How many steps a sequence has at most.
pub const MOST_STEPS: usize = 8;
