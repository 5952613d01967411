//! An observer that writes a trace on a thread of its own.

use std::{
    io::{self, Write},
    sync::mpsc::{self, Receiver, SyncSender, TrySendError},
    thread::{self, JoinHandle},
};

use alloc::vec::Vec;

use super::{Form, Lines, Perfetto};
use crate::{
    clock::Time,
    event::{Event, Observer, OwnedEvent},
};

/// The number of events that are handed to the writer at a time.
const CHUNK: usize = 1024;
/// The maximum number of chunks that wait for the writer; further chunks are lost.
const CHUNKS_MAX: usize = 128;
/// The time after which events are handed to the writer, even if they are few.
const HAND_OVER_NS: u64 = 1_000_000_000;

/// An observer that writes a trace on a thread of its own.
///
/// A run never waits for the writer: when the writer is too slow or fails, events are lost, and
/// counted.
///
/// ```
/// use std::{fs, io::Write};
/// use fourfold::{Event, Observer, clock::Time, event::EventKind, trace::Trace};
///
/// let path = std::env::temp_dir().join(format!("fourfold-doc-{}.jsonl", std::process::id()));
/// let mut trace = Trace::new(fs::File::create(&path)?);
/// trace.event(&Event { sequence: 0, at: Time::ZERO, kind: EventKind::DrainStarted });
/// let traced = trace.finish();
/// assert_eq!((traced.written, traced.lost), (1, 0));
/// let text = fs::read_to_string(&path)?;
/// assert_eq!(text.lines().nth(1), Some(r#"{"seq":0,"t_ns":0,"event":"drain_started"}"#));
/// # fs::remove_file(path)?;
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Trace {
    chunk: Vec<OwnedEvent>,
    opened_at: Time,
    full: SyncSender<Vec<OwnedEvent>>,
    empty: Receiver<Vec<OwnedEvent>>,
    lost: u64,
    is_patient: bool,
    writer: JoinHandle<(u64, u64, Option<io::Error>)>,
}

/// The result of writing a trace.
#[derive(Debug)]
#[non_exhaustive]
pub struct Traced {
    /// The number of events that were written.
    pub written: u64,
    /// The number of events that were lost because the writer was too slow or failed.
    pub lost: u64,
    /// The error with which the writer failed, if it did. The run has gone on without it.
    pub error: Option<io::Error>,
}

impl Trace {
    /// Starts to write a trace as JSON lines.
    pub fn new<W: Write + Send + 'static>(writer: W) -> Self {
        Self::start(writer, Lines)
    }

    /// Starts to write a trace for Perfetto and chrome://tracing.
    pub fn perfetto<W: Write + Send + 'static>(writer: W) -> Self {
        Self::start(writer, Perfetto::new())
    }

    fn start<W: Write + Send + 'static>(writer: W, form: impl Form + Send + 'static) -> Self {
        let (full, chunks) = mpsc::sync_channel(CHUNKS_MAX);
        let (back, empty) = mpsc::sync_channel(CHUNKS_MAX);
        let writer = thread::spawn(move || write_chunks(writer, form, &chunks, &back));
        Self {
            chunk: Vec::with_capacity(CHUNK),
            opened_at: Time::ZERO,
            full,
            empty,
            lost: 0,
            is_patient: false,
            writer,
        }
    }

    /// Makes the run wait for the writer, so that no event is lost. It suits runs on a simulated
    /// clock.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.is_patient = true;
        self
    }

    /// Waits until all events are written, and returns the result.
    pub fn finish(mut self) -> Traced {
        // The run is over: now there is time to wait for room.
        if let Err(unsent) = self.full.send(core::mem::take(&mut self.chunk)) {
            self.lost += unsent.0.len() as u64;
        }
        drop(self.full);
        match self.writer.join() {
            Ok((written, lost, error)) => Traced { written, lost: self.lost + lost, error },
            Err(_) => {
                Traced { written: 0, lost: self.lost, error: Some(io::Error::other("the trace's writer panicked")) }
            }
        }
    }

    fn hand_over(&mut self) {
        let full = core::mem::take(&mut self.chunk);
        let sent = if self.is_patient {
            self.full.send(full).map_err(|unsent| TrySendError::Disconnected(unsent.0))
        } else {
            self.full.try_send(full)
        };
        self.chunk = match sent {
            // One that was written comes back, and is filled again.
            Ok(()) => self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK)),
            Err(TrySendError::Full(mut chunk) | TrySendError::Disconnected(mut chunk)) => {
                self.lost += chunk.len() as u64;
                chunk.clear();
                chunk
            }
        };
    }
}

impl Observer for Trace {
    fn event(&mut self, event: &Event<&str>) {
        if self.chunk.is_empty() {
            self.opened_at = event.at;
        }
        self.chunk.push(OwnedEvent::from(event));
        if self.chunk.len() == CHUNK || event.at.as_nanos().saturating_sub(self.opened_at.as_nanos()) >= HAND_OVER_NS {
            self.hand_over();
        }
    }
}

fn write_chunks<W: Write>(
    mut writer: W,
    mut form: impl Form,
    chunks: &Receiver<Vec<OwnedEvent>>,
    back: &SyncSender<Vec<OwnedEvent>>,
) -> (u64, u64, Option<io::Error>) {
    let (mut written, mut lost) = (0, 0);
    let mut text = Vec::with_capacity(64 * 1024);
    form.begin(&mut text);
    let mut error = None;
    for mut chunk in chunks {
        let count = chunk.len() as u64;
        if error.is_none() {
            chunk.iter().for_each(|record| form.event(&record.borrowed(), &mut text));
            error = writer.write_all(&text).err();
            text.clear();
        }
        *(if error.is_none() { &mut written } else { &mut lost }) += count;
        chunk.clear();
        // Where nobody needs it back, it is dropped.
        let _ = back.try_send(chunk);
    }
    form.end(&mut text);
    let error = error.or_else(|| writer.write_all(&text).and_then(|()| writer.flush()).err());
    (written, lost, error)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::{
        event::{EventKind, Outcome},
        task::{Attempt, TaskId},
    };

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct FullDisk;

    impl Write for FullDisk {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn claimed(sequence: u64) -> Event<&'static str> {
        let kind = EventKind::Claimed { task: TaskId(sequence), attempt: Attempt::FIRST };
        Event { sequence, at: Time::from_nanos(sequence), kind }
    }

    #[test]
    fn every_event_is_a_line_of_json_in_order() {
        let shared = Shared::default();
        let mut trace = Trace::new(shared.clone());
        (0..5000).for_each(|sequence| trace.event(&claimed(sequence)));
        let failed = EventKind::Ended {
            task: TaskId(7),
            attempt: Attempt::FIRST,
            permit: 1,
            worker: None,
            outcome: Outcome::TimedOut,
            reason: Some("a \"quoted\"\nreason"),
        };
        trace.event(&Event { sequence: 5000, at: Time::from_nanos(5000), kind: failed });
        let traced = trace.finish();
        // A slow machine may lose some; together they are all.
        assert_eq!(traced.written + traced.lost, 5001);
        assert!(traced.error.is_none());
        let text = String::from_utf8(shared.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["fourfold_trace"], 1);
        assert_eq!(lines.len() as u64, traced.written + 1);
        assert!(lines[1..].is_sorted_by_key(|line| line["seq"].as_u64()));
        let last = lines.last().unwrap();
        assert_eq!((last["event"].as_str(), last["outcome"].as_str()), (Some("ended"), Some("timed_out")));
        assert_eq!(last["reason"], "a \"quoted\"\nreason");
    }

    /// A disk that is stuck until the other end of its channel is dropped.
    struct Stuck(Shared, Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Nothing is sent: it ends when the other end is gone.
            let _ = self.1.recv();
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_patient_trace_waits_and_another_one_counts_what_it_loses() {
        const EVENTS: u64 = 3 * (CHUNKS_MAX * CHUNK) as u64;
        for patient in [true, false] {
            let shared = Shared::default();
            let (held, stuck) = mpsc::channel();
            let trace = Trace::new(Stuck(shared.clone(), stuck));
            let mut trace = if patient { trace.patient() } else { trace };
            let held = (!patient).then_some(held);
            (0..EVENTS).for_each(|sequence| trace.event(&claimed(sequence)));
            drop(held);
            let traced = trace.finish();
            let lines = shared.0.lock().unwrap().iter().filter(|byte| **byte == b'\n').count() as u64;
            assert_eq!((traced.written + traced.lost, lines), (EVENTS, traced.written + 1));
            assert_eq!(traced.lost == 0, patient, "{traced:?}");
        }
    }

    #[test]
    fn a_full_disk_loses_the_trace_and_says_so() {
        let mut trace = Trace::new(FullDisk);
        (0..100_000).for_each(|sequence| trace.event(&claimed(sequence)));
        let traced = trace.finish();
        assert_eq!((traced.written, traced.lost), (0, 100_000));
        assert_eq!(traced.error.unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
