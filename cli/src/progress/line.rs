//! A line for commands that only read and write.

use std::time::{Duration, Instant};

use console::Term;

use crate::{
    render::{
        blocks,
        style::FLOW,
        units::{clock, left},
    },
    terminal,
};

const CELLS: usize = 24;
/// The time between two draws.
const EVERY: Duration = Duration::from_millis(100);

/// A line that shows how far a command is. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    begin: Instant,
    next: Instant,
    total: Option<u64>,
    is_shown: bool,
}

impl ProgressLine {
    /// Creates the line of a command that has `total` to do, if that is known. Nothing is shown
    /// where nothing can be drawn, and nothing of what is over at once.
    pub(crate) fn new(total: Option<u64>, quiet: bool) -> Self {
        let now = Instant::now();
        Self { begin: now, next: now + EVERY, total, is_shown: !quiet && terminal::is_drawable() }
    }

    /// Shows how much is done.
    pub(crate) fn update(&mut self, position: u64, message: &str) {
        let now = Instant::now();
        if !self.is_shown || now < self.next {
            return;
        }
        self.next = now + EVERY;
        let line = text(position, self.total, now - self.begin, message);
        // Short of the last column, where some terminals break the line.
        let width = usize::from(Term::stderr().size().1).saturating_sub(1);
        terminal::draw(&[console::truncate_str(&line, width, "").into_owned()]);
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if self.is_shown {
            terminal::clear();
        }
    }
}

fn text(position: u64, total: Option<u64>, elapsed: Duration, message: &str) -> String {
    let Some(total) = total.filter(|total| *total > 0) else { return format!(" {message}  {}", clock(elapsed)) };
    let done = (position as f64 / total as f64).min(1.0);
    let mut text = format!(" {} {:>3.0} %", blocks::line(done, CELLS, FLOW), (done * 100.0).floor());
    if !message.is_empty() {
        text += &format!("  {message}");
    }
    if let Some(left) = left(elapsed, done) {
        text += &format!("  {} left", clock(left));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_far_it_is_and_how_long_it_will_take() {
        let second = Duration::from_secs(1);
        let plain = |text: String| anstream::adapter::strip_str(&text).to_string();
        let quarter = plain(text(250, Some(1000), second, "7 pushed"));
        assert_eq!(quarter, " ━━━━━━──────────────────  25 %  7 pushed  3.0 s left");
        assert_eq!(plain(text(250, None, second, "7 pushed")), " 7 pushed  1.0 s");
        assert_eq!(plain(text(0, Some(0), second, "")), "   1.0 s");
    }
}
