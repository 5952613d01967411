//! What a consumer and its server tell each other.

use core::time::Duration;
use std::{string::String, vec::Vec};

use redis::Cmd;

use crate::source::redis::entry::StreamId;

/// The most that is kept of the reason why a task is dead, in bytes.
const REASON_BYTES_MAX: usize = 8 << 10;

/// What the server tells with each heartbeat.
#[derive(Debug)]
pub(in super::super) struct Beat {
    /// The server's time.
    pub(in super::super) now_ms: u64,
    /// How many fields the consumer's hash has; of a stream, how many entries are pending for the consumer.
    pub(in super::super) held: usize,
    /// Whether something is queued or due.
    pub(in super::super) has_work: bool,
    /// When the next deadline of any consumer is over, in the server's time.
    pub(in super::super) earliest_ms: Option<u64>,
    /// Consumers whose deadline is over.
    pub(in super::super) over: Vec<Silent>,
    pub(in super::super) is_lost: bool,
}

/// A consumer that has given no sign of life for its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Silent {
    pub(in super::super) name: String,
    /// Its last deadline, as the server writes it.
    pub(in super::super) deadline: String,
    /// Its lease; `None` when it was reaped or lost its hash.
    pub(in super::super) lease: Option<Duration>,
}

/// A claim. Sent again, because the reply was lost, it gets the same batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Request {
    /// The id of the batch's first task.
    pub(in super::super) first: u64,
    pub(in super::super) max: usize,
    /// How many of them can begin at once.
    pub(in super::super) startable: usize,
    /// This consumer holds nothing: it may have what is delivered alone.
    pub(in super::super) is_alone: bool,
}

/// What a claim came to.
#[derive(Debug)]
pub(in super::super) enum Claimed {
    Batch { packed: Vec<u8>, states: Vec<u8> },
    None(Nothing),
}

/// What a claim says that found nothing.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Nothing {
    /// When the next delayed task is due; `None` when there are none.
    pub(in super::super) due: Option<Duration>,
    /// This consumer is the one that waits at the queue.
    pub(in super::super) is_sentry: bool,
    /// The next entry is delivered alone, to a consumer that holds nothing.
    pub(in super::super) is_suspect: bool,
}

/// What there is left in a queue, for a consumer that holds nothing.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Rest {
    /// Tasks that are queued or delayed.
    pub(in super::super) has_tasks: bool,
    /// How many other consumers hold something.
    pub(in super::super) others: usize,
    /// The server sees something with this consumer.
    pub(in super::super) is_mine: bool,
}

/// How a delivery ends, other than done.
#[derive(Clone, Debug)]
pub(in super::super) enum Act {
    Retry {
        after: Duration,
    },
    Dead {
        reason: String,
    },
    /// Dead, and the delivery counts as no attempt.
    Malformed {
        reason: String,
    },
    Release,
}

/// What is said of one batch.
#[derive(Debug)]
pub(in super::super) struct BatchState {
    pub(in super::super) first: u64,
    /// A character for each delivery; empty when all of them have ended.
    pub(in super::super) states: Vec<u8>,
    pub(in super::super) acts: Vec<ActOn>,
}

/// An ending, and what the server needs for it.
#[derive(Debug)]
pub(in super::super) struct ActOn {
    pub(in super::super) index: usize,
    pub(in super::super) act: Act,
    /// Where the payload (or, to release it, the entry) is in the packed batch.
    pub(in super::super) start: usize,
    pub(in super::super) length: usize,
    pub(in super::super) task: u64,
    pub(in super::super) attempts: u32,
    pub(in super::super) crashes: u32,
    pub(in super::super) since: u64,
    /// The id and the payload, where the queue is a stream.
    pub(in super::super) stream: Option<(StreamId, Vec<u8>)>,
}

/// What the server is told at once.
#[derive(Debug)]
pub(in super::super) struct Message {
    pub(in super::super) batches: Vec<BatchState>,
    /// What is done, where the queue is a stream.
    pub(in super::super) ended: Vec<StreamId>,
    /// What begins, where the queue is a stream, and how often it ended with its consumer.
    pub(in super::super) beginning: Vec<(StreamId, u32)>,
}

impl Act {
    /// Writes a verdict, its pause and its reason as the scripts read them.
    pub(super) fn write(&self, command: &mut Cmd) {
        match self {
            Self::Retry { after } => command.arg("retry").arg(milliseconds_up(*after)).arg(""),
            Self::Dead { reason } => command.arg("dead").arg(0).arg(shortened(reason)),
            Self::Malformed { reason } => command.arg("malformed").arg(0).arg(shortened(reason)),
            Self::Release => command.arg("release").arg(0).arg(""),
        };
    }
}

/// Never earlier than asked for.
fn milliseconds_up(duration: Duration) -> u64 {
    // Beyond a few thousand years the server's numbers lose their exactness.
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).min(1 << 47)
}

fn shortened(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)]
}
