//! Events as server-sent events: what each follower is told.

use alloc::{rc::Rc, string::String, vec::Vec};
use core::{convert::Infallible, time::Duration};

use futures_lite::{Stream, future::or, stream::unfold};
use hyper::body::{Bytes, Frame};
use serde::Serialize;
use smol::Timer;

use super::Live;
use crate::{metrics::State, trace};

/// The time for which events are collected before they are written.
const TICK: Duration = Duration::from_millis(20);
/// The size of the text that is made at a time, in bytes; the run continues between two such texts.
const CHUNK: usize = 16 * 1024;
/// The maximum size of the text per tick, since making text takes time on the run's thread. Events beyond it are a gap.
const PER_TICK_MAX: usize = 16 * CHUNK;
/// A comment says so often that there is nothing to say.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Where a follower begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The stream begins with a snapshot.
    Now,
    /// With the event at this index.
    At(u64),
    /// It was somewhere else, nobody knows where.
    Lost,
}

/// What the events follow from.
#[derive(Serialize)]
struct Snapshot<'a> {
    run: u64,
    next: u64,
    state: &'a State,
}

/// Everything from a place on, in chunks; it ends when all is said.
pub(super) fn chunks(live: Rc<Live>, place: Place) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    let telling = Telling { live, at: 0, step: Step::Begin(place), written: 0 };
    unfold(telling, async |mut telling| {
        let text = telling.next().await?;
        Some((Ok(Frame::data(Bytes::from(text))), telling))
    })
}

/// What a follower is told next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Begin(Place),
    /// At once.
    Continue,
    /// After the pause in which events are collected.
    Pause,
    Over,
}

/// What one follower has been told, and what comes next.
struct Telling {
    live: Rc<Live>,
    /// The index of the event to be told next.
    at: u64,
    step: Step,
    /// Bytes since the last pause.
    written: usize,
}

impl Telling {
    async fn next(&mut self) -> Option<Vec<u8>> {
        match self.step {
            Step::Begin(place) => {
                self.step = Step::Continue;
                return Some(self.begin(place));
            }
            // The run has a turn between two chunks.
            Step::Continue => futures_lite::future::yield_now().await,
            Step::Pause => {
                self.written = 0;
                Timer::after(TICK).await;
            }
            Step::Over => return None,
        }
        let mut text = Vec::with_capacity(CHUNK + CHUNK / 4);
        loop {
            self.go_on(&mut text);
            if !text.is_empty() {
                break;
            }
            if self.live.over.get() {
                self.step = Step::Over;
                return Some(b"event: end\ndata: {}\n\n".to_vec());
            }
            if !self.news_or_late().await {
                text.extend_from_slice(b":\n\n");
                break;
            }
        }
        self.written += text.len();
        let pauses = (self.is_up_to_date() || self.written >= PER_TICK_MAX) && !self.live.over.get();
        self.step = if pauses { Step::Pause } else { Step::Continue };
        Some(text)
    }

    fn begin(&mut self, place: Place) -> Vec<u8> {
        let mut text = b"retry: 1000\n\n".to_vec();
        match place {
            Place::At(index) => self.at = index,
            Place::Now => self.snapshot(&mut text),
            Place::Lost => {
                text.extend_from_slice(b"event: gap\ndata: {\"missed\":null}\n\n");
                self.snapshot(&mut text);
            }
        }
        text
    }

    fn is_up_to_date(&self) -> bool {
        self.at == self.live.ring.borrow().end()
    }

    /// The next events, as many as a chunk holds; a gap and a snapshot where they are gone.
    fn go_on(&mut self, text: &mut Vec<u8>) {
        let (start, end) = {
            let ring = self.live.ring.borrow();
            (ring.start(), ring.end())
        };
        if self.at < start {
            text.extend_from_slice(format!("event: gap\ndata: {{\"missed\":{}}}\n\n", end - self.at).as_bytes());
            self.snapshot(text);
            return;
        }
        let ring = self.live.ring.borrow();
        let mut id = String::new();
        while let Some(record) = ring.get(self.at).filter(|_| text.len() < CHUNK) {
            let event = record.borrowed();
            id.clear();
            ring.write_id(ring.run_at(self.at), event.sequence.saturating_add(1), &mut id);
            text.extend_from_slice(b"id: ");
            text.extend_from_slice(id.as_bytes());
            text.extend_from_slice(b"\ndata: ");
            trace::write_line(&event, text);
            text.extend_from_slice(b"\n\n");
            self.at += 1;
        }
    }

    /// All that is known now; what comes after it comes next.
    fn snapshot(&mut self, text: &mut Vec<u8>) {
        let ring = self.live.ring.borrow();
        let state = self.live.state.borrow();
        let state = state.borrow();
        self.at = ring.end();
        let (run, next) = (ring.run_at(self.at), state.next_sequence());
        let mut id = String::new();
        ring.write_id(run, next, &mut id);
        text.extend_from_slice(format!("event: snapshot\nid: {id}\ndata: ").as_bytes());
        serde_json::to_writer(&mut *text, &Snapshot { run, next, state: &state })
            .expect("plain data with text or numbers for keys goes to memory, which cannot fail");
        text.extend_from_slice(b"\n\n");
    }

    /// Waits; false when it is time for a sign of life.
    async fn news_or_late(&self) -> bool {
        let news = self.live.news.listen();
        self.live.asleep.set(true);
        let late = async {
            Timer::after(HEARTBEAT).await;
            false
        };
        or(
            async {
                news.await;
                true
            },
            late,
        )
        .await
    }
}
