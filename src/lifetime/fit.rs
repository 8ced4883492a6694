//! The maximum of a smooth function of positive parameters, in their logs: BFGS with its gradient.

/// Where `f` is greatest, from `start`; `None` if it does not settle or a parameter runs off to 0 or infinity.
///
/// `f` gives the value and its slopes by the logs of the parameters. The value is a sum over `weight` customers; a slope
/// below a millionth of that is flat.
pub(super) fn maximum<const N: usize>(
    start: [f64; N],
    weight: f64,
    f: impl Fn([f64; N]) -> (f64, [f64; N]),
) -> Option<[f64; N]> {
    let value = |logs: [f64; N]| {
        let (value, slopes) = f(logs.map(libm::exp));
        // Downwards and per customer, so that steps have a scale.
        (-value / weight, slopes.map(|slope| -slope / weight))
    };
    let mut at = start.map(libm::log);
    let (mut height, mut slope) = value(at);
    let mut inverse = identity::<N>();
    for _ in 0..500 {
        if !height.is_finite() || slope.iter().any(|s| !s.is_finite()) || at.iter().any(|log| log.abs() > RUN_OFF) {
            return None;
        }
        if steepest(&slope) < FLAT {
            return Some(at.map(libm::exp));
        }
        let mut step = [0.0; N];
        for i in 0..N {
            step[i] = -dot(&inverse[i], &slope);
        }
        if dot(&step, &slope) >= 0.0 {
            inverse = identity();
            step = slope.map(|s| -s);
        }
        // No step beyond a factor of e² in a parameter.
        let mut scale = (2.0 / steepest(&step)).min(1.0);
        let descent = dot(&step, &slope);
        let mut moved = None;
        for _ in 0..60 {
            let mut next = at;
            for i in 0..N {
                next[i] += scale * step[i];
            }
            let (there, slopes) = value(next);
            // Near the top rounding hides the descent, but not that the slopes fall.
            let level = there <= height + 1e-14 * height.abs();
            if there <= height + 1e-4 * scale * descent || level && steepest(&slopes) < 0.9 * steepest(&slope) {
                moved = Some((next, there, slopes));
                break;
            }
            scale *= 0.5;
        }
        let Some((next, there, slopes)) = moved else {
            // Rounding hides any further descent: flat enough, or stuck.
            return (steepest(&slope) < 1e3 * FLAT).then(|| at.map(libm::exp));
        };
        let (mut s, mut y) = ([0.0; N], [0.0; N]);
        for i in 0..N {
            (s[i], y[i]) = (next[i] - at[i], slopes[i] - slope[i]);
        }
        update(&mut inverse, &s, &y);
        (at, height, slope) = (next, there, slopes);
    }
    None
}

/// The BFGS update of the inverse Hessian (Nocedal and Wright, "Numerical Optimization", equation 6.17).
fn update<const N: usize>(inverse: &mut [[f64; N]; N], s: &[f64; N], y: &[f64; N]) {
    let curvature = dot(s, y);
    if curvature <= 1e-300 {
        return;
    }
    let mut hy = [0.0; N];
    for i in 0..N {
        hy[i] = dot(&inverse[i], y);
    }
    let stretch = (1.0 + dot(y, &hy) / curvature) / curvature;
    for i in 0..N {
        for j in 0..N {
            inverse[i][j] += stretch * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / curvature;
        }
    }
}

fn identity<const N: usize>() -> [[f64; N]; N] {
    let mut matrix = [[0.0; N]; N];
    for (i, row) in matrix.iter_mut().enumerate() {
        row[i] = 1.0;
    }
    matrix
}

fn steepest<const N: usize>(slopes: &[f64; N]) -> f64 {
    slopes.iter().fold(0.0, |most, slope| slope.abs().max(most))
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

const FLAT: f64 = 1e-9;
/// Logs of parameters further from zero than this are of parameters that run off.
const RUN_OFF: f64 = 16.0;
