//! Splits work over threads by its output.

use std::sync::Mutex;

/// Calls `work` once for every piece, on so many threads, of which the caller's is one.
///
/// Which thread takes which piece is left to chance, so a piece must depend on nothing but itself.
pub(crate) fn for_each<T: Send>(pieces: impl IntoIterator<Item = T>, threads: usize, work: impl Fn(T) + Sync) {
    let pieces: Vec<T> = pieces.into_iter().collect();
    let threads = threads.clamp(1, pieces.len().max(1));
    if threads == 1 {
        pieces.into_iter().for_each(work);
        return;
    }
    let queue = Mutex::new(pieces.into_iter());
    let next = || queue.lock().map_or_else(|poisoned| poisoned.into_inner().next(), |mut queue| queue.next());
    let run = || std::iter::from_fn(next).for_each(&work);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
}
