//! A picture of how much of the API's limit is used: one bar a row, as SVG that is readable on light and
//! on dark pages.

use std::fmt::Write;

/// A bar of the picture.
#[derive(Clone, Debug)]
pub struct Share {
    /// What was measured.
    pub label: String,
    /// Of what the limit allows, 1 being all of it.
    pub used: f64,
    /// What it is held against.
    pub bar: f64,
}

const TITLE: &str = "Share of what Intercom's rate limit allows, on the default settings";
const WIDTH: f64 = 720.0;
/// Where bars begin, behind their labels.
const LEFT: f64 = 330.0;
/// What a share of 1 is long.
const LENGTH: f64 = 320.0;
const ROW: f64 = 22.0;
const TOP: f64 = 44.0;

/// The picture. A share beyond 1, which the last window's budget may give, ends with the scale.
pub fn svg(shares: &[Share]) -> String {
    let height = TOP + ROW * shares.len() as f64 + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{0}\">\n\
         <title>{0}</title>\n\
         <style>\n\
         text {{ font: 12px system-ui, sans-serif; fill: #24292f; }}\n\
         .title {{ font-weight: 600; }}\n\
         .scale {{ stroke: #8c959f; stroke-width: 1; }}\n\
         .share {{ fill: #2f81c7; }}\n\
         .missed {{ fill: #c2571a; }}\n\
         .bar {{ stroke: #24292f; stroke-width: 1.5; }}\n\
         @media (prefers-color-scheme: dark) {{\n\
         text {{ fill: #d7dde3; }}\n\
         .bar {{ stroke: #d7dde3; }}\n\
         }}\n\
         </style>\n\
         <text class=\"title\" x=\"8\" y=\"20\">{0}</text>\n",
        escaped(TITLE)
    );
    let bottom = height - 8.0;
    for (share, label) in [(0.0, "0"), (0.5, "0.5"), (1.0, "1")] {
        let x = LEFT + share * LENGTH;
        let _ = writeln!(
            svg,
            "<line class=\"scale\" x1=\"{x}\" y1=\"{0}\" x2=\"{x}\" y2=\"{bottom}\"/>\
             <text x=\"{x}\" y=\"{1}\" text-anchor=\"middle\">{label}</text>",
            TOP - 4.0,
            TOP - 8.0
        );
    }
    for (number, share) in shares.iter().enumerate() {
        let y = TOP + ROW * number as f64;
        let length = LENGTH * share.used.clamp(0.0, 1.0);
        let class = if share.used < share.bar {
            "missed"
        } else {
            "share"
        };
        let bar = LEFT + LENGTH * share.bar;
        let _ = writeln!(
            svg,
            "<text x=\"{0}\" y=\"{1}\" text-anchor=\"end\">{2}</text>\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{3}\" width=\"{length:.1}\" height=\"14\"/>\
             <line class=\"bar\" x1=\"{bar}\" y1=\"{y}\" x2=\"{bar}\" y2=\"{4}\"/>\
             <text x=\"{5}\" y=\"{1}\">{6:.2}</text>",
            LEFT - 10.0,
            y + 13.0,
            escaped(&share.label),
            y + 2.0,
            y + 18.0,
            LEFT + LENGTH + 12.0,
            share.used
        );
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{Share, svg};

    #[test]
    fn every_row_has_a_bar_as_long_as_its_share() {
        let share = |label: &str, used| Share {
            label: label.to_owned(),
            used,
            bar: 0.9,
        };
        let svg = svg(&[share("whole & sound", 1.2), share("half", 0.5)]);
        assert!(svg.contains("whole &amp; sound"));
        assert!(
            svg.contains("class=\"share\" x=\"330\" y=\"46\" width=\"320.0\""),
            "{svg}"
        );
        assert!(
            svg.contains("class=\"missed\" x=\"330\" y=\"68\" width=\"160.0\""),
            "{svg}"
        );
        assert!(svg.contains(">1.20<") && svg.contains(">0.50<"));
    }
}
