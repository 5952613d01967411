//! A run over time, as a line of blocks.

use std::time::Duration;

use anstyle::{Ansi256Color, AnsiColor, Style};
use fourfold::metrics::Utilization;

use super::blocks;

const SCALE: u32 = 1000;

const RUNNING: AnsiColor = AnsiColor::Cyan;
const SOME_FAILED: AnsiColor = AnsiColor::Yellow;
const MOST_FAILED: AnsiColor = AnsiColor::Red;
const QUEUED: Style = AnsiColor::Blue.on_default();
/// Behind the blocks: a grey that is dark beside each of the others, on a light terminal as on a
/// dark one.
const IDLE: Ansi256Color = Ansi256Color(238);
/// From such a share of the running time on it is said that it came to nothing.
const SOME: f64 = 0.15;
const MOST: f64 = 0.5;

/// What is drawn: a profile up to `elapsed`, of `span` as wide as `cells`.
pub(crate) struct Timeline<'a> {
    pub(crate) profile: &'a Utilization,
    pub(crate) elapsed: Duration,
    pub(crate) span: Duration,
    pub(crate) limit: usize,
    pub(crate) cells: usize,
}

impl Timeline<'_> {
    /// Blocks: full where as many as the limit were in flight, empty where nobody was.
    pub(crate) fn plain(&self) -> String {
        self.averages(self.profile.columns(SCALE)).map(|average| blocks::block(average, self.limit as f64)).collect()
    }

    /// The same in colours, which tell what came to nothing and what was idle.
    pub(crate) fn coloured(&self) -> String {
        let running = self.averages(self.profile.columns(SCALE));
        let blocks = running.map(|average| blocks::block(average, self.limit as f64));
        paint(self.colours().map(style).zip(blocks))
    }

    /// What each cell's running time came to.
    fn colours(&self) -> impl Iterator<Item = AnsiColor> {
        let failed = self.averages(self.profile.failed(SCALE));
        self.averages(self.profile.columns(SCALE)).zip(failed).map(|(running, failed)| match failed {
            _ if failed > MOST * running => MOST_FAILED,
            _ if failed > SOME * running => SOME_FAILED,
            _ => RUNNING,
        })
    }

    /// How many tasks waited for a permit: half a line high where there were `most`, so that it is
    /// seen as what it is, a queue on top of what runs.
    pub(crate) fn queue(&self, most: f64) -> String {
        let averages = self.averages(self.profile.queued(SCALE));
        paint(averages.map(|average| (QUEUED, blocks::block(average, 2.0 * most))))
    }

    /// The most that waited for a permit, on the average of a cell.
    pub(crate) fn most_queued(&self) -> f64 {
        self.averages(self.profile.queued(SCALE)).fold(0.0, f64::max)
    }

    /// The average of each cell that time has reached.
    fn averages(&self, columns: impl Iterator<Item = u64>) -> impl Iterator<Item = f64> {
        let columns: Vec<u64> = columns.collect();
        let (width, elapsed) = (self.profile.width().as_secs_f64(), self.elapsed.as_secs_f64());
        let cell = self.span.as_secs_f64() / self.cells as f64;
        (0..self.cells)
            .map(move |n| (n as f64 * cell, (n + 1) as f64 * cell))
            .take_while(move |(from, _)| *from < elapsed)
            .map(move |(from, to)| average(&columns, width, from, to))
    }
}

/// What the colours mean, those that are there.
pub(crate) fn legend(lines: &[Timeline<'_>]) -> String {
    let is_there = |colour| lines.iter().any(|line| line.colours().any(|there| there == colour));
    let mut parts = Vec::new();
    let failed = [(SOME_FAILED, "some of it failed"), (MOST_FAILED, "most of it failed")];
    for (colour, meaning) in [(RUNNING, "running")].into_iter().chain(failed) {
        if is_there(colour) {
            let style = style(colour);
            parts.push(format!("{style}▅{style:#} {meaning}"));
        }
    }
    let idle = style(RUNNING);
    parts.push(format!("{idle} {idle:#} idle permits"));
    if lines.iter().any(|line| line.most_queued() > 0.0) {
        parts.push(format!("{QUEUED}▄{QUEUED:#} waiting for a permit"));
    }
    parts.join("   ")
}

fn style(colour: AnsiColor) -> Style {
    colour.on_default().bg_color(Some(IDLE.into()))
}

/// Cells of the same style next to each other are one piece.
fn paint(cells: impl Iterator<Item = (Style, char)>) -> String {
    let mut line = String::new();
    let mut present: Option<Style> = None;
    for (style, block) in cells {
        if present != Some(style) {
            if let Some(present) = present {
                line += &format!("{present:#}");
            }
            line += &style.to_string();
            present = Some(style);
        }
        line.push(block);
    }
    if let Some(present) = present {
        line += &format!("{present:#}");
    }
    line
}

/// The average of columns between two times, in seconds.
fn average(columns: &[u64], width: f64, from: f64, to: f64) -> f64 {
    let mut sum = 0.0;
    let first = (from / width) as usize;
    for (column, amount) in columns.iter().enumerate().skip(first) {
        let start = column as f64 * width;
        if start >= to {
            break;
        }
        let overlap = (start + width).min(to) - start.max(from);
        sum += *amount as f64 / f64::from(SCALE) * overlap;
    }
    sum / (to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_cut_across_columns() {
        let columns = [4000, 0, 2000];
        assert_eq!(average(&columns, 1.0, 0.0, 1.0), 4.0);
        assert_eq!(average(&columns, 1.0, 0.5, 1.5), 2.0);
        assert_eq!(average(&columns, 1.0, 0.0, 3.0), 2.0);
        assert_eq!(average(&columns, 1.0, 2.0, 4.0), 1.0);
    }

    #[test]
    fn neighbours_of_a_style_share_it() {
        let red = AnsiColor::Red.on_default();
        let line = paint([(QUEUED, 'a'), (QUEUED, 'b'), (red, 'c')].into_iter());
        assert_eq!(line, "\x1b[34mab\x1b[0m\x1b[31mc\x1b[0m");
        assert_eq!(paint([].into_iter()), "");
    }
}
