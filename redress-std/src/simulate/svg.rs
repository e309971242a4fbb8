//! A writer of SVG: shapes with classes, which a style sheet in the image colours, and text that is escaped.

use std::fmt::{Display, Write};

/// An image that is being written.
#[derive(Debug)]
pub(super) struct Svg(String);

/// A point, in pixels from the left and from the top.
pub(super) type Point = (f64, f64);

/// A number with at most two decimals, which is a hundredth of a pixel.
struct Pixels(f64);

impl Display for Pixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 100.0).round() / 100.0;
        // Not minus zero.
        write!(f, "{}", rounded + 0.0)
    }
}

impl Svg {
    /// Begins an image of this size with a title, which screen readers speak, and a style sheet.
    pub(super) fn new((width, height): Point, title: &str, style: &str) -> Self {
        let mut svg = Self(String::new());
        let _ = write!(
            svg.0,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<title>",
        );
        svg.escape(title);
        let _ = writeln!(svg.0, "</title>\n<style>{style}</style>");
        svg
    }

    /// Ends the image.
    pub(super) fn finish(mut self) -> String {
        self.0 += "</svg>\n";
        self.0
    }

    /// Begins a group that lies this far from the one around it.
    pub(super) fn open(&mut self, class: &str, (x, y): Point) {
        let _ = writeln!(self.0, "<g class=\"{class}\" transform=\"translate({},{})\">", Pixels(x), Pixels(y));
    }

    pub(super) fn close(&mut self) {
        self.0 += "</g>\n";
    }

    pub(super) fn rect(&mut self, class: &str, (left, top): Point, (right, bottom): Point) {
        let _ = writeln!(
            self.0,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            Pixels(left),
            Pixels(top),
            Pixels((right - left).max(0.0)),
            Pixels((bottom - top).max(0.0)),
        );
    }

    pub(super) fn circle(&mut self, class: &str, (x, y): Point, radius: f64) {
        let (x, y, radius) = (Pixels(x), Pixels(y), Pixels(radius));
        let _ = writeln!(self.0, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
    }

    /// Draws a line through these points.
    pub(super) fn line(&mut self, class: &str, points: impl IntoIterator<Item = Point>) {
        self.points("polyline", class, points);
    }

    /// Fills the area between these points.
    pub(super) fn area(&mut self, class: &str, points: impl IntoIterator<Item = Point>) {
        self.points("polygon", class, points);
    }

    fn points(&mut self, name: &str, class: &str, points: impl IntoIterator<Item = Point>) {
        let _ = write!(self.0, "<{name} class=\"{class}\" points=\"");
        for (n, (x, y)) in points.into_iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            let _ = write!(self.0, "{space}{},{}", Pixels(x), Pixels(y));
        }
        self.0 += "\"/>\n";
    }

    pub(super) fn text(&mut self, class: &str, (x, y): Point, text: &str) {
        let _ = write!(self.0, "<text class=\"{class}\" x=\"{}\" y=\"{}\">", Pixels(x), Pixels(y));
        self.escape(text);
        self.0 += "</text>\n";
    }

    /// Writes a text in which nothing is markup, and of which XML allows every character.
    fn escape(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.0 += "&lt;",
                '>' => self.0 += "&gt;",
                '&' => self.0 += "&amp;",
                '"' => self.0 += "&quot;",
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let mut svg = Svg::new((10.0, 20.0), "a<b", "");
        svg.text("t", (1.234, -0.001), "\"x\" & \u{1b}[31m</text>");
        let image = svg.finish();
        assert!(image.contains("<title>a&lt;b</title>"), "{image}");
        let text = "<text class=\"t\" x=\"1.23\" y=\"0\">&quot;x&quot; &amp; \u{fffd}[31m&lt;/text&gt;</text>";
        assert!(image.contains(text), "{image}");
    }
}
