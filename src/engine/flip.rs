//! Kept memberships: which segments answer for a profile otherwise than for an empty one.
//!
//! Most rules never concern most people, so the list is short, and a profile that no event has touched needs none.

use crate::profile::{Flip, Flips};
use crate::rule::Answer;

/// Whether the person is in a segment, given whether an empty profile is.
pub(super) fn answer(flips: &[Flip], index: u32, blank: bool) -> Answer {
    match find(flips, index) {
        Ok(at) if flips[at].is_unknown() => Answer::Unknown,
        Ok(_) => (!blank).into(),
        Err(_) => blank.into(),
    }
}

/// Notes the answer of a segment; gives the one before if that was another.
pub(super) fn set(flips: &mut Flips, index: u32, answer: Answer, blank: bool) -> Option<Answer> {
    let flip = of(index, answer, blank);
    // They are settled in their order, so that a new one is often the last.
    if flips.last().is_none_or(|last| last.segment() < index) {
        flips.push(flip?);
        return Some(blank.into());
    }
    match (find(flips, index), flip) {
        (Err(_), None) => None,
        (Err(at), Some(flip)) => {
            flips.insert(at, flip);
            Some(blank.into())
        }
        (Ok(at), None) => Some(before(flips.remove(at), blank)),
        (Ok(at), Some(flip)) => {
            let old = std::mem::replace(&mut flips[at], flip);
            (old != flip).then(|| before(old, blank))
        }
    }
}

/// How an answer is noted; `None` if it is that of an empty profile.
pub(super) fn of(index: u32, answer: Answer, blank: bool) -> Option<Flip> {
    (answer != Answer::from(blank)).then(|| Flip::new(index, answer.is_unknown()))
}

fn before(flip: Flip, blank: bool) -> Answer {
    if flip.is_unknown() { Answer::Unknown } else { (!blank).into() }
}

fn find(flips: &[Flip], index: u32) -> Result<usize, usize> {
    flips.binary_search_by_key(&index, |flip| flip.segment())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_answered() {
        for blank in [false, true] {
            let mut flips = Flips::new();
            for (first, then) in [
                (Answer::Yes, Answer::Unknown),
                (Answer::Unknown, Answer::No),
                (Answer::No, Answer::Yes),
                (Answer::Yes, Answer::Yes),
                (Answer::No, Answer::Unknown),
            ] {
                set(&mut flips, 7, first, blank);
                assert_eq!(answer(&flips, 7, blank), first);
                assert_eq!(set(&mut flips, 7, then, blank), (first != then).then_some(first));
                assert_eq!((answer(&flips, 7, blank), answer(&flips, 6, blank)), (then, blank.into()));
            }
        }
    }
}
