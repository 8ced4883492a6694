//! The root of a function that falls through zero: regula falsi in the Illinois form (Dowell and Jarratt, "A modified
//! regula falsi method for computing the root of an equation", 1971).

/// Where a function falls through zero between two points, each with its value: above zero at the lower one, not above
/// it at the higher one.
///
/// Ends where the points are at most `width` apart, or where a value is at most `near` from zero; of a bracket that is
/// left, the higher end is told. Infinite values are halved towards, since they leave nothing to interpolate.
pub(crate) fn falling_root(
    low: (f64, f64),
    high: (f64, f64),
    width: f64,
    near: f64,
    mut of: impl FnMut(f64) -> f64,
) -> f64 {
    let ((mut low, mut at_low), (mut high, mut at_high)) = (low, high);
    let mut side = 0_i8;
    for _ in 0..STEPS {
        if high - low <= width {
            break;
        }
        let cut = low + (high - low) * at_low / (at_low - at_high);
        let is_inside = at_low.is_finite() && at_high.is_finite() && cut > low && cut < high;
        let at = if is_inside { cut } else { 0.5 * (low + high) };
        let found = of(at);
        if found.abs() <= near {
            return at;
        }
        if found > 0.0 {
            (low, at_low) = (at, found);
            // An end that stays twice counts half, so that the other one moves past the root.
            if side == 1 {
                at_high *= 0.5;
            }
            side = 1;
        } else {
            (high, at_high) = (at, found);
            if side == -1 {
                at_low *= 0.5;
            }
            side = -1;
        }
    }
    high
}

/// More steps than any function here takes: halving alone takes a bracket to its last digit within these.
const STEPS: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// The Dottie number, where `cos x = x`, to the digits of OEIS A003957.
    #[test]
    fn it_finds_where_a_function_falls_through_zero() {
        let mut calls = 0;
        let of = |x: f64| libm::cos(x) - x;
        let found = falling_root((0.0, of(0.0)), (1.0, of(1.0)), 1e-15, 1e-16, |x| {
            calls += 1;
            of(x)
        });
        assert!((found - 0.739_085_133_215_160_6).abs() < 1e-15 && calls < 12, "{found} {calls}");
    }

    #[test]
    fn infinite_values_are_halved_towards() {
        let of = |x: f64| if x < 0.3 { f64::INFINITY } else { 0.7 - x };
        let found = falling_root((0.0, of(0.0)), (1.0, of(1.0)), 1e-12, 1e-14, of);
        assert!((found - 0.7).abs() < 1e-11, "{found}");
        let never = |x: f64| if x < 0.3 { f64::INFINITY } else { f64::NEG_INFINITY };
        let found = falling_root((0.0, never(0.0)), (1.0, never(1.0)), 1e-9, 0.0, never);
        assert!((found - 0.3).abs() < 2e-9, "{found}");
    }
}
