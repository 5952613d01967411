//! Metrics as often as they are worth it: to make their text takes time on the run's thread.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::time::Instant;

use alloc::string::String;
use hyper::body::Bytes;
use smol::Timer;

use super::{Live, exposition::Format, metrics};

/// The least time between two texts.
const PERIOD_MIN: Duration = Duration::from_millis(10);
/// A text is made again only after this many times the time that it took.
const REST: u32 = 20;

/// The latest texts, one for each format.
#[derive(Debug, Default)]
pub(super) struct Scrapes {
    open_metrics: Scrape,
    classic: Scrape,
}

/// The latest text in one format.
#[derive(Debug, Default)]
struct Scrape {
    latest: RefCell<Option<Made>>,
    /// When another may be made.
    next: Cell<Option<Instant>>,
}

/// A text, and what it says.
#[derive(Debug)]
struct Made {
    at: Instant,
    /// The run, and how many of its events the text knows: the same for two texts that are the same.
    version: (u64, u64),
    text: Bytes,
}

/// Returns the metrics as they are now, or as they were at some time after the call.
pub(super) async fn scrape(live: &Live, format: Format) -> Bytes {
    let scrape = match format {
        Format::OpenMetrics => &live.scrapes.open_metrics,
        Format::Classic => &live.scrapes.classic,
    };
    let called = Instant::now();
    loop {
        let version = (live.ring.borrow().latest_run(), live.state.borrow().borrow().next_sequence());
        if let Some(text) = scrape.since(called, version) {
            return text;
        }
        match scrape.next.get().filter(|next| Instant::now() < *next) {
            // Whoever waits with this one gets the same text.
            Some(next) => {
                Timer::at(next).await;
            }
            None => return scrape.make(version, || metrics::text(&live.state.borrow().borrow(), version.0, format)),
        };
    }
}

impl Scrape {
    /// Returns the latest text if it is of this version, or was made after this moment.
    fn since(&self, moment: Instant, version: (u64, u64)) -> Option<Bytes> {
        let latest = self.latest.borrow();
        let made = latest.as_ref().filter(|made| made.version == version || made.at >= moment)?;
        Some(made.text.clone())
    }

    fn make(&self, version: (u64, u64), text: impl FnOnce() -> String) -> Bytes {
        let at = Instant::now();
        let text = Bytes::from(text());
        let now = Instant::now();
        self.next.set(Some(now + PERIOD_MIN.max((now - at) * REST)));
        self.latest.replace(Some(Made { at, version, text: text.clone() }));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Time,
        event::{Event, EventKind, Observer},
        listen::Listener,
    };

    #[test]
    fn those_who_ask_in_a_loop_share_a_text_and_get_none_that_is_older_than_they() {
        let listener = Listener::bind(&crate::listen::ListenAddress::loopback(0)).unwrap();
        let live = listener.shared.live.as_ref().unwrap();
        let mut watch = listener.watch();
        let start = Instant::now();
        let mut texts = Vec::new();
        smol::block_on(async {
            for sequence in 0..5 {
                watch.event(&Event { sequence, at: Time::ZERO, kind: EventKind::Malformed { reason: "" } });
                for _ in 0..20 {
                    texts.push(scrape(live, Format::OpenMetrics).await);
                }
                let known = format!("fourfold_events_total {}\n", sequence + 1);
                assert!(core::str::from_utf8(texts.last().unwrap()).unwrap().contains(&known), "{known}");
            }
        });
        texts.dedup_by_key(|text| text.as_ptr());
        assert_eq!(texts.len(), 5, "what has not changed is not made again");
        assert!(start.elapsed() >= 4 * PERIOD_MIN, "{:?}", start.elapsed());
    }
}
