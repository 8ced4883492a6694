//! Symmetric matrices kept as their lower triangle, in blocks: half the memory, and so half the time where it is reading
//! that costs.
//!
//! Rows come in panels of four, each from the first column to the end of the panel's own square, so that every row is
//! some whole fours and no loop has a remainder. Vectors are made of [`Four`]s too, with zeros at their end. A
//! quadratic form `zᵀ M z` is one sum of products, of the cells with those of the vector ([`multiplied_out`]), which
//! are the same for every matrix.

use smallvec::SmallVec;

/// Four cells in a row, two registers on every machine.
pub(crate) type Four = [f64; SIDE];

/// So many rows make a panel.
const SIDE: usize = 4;

/// A vector as fours; of up to 32 cells it takes no memory of its own.
pub(crate) type Fours = SmallVec<[Four; 8]>;

/// So many fours of zeros.
#[inline(always)]
pub(crate) fn no_fours(count: usize) -> Fours {
    if count <= 8 { Fours::from_buf_and_len([[0.0; SIDE]; 8], count) } else { Fours::from_elem([0.0; SIDE], count) }
}

/// The same with a number of panels that the compiler knows where it is small: loops of a few steps cost more to set up
/// than to run.
macro_rules! with_panels {
    ($count:expr, |$panels:ident| $work:expr) => {
        with_panels!($count, 1 2 3 4, |$panels| $work)
    };
    ($count:expr, $one:literal $two:literal $three:literal $four:literal, |$panels:ident| $work:expr) => {
        match $count {
            $one => with_panels!(@ $one, $panels, $work),
            $two => with_panels!(@ $two, $panels, $work),
            $three => with_panels!(@ $three, $panels, $work),
            $four => with_panels!(@ $four, $panels, $work),
            $panels => $work,
        }
    };
    (@ $count:literal, $panels:ident, $work:expr) => {{
        let $panels = $count;
        $work
    }};
}

/// How many fours a vector of this width has.
pub(crate) const fn fours(width: usize) -> usize {
    width.div_ceil(SIDE)
}

/// A vector with zeros at its end.
pub(crate) fn to_fours(cells: &[f64]) -> Vec<Four> {
    let mut whole = vec![[0.0; SIDE]; fours(cells.len())];
    whole.as_flattened_mut()[..cells.len()].copy_from_slice(cells);
    whole
}

/// How many fours a square of this width has when packed.
pub(crate) const fn packed_len(width: usize) -> usize {
    let panels = fours(width);
    SIDE * panels * (panels + 1) / 2
}

/// Where the cell of a row and a column lies, counted in cells.
pub(crate) const fn packed_at(row: usize, column: usize) -> usize {
    let (low, high) = if row < column { (row, column) } else { (column, row) };
    at(high, low)
}

/// Where a cell lies whose column is not past its row's panel.
const fn at(row: usize, column: usize) -> usize {
    let panel = row / SIDE;
    SIDE * (packed_len(panel * SIDE) + row % SIDE * (panel + 1)) + column
}

/// A square as it is packed; only its lower triangle is read.
pub(crate) fn pack(square: &[f64], width: usize) -> Vec<Four> {
    let mut packed = vec![[0.0; SIDE]; packed_len(width)];
    let cells = packed.as_flattened_mut();
    for row in 0..width {
        for column in 0..=row {
            cells[at(row, column)] = square[row * width + column];
            if column / SIDE == row / SIDE {
                cells[at(column, row)] = square[row * width + column];
            }
        }
    }
    packed
}

/// Does something with the products of a vector's cells: `z_i z_j`, twice below a panel's own square.
///
/// Of up to 32 cells it takes no memory of its own.
#[inline]
pub(crate) fn multiplied_out<R>(z: &[Four], work: impl FnOnce(&[Four]) -> R) -> R {
    const SOME: usize = packed_len(16);
    const MORE: usize = packed_len(32);
    let len = SIDE * z.len() * (z.len() + 1) / 2;
    // No more room than it takes, since zeros cost too.
    let (mut some, mut all);
    let products = if len <= SOME {
        some = [[0.0; SIDE]; SOME];
        &mut some[..len]
    } else {
        all = SmallVec::<[Four; MORE]>::from_elem([0.0; SIDE], len);
        &mut all[..]
    };
    multiply_out(z, products);
    work(products)
}

fn multiply_out(z: &[Four], products: &mut [Four]) {
    with_panels!(z.len(), |panels| multiply(&z[..panels], &mut products[..SIDE * panels * (panels + 1) / 2]));
}

#[inline(always)]
fn multiply(z: &[Four], products: &mut [Four]) {
    let mut from = 0;
    for (panel, of_panel) in z.iter().enumerate() {
        for of_row in of_panel {
            let twice = 2.0 * of_row;
            for (cells, z) in products[from..from + panel].iter_mut().zip(z) {
                *cells = z.map(|cell| twice * cell);
            }
            products[from + panel] = of_panel.map(|cell| of_row * cell);
            from += panel + 1;
        }
    }
}

/// The sum of products of two vectors.
#[inline]
pub(crate) fn dot_fours(a: &[Four], b: &[Four]) -> f64 {
    let mut lanes = [0.0; SIDE];
    with_panels!(a.len(), |count| a[..count].iter().zip(&b[..count]).for_each(|(a, b)| add_product(&mut lanes, a, b)));
    sum(&lanes)
}

/// Leaves `zᵀ M z` of some squares of one width in `forms`, from the products of `z`: of four squares at a time, so
/// that the products are read a quarter as often.
pub(crate) fn packed_forms<'a>(products: &[Four], mut squares: impl Iterator<Item = &'a [Four]>, forms: &mut [f64]) {
    for forms in forms.chunks_mut(SIDE) {
        let Some(first) = squares.next() else { return };
        let mut some = [first; SIDE];
        some[1..].iter_mut().zip(&mut squares).for_each(|(place, square)| *place = square);
        let lanes = if forms.len() > 2 {
            with_panels!(products.len(), 4 12 24 40, |count| lanes_of(&products[..count], some))
        } else {
            let [a, b, ..] = some;
            let [a, b] = with_panels!(products.len(), 4 12 24 40, |count| lanes_of(&products[..count], [a, b]));
            [a, b, a, b]
        };
        // Of a number that is not known here, lest the sums be taken for one and the lanes be mixed before it.
        forms.iter_mut().zip(&lanes).for_each(|(form, lanes)| *form = sum(lanes));
    }
}

/// The forms of some squares, in lanes that are still to be summed.
#[inline(always)]
fn lanes_of<const N: usize>(products: &[Four], squares: [&[Four]; N]) -> [Four; N] {
    let squares = squares.map(|square| &square[..products.len()]);
    let mut lanes = [[0.0; SIDE]; N];
    for (at, products) in products.iter().enumerate() {
        lanes.iter_mut().zip(squares).for_each(|(lanes, square)| add_product(lanes, products, &square[at]));
    }
    lanes
}

/// Leaves `M z` in `image`, which is as long as `z`. Each cell is read once.
pub(crate) fn packed_times(packed: &[Four], z: &[Four], image: &mut [Four]) {
    image.fill([0.0; SIDE]);
    with_panels!(z.len(), |panels| times(
        &packed[..SIDE * panels * (panels + 1) / 2],
        &z[..panels],
        &mut image[..panels]
    ));
}

#[inline(always)]
fn times(packed: &[Four], z: &[Four], image: &mut [Four]) {
    let mut from = 0;
    for (panel, of_panel) in z.iter().enumerate() {
        let mut sums = [0.0; SIDE];
        for (sum_of_row, of_row) in sums.iter_mut().zip(of_panel) {
            let mut lanes = [0.0; SIDE];
            for ((cells, z), image) in packed[from..from + panel].iter().zip(z).zip(&mut *image) {
                add_product(&mut lanes, cells, z);
                add_product(image, cells, &[*of_row; SIDE]);
            }
            add_product(&mut lanes, &packed[from + panel], of_panel);
            *sum_of_row = sum(&lanes);
            from += panel + 1;
        }
        image[panel].iter_mut().zip(sums).for_each(|(cell, sum)| *cell += sum);
    }
}

/// Takes `by · v vᵀ` away.
pub(crate) fn packed_less(packed: &mut [Four], by: f64, v: &[Four]) {
    with_panels!(v.len(), |panels| less(&mut packed[..SIDE * panels * (panels + 1) / 2], by, &v[..panels]));
}

#[inline(always)]
fn less(packed: &mut [Four], by: f64, v: &[Four]) {
    let mut from = 0;
    for (panel, of_panel) in v.iter().enumerate() {
        for of_row in of_panel {
            let share = [-by * of_row; SIDE];
            packed[from..=from + panel].iter_mut().zip(v).for_each(|(cells, v)| add_product(cells, &share, v));
            from += panel + 1;
        }
    }
}

#[inline]
fn add_product(to: &mut Four, a: &Four, b: &Four) {
    to.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to += a * b);
}

#[inline]
fn sum(&[a, b, c, d]: &Four) -> f64 {
    (a + c) + (b + d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(z: &[f64], packed: &[Four]) -> f64 {
        let mut forms = [0.0; 5];
        multiplied_out(&to_fours(z), |products| packed_forms(products, std::iter::repeat_n(packed, 5), &mut forms));
        assert!(forms.iter().all(|form| form.to_bits() == forms[0].to_bits()));
        forms[0]
    }

    /// 4 · 1 + 3 · 4 + 2 · 9 + 2 (1 · 2 − 0.5 · 3 − 1 · 6)
    #[test]
    fn a_quadratic_form_of_a_worked_example() {
        let packed = pack(&[4.0, 1.0, 0.5, 1.0, 3.0, 1.0, 0.5, 1.0, 2.0], 3);
        assert_eq!((packed.len(), packed.as_flattened()[packed_at(1, 2)].to_bits()), (4, 1_f64.to_bits()));
        assert!((form(&[1.0, 2.0, -3.0], &packed) - 23.0).abs() < 1e-14);
        assert!(form(&[], &[]).abs() < 1e-300);
    }

    /// Beside the definition, for every number of zeros, and past what is kept in place.
    #[test]
    fn all_is_as_with_the_whole_square() {
        for width in (0..20).chain([33, 40]) {
            let cell = |row: usize, column: usize| {
                let (low, high) = (row.min(column), row.max(column));
                ((low * 31 + high * 17) % 23) as f64 / 8.0 - 1.0
            };
            let square: Vec<f64> = (0..width * width).map(|at| cell(at / width, at % width)).collect();
            let z: Vec<f64> = (0..width).map(|at| ((at * 7 + 3) % 11) as f64 / 4.0 - 1.0).collect();
            let (mut packed, of_z) = (pack(&square, width), to_fours(&z));
            let image = |row: usize| (0..width).map(|column| cell(row, column) * z[column]).sum::<f64>();
            let mut found = vec![[1.0; 4]; fours(width)];
            packed_times(&packed, &of_z, &mut found);
            let found = found.as_flattened();
            (0..width).for_each(|row| assert!((found[row] - image(row)).abs() < 1e-10));
            assert!(found[width..].iter().all(|none| none.abs() < 1e-300));
            let whole: f64 = (0..width).map(|row| z[row] * image(row)).sum();
            assert!((form(&z, &packed) - whole).abs() < 1e-10);
            assert!((dot_fours(&of_z, &of_z) - z.iter().map(|z| z * z).sum::<f64>()).abs() < 1e-10);
            packed_less(&mut packed, 0.5, &of_z);
            let wanted = |at: usize| cell(at / width, at % width) - 0.5 * z[at / width] * z[at % width];
            let less: Vec<f64> = (0..width * width).map(wanted).collect();
            let (packed, less) = (packed.as_flattened(), pack(&less, width));
            packed.iter().zip(less.as_flattened()).for_each(|(found, wanted)| assert!((found - wanted).abs() < 1e-12));
        }
    }
}
