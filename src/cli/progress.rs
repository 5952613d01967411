//! The line on the terminal while a run goes on: a view of the fold.

use std::{cell::RefCell, convert::Infallible, time::Duration};

use fourfold::{Phase, State};
use indicatif::{ProgressBar, ProgressStyle};

use super::screen;

const EVERY: Duration = Duration::from_millis(100);
/// The bar's own scale: thousandths of the work.
const SCALE: u64 = 1000;

/// How much of the work is done, from 0 to 1, where that is known.
pub(crate) type Done<'a> = &'a dyn Fn(&State) -> Option<f64>;

/// Draws until it is dropped.
pub(crate) async fn show(state: &RefCell<State>, done: Done<'_>) -> Infallible {
    let shown = Shown::new(done(&state.borrow()).is_some());
    loop {
        smol::Timer::after(EVERY).await;
        let state = state.borrow();
        shown.draw(&state, done(&state));
    }
}

struct Shown(ProgressBar);

impl Shown {
    fn new(bounded: bool) -> Self {
        let bar = if bounded { ProgressBar::new(SCALE) } else { ProgressBar::no_length() };
        let template = if bounded { "{bar:24.cyan/dim} {wide_msg}" } else { "{spinner:.cyan} {wide_msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        screen::set_progress(Some(bar.clone()));
        Self(bar)
    }

    fn draw(&self, state: &State, done: Option<f64>) {
        if let Some(done) = done {
            self.0.set_position((done * SCALE as f64) as u64);
        } else {
            self.0.tick();
        }
        self.0.set_message(message(state, done));
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        screen::set_progress(None);
        self.0.finish_and_clear();
    }
}

fn message(state: &State, done: Option<f64>) -> String {
    let tally = state.tally();
    let rate = state.report().throughput();
    let failures = tally.failed + tally.timed_out + tally.panicked;
    let mut message =
        format!("{} ended · {} in flight of {} · {rate:.0}/s", tally.tasks(), tally.in_flight, state.limit());
    if failures > 0 {
        message += &format!(" · {failures} failed attempts, {} dead", tally.dead);
    }
    match state.phase() {
        Phase::Draining => message += " · draining",
        Phase::Aborting => message += " · aborting",
        Phase::Waiting | Phase::Running | Phase::Ended => {
            if let Some(left) = done.and_then(|done| left(state.elapsed(), done)) {
                message += &format!(" · {}s left", left.as_secs());
            }
        }
    }
    message
}

fn left(elapsed: Duration, done: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(elapsed.as_secs_f64() * (1.0 - done) / done).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_from_what_is_done() {
        let elapsed = Duration::from_secs(30);
        assert_eq!(left(elapsed, 0.25), Some(Duration::from_secs(90)));
        assert_eq!(left(elapsed, 1.0), Some(Duration::ZERO));
        assert_eq!(left(elapsed, 0.0), None);
    }
}
