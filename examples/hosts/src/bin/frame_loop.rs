//! A loop that draws frames, as games and winit's applications have it: each frame polls the run once and goes on.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use fourfold::{RunError, clock::clock_fn};
use fourfold_hosts::{Outcome, check, drain};

/// The time of a frame, at 250 frames a second.
const FRAME: Duration = Duration::from_millis(4);

/// The application: what winit calls with each of its events.
struct App<'a> {
    run: Pin<Box<dyn Future<Output = Result<Outcome, RunError<std::convert::Infallible>>> + 'a>>,
    outcome: Option<Result<Outcome, RunError<std::convert::Infallible>>>,
    frames: u32,
}

impl App<'_> {
    /// A frame, in winit `about_to_wait` or `RedrawRequested`. Nobody has to wake the loop: it comes back anyway.
    fn frame(&mut self) {
        self.frames += 1;
        if let Poll::Ready(outcome) = self.run.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            self.outcome = Some(outcome);
        }
    }
}

fn main() {
    let start = Instant::now();
    let clock = clock_fn(
        || start.elapsed(),
        |pause| {
            let due = Instant::now() + pause;
            poll_fn(move |_| if Instant::now() >= due { Poll::Ready(()) } else { Poll::Pending })
        },
    );
    let mut app = App { run: Box::pin(drain(&clock)), outcome: None, frames: 0 };
    let outcome = loop {
        let next = Instant::now() + FRAME;
        app.frame();
        if let Some(outcome) = app.outcome.take() {
            break outcome;
        }
        // The display would have the loop wait here.
        thread::sleep(next.saturating_duration_since(Instant::now()));
    };
    assert!(app.frames > 10, "the run kept the frames waiting: {} were drawn", app.frames);
    check("a loop of frames", &outcome);
}
