//! What is seen on the terminal while a command works. Of a run it is drawn from the state and
//! nothing else.

mod line;
mod recent;

mod frame;

use std::{cell::RefCell, convert::Infallible, time::Duration};

use console::Term;
use fourfold::{
    Clock,
    metrics::{Counters, State},
};

pub(crate) use self::line::ProgressLine;
use self::{
    frame::{Frame, Size},
    recent::Recent,
};
use crate::{clock::AnyClock, terminal};

/// The time between two draws.
const EVERY: Duration = Duration::from_millis(100);

/// How much of the work is done, from 0 to 1, where that is known.
pub(crate) type Done<'a> = &'a dyn Fn(&State) -> Option<f64>;

/// Draws until it is dropped.
pub(crate) async fn show(state: &RefCell<State>, clock: &AnyClock, done: Done<'_>) -> Infallible {
    let terminal = Term::stderr();
    let mut recent = Recent::default();
    let _shown = Shown;
    loop {
        smol::Timer::after(EVERY).await;
        let (state, now) = (state.borrow(), clock.now());
        recent.look(now, state.counters().tasks());
        // Where it is not known it is as it was for decades.
        let size = terminal.size_checked().filter(|(rows, columns)| *rows > 0 && *columns > 0);
        let (rows, columns) = size.unwrap_or((24, 80));
        let size = Size { rows: rows.into(), columns: columns.into() };
        terminal::draw(&Frame { state: &state, now, done: done(&state), recent: &recent, size }.lines());
    }
}

/// Writes a line to the log at this interval until it is dropped.
pub(crate) async fn log(state: &RefCell<State>, every: Duration) -> Infallible {
    let mut before = 0;
    loop {
        smol::Timer::after(every).await;
        let Counters { in_flight, queued, dead, .. } = *state.borrow().counters();
        let ended = state.borrow().counters().tasks();
        let rate = ended.saturating_sub(before) as f64 / every.as_secs_f64();
        terminal::say(&format!("{ended} ended, {in_flight} in flight, {queued} waiting, {dead} dead, {rate:.1}/s"));
        before = ended;
    }
}

/// Removes the view from the terminal when it is dropped.
struct Shown;

impl Drop for Shown {
    fn drop(&mut self) {
        terminal::clear();
    }
}
