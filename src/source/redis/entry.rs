//! How a task looks in the queue and in a batch of them.

use core::{fmt, num::NonZeroU32, ops::Range};
use std::vec::Vec;

use super::error::{ConnectionError, odd_reply};

/// The largest id of a task: numbers up to it are exact in every client's JSON.
pub(super) const TASK_MAX: u64 = (1 << 53) - 1;
/// The latest time of a first failure, in ms.
const SINCE_MAX: u64 = 1 << 47;

/// The id of an entry of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StreamId {
    ms: u64,
    sequence: u64,
}

impl StreamId {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (ms, sequence) = core::str::from_utf8(bytes).ok()?.split_once('-')?;
        Some(Self { ms: ms.parse().ok()?, sequence: sequence.parse().ok()? })
    }

    /// The id of its task: the same for everybody (`lua/stream/give_back.lua` makes it as well).
    fn task(self) -> u64 {
        let task = (self.ms % (1 << 41)) * 4096 + self.sequence % 4096;
        task.clamp(1, TASK_MAX)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.sequence)
    }
}

/// What is before the fields of an entry of a stream that has no payload, where they are kept as a payload.
pub(super) const ALL_FIELDS: &[u8] = b"\0fields:";

/// An entry of the queue: a payload as its producer pushed it or, once it has a history, NUL task:attempts:crashes:since: and
/// the payload (`lua/entry.lua` reads and writes the same grammar). Whatever does not follow it to the letter is a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// The task's id, when it already has one.
    pub(super) task: Option<u64>,
    /// How many attempts were counted.
    pub(super) attempts: u32,
    /// How many of them ended with their consumer.
    pub(super) crashes: u32,
    /// When the first attempt failed, in ms; 0 for none.
    pub(super) since: u64,
    pub(super) payload: &'a [u8],
    /// Its id, where the queue is a stream.
    pub(super) id: Option<StreamId>,
    /// Whether it is an entry of a stream that has no payload: its fields stand for it.
    pub(super) is_fields: bool,
}

impl<'a> Entry<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Self {
        let history = bytes.strip_prefix(b"\0").and_then(Self::with_history);
        history.unwrap_or_else(|| Self::plain(bytes))
    }

    fn plain(payload: &'a [u8]) -> Self {
        Self { task: None, attempts: 0, crashes: 0, since: 0, payload, id: None, is_fields: false }
    }

    /// Reads what `lua/stream/entry.lua` tells of an entry of a stream: id:crashes:kind and what is of that kind.
    pub(super) fn parse_pending(bytes: &'a [u8]) -> Option<Self> {
        let at = bytes.iter().take(42).position(|byte| *byte == b':')?;
        let id = StreamId::parse(&bytes[..at])?;
        let (crashes, rest) = number(&bytes[at + 1..], u64::from(u32::MAX))?;
        let crashes = u32::try_from(crashes).ok()?;
        let (kind, rest) = rest.split_first()?;
        let plain = Self { crashes, attempts: crashes, ..Self::plain(rest) };
        let entry = match kind {
            b'p' => plain,
            b'x' => Self { is_fields: true, ..plain },
            b'h' => Self { crashes, ..Self::with_history(rest)? },
            _ => return None,
        };
        Some(Self { id: Some(id), task: entry.task.or_else(|| Some(id.task())), ..entry })
    }

    fn with_history(rest: &'a [u8]) -> Option<Self> {
        let (task, rest) = number(rest, TASK_MAX)?;
        let (attempts, rest) = number(rest, u64::from(u32::MAX))?;
        let (crashes, rest) = number(rest, u64::from(u32::MAX))?;
        let (since, payload) = number(rest, SINCE_MAX)?;
        if task == 0 {
            return None;
        }
        let [attempts, crashes] = [attempts, crashes].map(|it| u32::try_from(it).unwrap_or(u32::MAX));
        Some(Self { task: Some(task), attempts, crashes, since, ..Self::plain(payload) })
    }

    /// The number of the attempt that a delivery of it is.
    pub(super) fn attempt(&self) -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(self.attempts)
    }
}

/// A decimal number without leading zeros, and what follows its colon.
pub(super) fn number(bytes: &[u8], max: u64) -> Option<(u64, &[u8])> {
    let at = bytes.iter().take(17).position(|byte| *byte == b':')?;
    let value = canonical(&bytes[..at]).filter(|value| *value <= max)?;
    Some((value, &bytes[at + 1..]))
}

/// A number as we write it, at most 16 digits.
pub(super) fn canonical(digits: &[u8]) -> Option<u64> {
    let is_canonical = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && digits.len() <= 16;
    if !is_canonical || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// Where the strings of a MessagePack array of strings are: how a script returns a batch in one piece.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<Range<usize>>, ConnectionError> {
    strings(bytes).ok_or_else(|| odd_reply("a claim"))
}

fn strings(all: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut bytes = all;
    let count = match take(&mut bytes, 1)?[0] {
        short @ 0x90..=0x9f => usize::from(short & 0x0f),
        0xdc => length(&mut bytes, 2)?,
        0xdd => length(&mut bytes, 4)?,
        _ => return None,
    };
    // Each string takes a byte at least: a wrong count cannot reserve more than the reply is long.
    let mut strings = Vec::with_capacity(count.min(bytes.len()));
    for _ in 0..count {
        let length = match take(&mut bytes, 1)?[0] {
            short @ 0xa0..=0xbf => usize::from(short & 0x1f),
            0xd9 => length(&mut bytes, 1)?,
            0xda => length(&mut bytes, 2)?,
            0xdb => length(&mut bytes, 4)?,
            _ => return None,
        };
        let start = all.len() - bytes.len();
        take(&mut bytes, length)?;
        strings.push(start..start + length);
    }
    bytes.is_empty().then_some(strings)
}

fn length(bytes: &mut &[u8], width: usize) -> Option<usize> {
    Some(take(bytes, width)?.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)))
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::{Entry, StreamId, strings};

    #[test]
    fn entries_with_and_without_a_history() {
        let check = |bytes: &[u8], task, attempts, crashes, since, payload: &[u8]| {
            assert_eq!(
                Entry::parse(bytes),
                Entry { task, attempts, crashes, since, ..Entry::plain(payload) },
                "{bytes:?}"
            );
        };
        check(b"{}", None, 0, 0, 0, b"{}");
        check(b"", None, 0, 0, 0, b"");
        check(b"\x007:2:1:1700000000000:{\"a\":1}", Some(7), 2, 1, 1_700_000_000_000, b"{\"a\":1}");
        check(b"\x007:2:1:0::", Some(7), 2, 1, 0, b":");
        check(b"\x009007199254740991:4294967295:0:0:x", Some((1 << 53) - 1), u32::MAX, 0, 0, b"x");
        for forged in [
            &b"\0"[..],
            b"\x007:2:1:0",
            b"\x00-7:2:1:0:x",
            b"\x007:4294967296:1:0:x",
            b"\x007:1:4294967296:0:x",
            b"\0:::::",
            b"\x00007:2:1:0:x",
            b"\x007:02:1:0:x",
            b"\x000:2:1:0:x",
            b"\x009007199254740992:2:1:0:x",
            b"\x0018446744073709551616:0:0:0:1",
            b"\x007:2:1:140737488355329:x",
            b"\x007:2:1:999999999999999999999999999999:x",
        ] {
            check(forged, None, 0, 0, 0, forged);
        }
    }

    #[test]
    fn entries_of_a_stream_of_every_kind() {
        let id = StreamId { ms: 1_700_000_000_000, sequence: 5 };
        let task = Some(1_700_000_000_000 * 4096 + 5);
        let read = |text: &'static str| Entry::parse_pending(text.as_bytes());
        let plain = Entry { id: Some(id), task, ..Entry::plain(b"{}") };
        assert_eq!(read("1700000000000-5:0:p{}"), Some(plain));
        assert_eq!(read("1700000000000-5:2:p{}"), Some(Entry { attempts: 2, crashes: 2, ..plain }));
        let fields = Entry { is_fields: true, ..Entry { payload: b"[\"a\"]", ..plain } };
        assert_eq!(read("1700000000000-5:0:x[\"a\"]"), Some(fields));
        let again = Entry { task: Some(7), attempts: 3, crashes: 1, since: 9, ..plain };
        assert_eq!(read("1700000000000-5:1:h7:3:1:9:{}"), Some(again));
        for odd in ["", "1-1", "1-1:0", "1-1:0:", "1-1:0:z", "1:0:p", "1-1:x:p", "1-1:0:h7:3", "a-1:0:p"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn batches_of_strings_of_every_length() {
        let packed = |parts: &[(&[u8], usize)]| {
            let mut bytes = vec![0x90 | u8::try_from(parts.len()).unwrap()];
            for (head, length) in parts {
                bytes.extend_from_slice(head);
                bytes.extend(std::iter::repeat_n(b'x', *length));
            }
            bytes
        };
        let bytes = packed(&[
            (&[0xa0], 0),
            (&[0xbf], 31),
            (&[0xd9, 32], 32),
            (&[0xda, 1, 0], 256),
            (&[0xdb, 0, 1, 0, 1], 65537),
        ]);
        let lengths: Vec<usize> = strings(&bytes).unwrap().iter().map(|s| s.len()).collect();
        assert_eq!(lengths, [0, 31, 32, 256, 65537]);
        for end in 0..bytes.len() {
            assert_eq!(strings(&bytes[..end]), None);
        }
        assert_eq!(strings(&[0xdd, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(strings(&[0xdc, 0, 1, 0xa1, b'x']).map(|found| (found.len(), found[0].clone())), Some((1, 4..5)));
        assert_eq!(strings(&[0x90, 0]), None);
    }
}
