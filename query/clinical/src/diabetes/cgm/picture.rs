//! The ambulatory glucose profile as a picture.

use super::{Agp, Ranges, Trace, Wear, metric};
use std::fmt::Write;

/// The language of texts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Language {
    /// 日本語
    Japanese,
    /// English.
    English,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
/// Left, top, right, bottom of the plot.
const PLOT: (f64, f64, f64, f64) = (56.0, 84.0, 740.0, 380.0);
const TOP_VALUE: f64 = 400.0;
/// Limits drawn across: the range is between the first two.
const LINES: [f64; 4] = [70.0, 180.0, 54.0, 250.0];

fn x(minute: f64) -> f64 {
    PLOT.0 + (PLOT.2 - PLOT.0) * minute / 1440.0
}
fn y(value: f64) -> f64 {
    PLOT.3 - (PLOT.3 - PLOT.1) * value.clamp(0.0, TOP_VALUE) / TOP_VALUE
}

/// The profile as SVG. It holds the numbers that are drawn and fixed texts, nothing of the patient. Where the sensor was
/// worn too little to be judged, it says so in the picture.
pub fn agp_svg(trace: &Trace, wear: &Wear, language: Language) -> String {
    let mut out = String::new();
    // writing into a String cannot fail
    let _ = draw(&mut out, trace, wear, language);
    out
}

fn draw(out: &mut String, trace: &Trace, wear: &Wear, language: Language) -> std::fmt::Result {
    let say = |ja: &'static str, en: &'static str| match language {
        Language::Japanese => ja,
        Language::English => en,
    };
    let code = say("ja", "en");
    let title = say("AGP（24時間血糖プロファイル）", "Ambulatory glucose profile");
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xml:lang=\"{code}\" role=\"img\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\"><title>{title}</title>\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>"
    )?;
    text(out, (PLOT.0, 22.0), "start", title)?;
    let ranges = Ranges::of(trace);
    let numbers = [
        format!("<54: {:.1} %", ranges.very_low),
        format!("54–69: {:.1} %", ranges.low),
        format!("70–180: {:.1} %", ranges.in_range),
        format!("181–250: {:.1} %", ranges.high),
        format!(">250: {:.1} %", ranges.very_high),
    ];
    text(out, (PLOT.0, 42.0), "start", &escape(&numbers.join(" · ")))?;
    let named = |key: &str| metric(key).and_then(|row| (row.of)(trace)).unwrap_or(f64::NAN);
    let summary = format!(
        "{} {:.0} mg/dL · GMI {:.1} % · CV {:.1} % · {} {:.1} {}, {:.0} %",
        say("平均", "mean"),
        named("mean"),
        named("gmi"),
        named("cv"),
        say("装着", "worn"),
        wear.days,
        say("日", "days"),
        wear.percent,
    );
    text(out, (PLOT.0, 60.0), "start", &summary)?;
    if !wear.sufficient {
        let few = say("データ不足（14日以上・70%以上が必要）", "too little data: 14 days and 70 % are needed");
        write!(out, "<g fill=\"#b00020\">")?;
        text(out, (PLOT.2, 22.0), "end", few)?;
        write!(out, "</g>")?;
    }
    axes(out)?;
    let agp = Agp::of(trace);
    for run in runs(&agp) {
        band(out, run, (0, 4), "#c7d8ec")?;
        band(out, run, (1, 3), "#86abd6")?;
        write!(out, "<polyline fill=\"none\" stroke=\"#12355b\" stroke-width=\"2\" points=\"")?;
        for bin in run {
            point(out, bin, 2)?;
        }
        write!(out, "\"/>")?;
    }
    text(
        out,
        (PLOT.2, HEIGHT - 8.0),
        "end",
        say("中央値・25–75%・5–95%　診断ではありません", "median, 25–75 %, 5–95 %. Not a diagnosis"),
    )?;
    write!(out, "</svg>")
}

/// Bins that follow one another: a gap in the day is not drawn across.
fn runs(agp: &Agp) -> impl Iterator<Item = &[super::AgpBin]> {
    agp.bins.chunk_by(|a, b| b.minute - a.minute == super::AGP_BIN_MINUTES)
}

fn axes(out: &mut String) -> std::fmt::Result {
    let [low, high, very_low, very_high] = LINES;
    write!(
        out,
        "<rect x=\"{}\" y=\"{:.1}\" width=\"{}\" height=\"{:.1}\" fill=\"#e9f5e9\"/>",
        PLOT.0,
        y(high),
        PLOT.2 - PLOT.0,
        y(low) - y(high)
    )?;
    for (value, colour) in [(low, "#3c8d40"), (high, "#3c8d40"), (very_low, "#c62828"), (very_high, "#ef6c00")] {
        write!(
            out,
            "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-dasharray=\"4 3\"/>",
            PLOT.0,
            PLOT.2,
            y(value),
            y(value)
        )?;
        text(out, (PLOT.0 - 6.0, y(value) + 4.0), "end", &format!("{value:.0}"))?;
    }
    text(out, (PLOT.0 - 6.0, PLOT.1 + 4.0), "end", "400")?;
    text(out, (PLOT.0, PLOT.1 - 6.0), "start", "mg/dL")?;
    for hour in (0..=24).step_by(3) {
        let across = x(f64::from(hour) * 60.0);
        write!(
            out,
            "<line x1=\"{across:.1}\" x2=\"{across:.1}\" y1=\"{}\" y2=\"{}\" stroke=\"#ddd\"/>",
            PLOT.1, PLOT.3
        )?;
        text(out, (across, PLOT.3 + 16.0), "middle", &format!("{hour}:00"))?;
    }
    Ok(())
}

fn band(out: &mut String, run: &[super::AgpBin], (low, high): (usize, usize), colour: &str) -> std::fmt::Result {
    write!(out, "<polygon fill=\"{colour}\" points=\"")?;
    for bin in run {
        point(out, bin, high)?;
    }
    for bin in run.iter().rev() {
        point(out, bin, low)?;
    }
    write!(out, "\"/>")
}

fn point(out: &mut String, bin: &super::AgpBin, which: usize) -> std::fmt::Result {
    let value = bin.values.get(which).copied().unwrap_or_default();
    write!(out, "{:.1},{:.1} ", x(f64::from(bin.minute)), y(value))
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) -> std::fmt::Result {
    write!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
