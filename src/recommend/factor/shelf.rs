//! The items' vectors, arranged so that the best products with a person's are found without looking at all of them.
//!
//! A product is at most the product of the lengths, so with the longest vectors first a search ends where what is left
//! is too short to matter. And where the leading directions hold most of what vectors differ by, a few cells and the
//! length of the rest bound a product well enough to drop most items (Teflioudi, Gemulla and Mykytiuk, "LEMP", SIGMOD
//! 2015; Li, Chan, Yiu and Mamoulis, "FEXIPRO", SIGMOD 2017). Nothing is approximate: what is found is what looking at
//! every item finds.
//!
//! How much is looked at depends on the data: of a generated log with 670,000 items, most of them rare, 30; of
//! check-ins at 41,000 places, whose vectors are nearly of one length, the heads of half of them and the whole of a
//! tenth.

use crate::linalg::dot;

/// The vectors in falling order of their lengths.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shelf {
    width: usize,
    /// One behind the other.
    vectors: Vec<f32>,
    /// The first cells of each, again, since these are all that is read of most; zeros where there are fewer.
    heads: Vec<[f32; HEAD]>,
    /// How long each is without its head, and without that and its shoulders.
    rests: Vec<[f32; 2]>,
    /// The greatest length in each block.
    lengths: Vec<f32>,
}

impl Shelf {
    /// Takes vectors that lie in falling order of [`length`].
    pub(super) fn new(vectors: Vec<f32>, width: usize) -> Self {
        let [head, body] = parts(width);
        let rows = || vectors.chunks_exact(width.max(1));
        Self {
            heads: rows().map(|row| padded(&row[..head])).collect(),
            rests: rows().map(|row| [length(&row[head..]), length(&row[body..])]).collect(),
            lengths: rows().step_by(BLOCK).map(length).collect(),
            width,
            vectors,
        }
    }

    pub(super) fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    pub(super) fn vector(&self, item: u32) -> &[f32] {
        &self.vectors[item as usize * self.width..][..self.width]
    }

    /// How far an item suits a person.
    pub(super) fn score(&self, person: &[f32], item: u32) -> f32 {
        dot(person, self.vector(item))
    }

    /// Hands each item that may score above the floor, with its score, to `visit`, which gives the floor from then on:
    /// it must not fall.
    pub(super) fn search(&self, person: &[f32], mut visit: impl FnMut(f32, u32) -> f32) {
        let [head, body] = parts(self.width);
        let (whole, below_head, below_body) = (length(person), length(&person[head..]), length(&person[body..]));
        let (first, second): ([f32; HEAD], [f32; BODY - HEAD]) = (padded(&person[..head]), padded(&person[head..body]));
        let mut floor = 0.0_f32;
        let mut sums = [0.0_f32; BLOCK];
        for (at, (heads, longest)) in self.heads.chunks(BLOCK).zip(&self.lengths).enumerate() {
            let most = longest * whole;
            if most * (1.0 + SLACK) <= floor {
                break;
            }
            // What rounding may have taken from a product or its bound.
            let slack = most * SLACK;
            for (sum, cells) in sums.iter_mut().zip(heads) {
                *sum = product(&first, cells);
            }
            let from = at * BLOCK;
            let rests = &self.rests[from..(from + BLOCK).min(self.rests.len())];
            for (place, (sum, [rest, least])) in sums.iter().zip(rests).enumerate() {
                if sum + rest * below_head + slack <= floor {
                    continue;
                }
                let item = from + place;
                let row = &self.vectors[item * self.width..][..self.width];
                let cells = &row[head..body];
                let sum = sum
                    + cells
                        .first_chunk()
                        .map_or_else(|| product(&second, &padded(cells)), |cells| product(&second, cells));
                if sum + least * below_body + slack > floor {
                    // Items are counted in a `u32`.
                    let score = dot(person, row);
                    if score > floor {
                        floor = floor.max(visit(score, item as u32));
                    }
                }
            }
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        (self.vectors.capacity() + self.heads.capacity() * HEAD + self.lengths.capacity()) * size_of::<f32>()
            + self.rests.capacity() * size_of::<[f32; 2]>()
    }
}

/// The length of a vector, in the order of sums that [`Shelf::new`] expects vectors to fall in.
pub(super) fn length(vector: &[f32]) -> f32 {
    dot(vector, vector).sqrt()
}

/// Where the head ends, and where the shoulders do.
fn parts(width: usize) -> [usize; 2] {
    [width.min(HEAD), width.min(BODY)]
}

/// Cells with zeros behind them, or cut short.
fn padded<const N: usize>(cells: &[f32]) -> [f32; N] {
    let mut whole = [0.0; N];
    whole.iter_mut().zip(cells).for_each(|(to, cell)| *to = *cell);
    whole
}

/// The sum of products of so many cells that no loop is left of it; their number is a multiple of four.
#[inline]
fn product<const N: usize>(a: &[f32; N], b: &[f32; N]) -> f32 {
    let mut lanes = [0.0_f32; 4];
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// How many cells of a vector are looked at first: a cache line of them.
const HEAD: usize = 16;
/// Up to which cell it is looked at next.
const BODY: usize = 48;
/// How many vectors share a bound of their lengths.
const BLOCK: usize = 64;
/// What rounding may take, as a share of the product of two lengths: a sum of n products is off by at most `n · 2^-24`
/// of it, and the longest have 1,024; in four to eight lanes some hundred, for the sum, for its bound and for the lengths.
const SLACK: f32 = 4e-5;

#[cfg(test)]
mod tests {
    use super::*;

    /// Every item that beats all but four of those before it is seen, whatever the vectors are like: all of one length,
    /// some of length zero, of one direction, short and long ones, of few and of many cells.
    #[test]
    fn a_search_misses_nothing() {
        for width in [1, 7, 16, 40, 48, 130] {
            for fall in [0.0_f32, 0.02, 1.0] {
                let cell = |row: usize, k: usize| ((row * 7919 + k * 104_729 + row * k) % 199) as f32 / 99.0 - 1.0;
                let mut rows: Vec<Vec<f32>> = (0..500)
                    .map(|row| (0..width).map(|k| cell(row, k) / (1.0 + fall * (row + k) as f32)).collect())
                    .collect();
                rows[9] = vec![0.0; width];
                rows[11] = rows[10].clone();
                rows.sort_by(|a, b| length(b).total_cmp(&length(a)));
                let shelf = Shelf::new(rows.concat(), width);
                for row in [0, 3, 77, 499] {
                    let person: Vec<f32> = (0..width).map(|k| cell(row + 1, k + 2)).collect();
                    let (mut best, mut seen) = (Vec::new(), 0);
                    shelf.search(&person, |score, item| {
                        seen += 1;
                        best.push((score, item));
                        best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                        best.truncate(5);
                        best.get(4).map_or(0.0, |last| last.0)
                    });
                    let mut all: Vec<(f32, u32)> = (0..500).map(|item| (shelf.score(&person, item), item)).collect();
                    all.retain(|(score, _)| *score > 0.0);
                    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                    all.truncate(5);
                    assert_eq!(best, all, "{width} {fall} {row}");
                    assert!(fall < 1.0 || seen < 100, "{seen}");
                }
            }
        }
    }

    #[test]
    fn an_empty_shelf_is_searched() {
        Shelf::new(Vec::new(), 4).search(&[1.0; 4], |_, _| unreachable!());
    }
}
