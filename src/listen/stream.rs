//! Events as server-sent events: what each follower is told.

use alloc::{rc::Rc, string::String, vec::Vec};
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::io;

use async_channel::{Receiver, Sender};
use futures_lite::{AsyncRead, Stream, future::or};
use serde::Serialize;
use smol::Timer;

use super::{Live, Shared};
use crate::{metrics::State, trace};

/// Events are collected so long before they are written.
const TICK: Duration = Duration::from_millis(20);
/// So much is made at a time: between two of them the run goes on.
const CHUNK: usize = 16 * 1024;
/// So much is written per tick at most: making text takes time on the run's thread. More than that is a gap.
const PER_TICK_MAX: usize = 16 * CHUNK;
/// A comment says so often that there is nothing to say.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Where a follower begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// With a snapshot.
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

/// Tells a follower everything from its place on; ends when it is gone or all is said.
pub(super) async fn feed(shared: Rc<Shared>, place: Place, follower: Sender<Vec<u8>>) {
    let Some(live) = &shared.live else { return };
    let mut telling = Telling { live, at: 0 };
    if follower.send(telling.begin(place)).await.is_err() {
        return;
    }
    let mut written = 0;
    loop {
        let mut text = Vec::with_capacity(CHUNK + CHUNK / 4);
        telling.go_on(&mut text);
        let is_idle = text.is_empty();
        if is_idle {
            if live.over.get() {
                let _ = follower.send(b"event: end\ndata: {}\n\n".to_vec()).await;
                return;
            }
            if telling.news_or_late().await {
                continue;
            }
            text.extend_from_slice(b":\n\n");
        }
        written += text.len();
        if follower.send(text).await.is_err() {
            return;
        }
        if (telling.is_up_to_date() || written >= PER_TICK_MAX) && !live.over.get() {
            written = 0;
            Timer::after(TICK).await;
        } else {
            futures_lite::future::yield_now().await;
        }
    }
}

struct Telling<'a> {
    live: &'a Live,
    /// The index of the event to be told next.
    at: u64,
}

impl Telling<'_> {
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

/// The body of a response: what a feed sends.
pub(super) struct Chunks {
    chunks: Pin<Box<Receiver<Vec<u8>>>>,
    chunk: Vec<u8>,
    read: usize,
}

/// A follower's two ends. One chunk is on its way, so that a slow one is never ahead of what it takes.
pub(super) fn channel() -> (Sender<Vec<u8>>, Chunks) {
    let (sender, chunks) = async_channel::bounded(1);
    (sender, Chunks { chunks: Box::pin(chunks), chunk: Vec::new(), read: 0 })
}

impl AsyncRead for Chunks {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        while this.read == this.chunk.len() {
            match ready!(this.chunks.as_mut().poll_next(cx)) {
                Some(chunk) => (this.chunk, this.read) = (chunk, 0),
                None => return Poll::Ready(Ok(0)),
            }
        }
        let rest = &this.chunk[this.read..];
        let length = rest.len().min(buf.len());
        buf[..length].copy_from_slice(&rest[..length]);
        this.read += length;
        Poll::Ready(Ok(length))
    }
}
