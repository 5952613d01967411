//! No runtime: the thread polls the run, and sleeps until the run is woken or its earliest sleep is over.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use fourfold::clock::clock_fn;
use fourfold_hosts::{check, drain};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn main() {
    let start = Instant::now();
    // The clock has one timer at a time, so one place is enough for it.
    let timer = Cell::new(None);
    let clock = clock_fn(
        || start.elapsed(),
        |pause: Duration| {
            let (due, timer) = (Instant::now() + pause, &timer);
            poll_fn(move |_| {
                let is_over = Instant::now() >= due;
                timer.set((!is_over).then_some(due));
                if is_over { Poll::Ready(()) } else { Poll::Pending }
            })
        },
    );
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut run = pin!(drain(&clock));
    let outcome = loop {
        if let Poll::Ready(outcome) = run.as_mut().poll(&mut Context::from_waker(&waker)) {
            break outcome;
        }
        match timer.take() {
            Some(due) => thread::park_timeout(due.saturating_duration_since(Instant::now())),
            None => thread::park(),
        }
    };
    check("no runtime", &outcome);
}
