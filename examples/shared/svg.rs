//! Small charts as SVG, written by hand: axes with round ticks, lines, bands, bars and dots.

use std::fmt::Write as _;

/// A chart with its frame, in its own coordinates.
pub(crate) struct Chart {
    size: (f64, f64),
    /// The plot's left, right, top and bottom edge, in pixels.
    frame: [f64; 4],
    x: (f64, f64),
    y: (f64, f64),
    body: String,
}

/// Colours that are told apart also by those who see fewer (Okabe and Ito, 2008).
pub(crate) const COLORS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07d00", "#3a8fc4"];

/// How wide a letter of a label is at most on average, in pixels: fonts differ.
const LETTER: f64 = 7.8;

/// Where a text stands relative to its point.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Chart {
    /// A chart of so many pixels, with room for labels of this width at its left; titles are cut to the width.
    pub(crate) fn new(title: &str, subtitle: &str, size: (f64, f64), left: f64) -> Self {
        let frame = [left, size.0 - 24.0, 76.0, size.1 - 58.0];
        let mut chart = Self { size, frame, x: (0.0, 1.0), y: (0.0, 1.0), body: String::new() };
        let fits = |text: &str, width: f64| text.chars().take(((size.0 - 32.0) / width) as usize).collect::<String>();
        chart.put(16.0, 28.0, &fits(title, 9.0), Anchor::Start, "font-size=\"17\" font-weight=\"600\" fill=\"#111\"");
        chart.put(16.0, 50.0, &fits(subtitle, 6.6), Anchor::Start, "font-size=\"12.5\" fill=\"#555\"");
        chart
    }

    /// The ranges that the axes show.
    pub(crate) fn ranged(mut self, x: (f64, f64), y: (f64, f64)) -> Self {
        let wide = |(low, high): (f64, f64)| if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
        (self.x, self.y) = (wide(x), wide(y));
        self
    }

    /// The axis below, with its ticks and what it shows.
    pub(crate) fn x_axis(&mut self, label: &str, unit: Unit) {
        let [left, right, top, bottom] = self.frame;
        let (ticks, step) = ticks(self.x, ((right - left) / 95.0).max(2.0));
        for tick in ticks {
            let x = self.at_x(tick);
            self.stroke((x, top), (x, bottom), "#e6e6e6", 1.0, "");
            self.put(x, bottom + 18.0, &unit.text(tick, step), Anchor::Middle, "font-size=\"12\" fill=\"#333\"");
        }
        self.stroke((left, bottom), (right, bottom), "#888", 1.0, "");
        let style = "font-size=\"12.5\" fill=\"#333\"";
        self.put(0.5 * (left + right), bottom + 42.0, label, Anchor::Middle, style);
    }

    /// The axis at the left, with its ticks and what it shows, written above it.
    pub(crate) fn y_axis(&mut self, label: &str, unit: Unit) {
        let [left, right, top, bottom] = self.frame;
        let (ticks, step) = ticks(self.y, ((bottom - top) / 48.0).max(2.0));
        for tick in ticks {
            let y = self.at_y(tick);
            self.stroke((left, y), (right, y), "#e6e6e6", 1.0, "");
            self.put(left - 8.0, y + 4.0, &unit.text(tick, step), Anchor::End, "font-size=\"12\" fill=\"#333\"");
        }
        self.stroke((left, top), (left, bottom), "#888", 1.0, "");
        self.put(16.0, top - 9.0, label, Anchor::Start, "font-size=\"12.5\" fill=\"#333\"");
    }

    /// A name at the left of a height.
    pub(crate) fn row(&mut self, y: f64, text: &str) {
        let (x, y) = (self.frame[0] - 10.0, self.at_y(y) + 4.0);
        let most = ((x - 6.0) / LETTER) as usize;
        let text = if text.chars().count() > most {
            text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
        } else {
            text.to_owned()
        };
        self.put(x, y, &text, Anchor::End, "font-size=\"12.5\" fill=\"#111\"");
    }

    /// A line through points.
    pub(crate) fn line(&mut self, points: &[(f64, f64)], color: &str) {
        let path = self.path(points.iter().copied());
        let _ =
            writeln!(self.body, "<polyline points=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>");
    }

    /// What lies between a lower and an upper line.
    pub(crate) fn band(&mut self, points: &[(f64, f64, f64)], color: &str) {
        let below = points.iter().map(|(x, low, _)| (*x, *low));
        let above = points.iter().rev().map(|(x, _, high)| (*x, *high));
        let path = self.path(below.chain(above));
        let _ =
            writeln!(self.body, "<polygon points=\"{path}\" fill=\"{color}\" fill-opacity=\"0.18\" stroke=\"none\"/>");
    }

    /// A straight line; `dash` such as `4 4`, or nothing.
    pub(crate) fn rule(&mut self, from: (f64, f64), to: (f64, f64), color: &str, width: f64, dash: &str) {
        let at = |of: &Self, (x, y): (f64, f64)| (of.at_x(x), of.at_y(y));
        let (from, to) = (at(self, from), at(self, to));
        self.stroke(from, to, color, width, dash);
    }

    /// A vertical line through the whole plot, dashed.
    pub(crate) fn upright(&mut self, x: f64) {
        let (low, high) = self.y;
        self.rule((x, low), (x, high), "#444", 1.2, "5 4");
    }

    /// A horizontal line through the whole plot, dashed.
    pub(crate) fn level(&mut self, y: f64) {
        let (low, high) = self.x;
        self.rule((low, y), (high, y), "#444", 1.2, "5 4");
    }

    /// A dot with this radius in pixels, filled or hollow.
    pub(crate) fn dot(&mut self, x: f64, y: f64, radius: f64, color: &str, is_filled: bool) {
        let (x, y, fill) = (self.at_x(x), self.at_y(y), if is_filled { color } else { "#fff" });
        let _ = writeln!(
            self.body,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{fill}\" stroke=\"{color}\" stroke-width=\"1.6\"/>"
        );
    }

    /// A bar from zero to a value, between two heights, with a text after it.
    pub(crate) fn bar(&mut self, value: f64, heights: (f64, f64), color: &str, text: &str) {
        let (left, right) = (self.at_x(self.x.0.max(0.0)), self.at_x(value));
        let (low, high) = (self.at_y(heights.0), self.at_y(heights.1));
        let (top, height, width) = (low.min(high), (low - high).abs(), (right - left).max(0.0));
        let _ = writeln!(
            self.body,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\"/>"
        );
        self.put(right + 6.0, top + 0.5 * height + 4.0, text, Anchor::Start, "font-size=\"12\" fill=\"#111\"");
    }

    /// Which colour is what, in a row above the plot, from the right.
    pub(crate) fn legend(&mut self, entries: &[(&str, &str)]) {
        let mut x = self.frame[1];
        for (color, text) in entries.iter().rev() {
            let y = self.frame[2] - 9.0;
            self.put(x, y, text, Anchor::End, "font-size=\"12.5\" fill=\"#333\"");
            x -= LETTER * text.chars().count() as f64 + 18.0;
            let top = y - 10.0;
            let _ =
                writeln!(self.body, "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"12\" height=\"12\" fill=\"{color}\"/>");
            x -= 16.0;
        }
    }

    /// The file.
    pub(crate) fn finish(self) -> String {
        let (width, height) = self.size;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
            self.body
        )
    }

    fn at_x(&self, x: f64) -> f64 {
        let [left, right, ..] = self.frame;
        left + (x.clamp(self.x.0, self.x.1) - self.x.0) / (self.x.1 - self.x.0) * (right - left)
    }

    fn at_y(&self, y: f64) -> f64 {
        let [_, _, top, bottom] = self.frame;
        bottom - (y.clamp(self.y.0, self.y.1) - self.y.0) / (self.y.1 - self.y.0) * (bottom - top)
    }

    fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        points.map(|(x, y)| format!("{:.1},{:.1}", self.at_x(x), self.at_y(y))).collect::<Vec<_>>().join(" ")
    }

    fn stroke(&mut self, from: (f64, f64), to: (f64, f64), color: &str, width: f64, dash: &str) {
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        let _ = writeln!(
            self.body,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{color}\" stroke-width=\"{width}\"{dash}/>",
            from.0, from.1, to.0, to.1
        );
    }

    fn put(&mut self, x: f64, y: f64, text: &str, anchor: Anchor, style: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(self.body, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{text}</text>");
    }
}

/// How the numbers of an axis are written.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// As they are.
    Plain,
    /// As hundredths, with a percent sign.
    Percent,
    /// As hundredths with a sign before: points of a percentage.
    Points,
    /// As they are, with a sign before.
    Signed,
}

impl Unit {
    /// The number, with as many digits after the point as the step between ticks needs.
    pub(crate) fn text(self, number: f64, step: f64) -> String {
        let scale = if matches!(self, Self::Percent | Self::Points) { 100.0 } else { 1.0 };
        let digits = (-libm::floor(libm::log10(step * scale) + 1e-9)).clamp(0.0, 9.0) as usize;
        // No minus before a zero.
        let number = if (number * scale).abs() < 1e-9 * step * scale { 0.0 } else { number * scale };
        match self {
            Self::Plain => thousands(&format!("{number:.digits$}")),
            Self::Percent => format!("{number:.digits$}%"),
            Self::Points if number.abs() > 0.0 => format!("{number:+.digits$}%"),
            Self::Points => "0%".to_owned(),
            Self::Signed if number.abs() > 0.0 => format!("{number:+.digits$}"),
            Self::Signed => "0".to_owned(),
        }
    }
}

/// With a thin gap between thousands.
fn thousands(text: &str) -> String {
    let whole = text.find('.').unwrap_or(text.len());
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        let left = whole.saturating_sub(i);
        if i > 0 && i < whole && left % 3 == 0 && !out.ends_with('-') {
            out.push('\u{2009}');
        }
        out.push(c);
    }
    out
}

/// Round numbers within a range, about so many, and the step between them.
fn ticks((low, high): (f64, f64), count: f64) -> (Vec<f64>, f64) {
    let rough = (high - low) / count;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|of| of * power).find(|step| *step >= rough).unwrap_or(rough);
    let first = libm::ceil(low / step - 1e-9);
    let many = (libm::floor(high / step + 1e-9) - first).clamp(0.0, 100.0) as u32;
    ((0..=many).map(|i| (first + f64::from(i)) * step).collect(), step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let (found, step) = ticks((-0.013, 0.031), 5.0);
        let texts: Vec<String> = found.iter().map(|tick| Unit::Points.text(*tick, step)).collect();
        assert_eq!(texts, ["-1%", "0%", "+1%", "+2%", "+3%"]);
        let (found, step) = ticks((0.0, 12_000.0), 6.0);
        let texts: Vec<String> = found.iter().map(|tick| Unit::Plain.text(*tick, step)).collect();
        assert_eq!(texts.last().map(String::as_str), Some("12\u{2009}000"));
        assert_eq!(Unit::Percent.text(0.125, 0.005), "12.5%");
    }

    #[test]
    fn names_cannot_break_the_file() {
        let mut chart = Chart::new("a < b & c", "", (400.0, 300.0), 60.0).ranged((1.0, 1.0), (0.0, 1.0));
        chart.row(0.5, "<script>");
        chart.line(&[(1.0, 0.0), (2.0, 9.0)], COLORS[0]);
        let file = chart.finish();
        assert!(file.contains("a &lt; b &amp; c") && !file.contains("<script") && !file.contains("NaN"));
    }
}
