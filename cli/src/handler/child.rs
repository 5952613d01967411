//! What both kinds of processes need: an end with all that they started, and what they said last.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    process::ExitStatus,
    task::{Context, Poll, ready},
};

use std::os::unix::process::ExitStatusExt;

use futures_lite::AsyncRead;
use rustix::process::{Pid, Signal, kill_process_group};

/// How much of what a process writes to standard error is kept: the end.
const TAIL: usize = 2048;
/// So many reads in a row, then others get their turn.
const READS: usize = 16;

/// Kills a process group, unless it was told that the process has ended.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// Of the process with this id, its leader.
    pub(crate) fn of(id: u32) -> Self {
        Self(i32::try_from(id).ok().and_then(Pid::from_raw))
    }

    /// Of nobody.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// The process has ended and was waited for: its id is no longer ours.
    pub(crate) fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            // It may have gone by itself.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

/// The end of what was written.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL)..];
        let excess = (self.0.len() + bytes.len()).saturating_sub(TAIL);
        self.0.drain(..excess);
        self.0.extend_from_slice(bytes);
    }

    /// How the process ended and what it said last.
    pub(crate) fn reason(&self, status: ExitStatus) -> String {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("killed by signal {signal}"),
            (None, None) => status.to_string(),
        };
        match String::from_utf8_lossy(&self.0).trim() {
            "" => how,
            said => format!("{how}: {said}"),
        }
    }
}

/// Reads to the end, without a buffer that outlives a poll.
pub(crate) async fn read_all<R: AsyncRead + Unpin>(
    reader: &mut R,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    poll_fn(|cx| poll_read_all(reader, cx, &mut take)).await
}

fn poll_read_all<R: AsyncRead + Unpin>(
    reader: &mut R,
    cx: &mut Context<'_>,
    take: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> Poll<io::Result<()>> {
    let mut buffer = [0; 16 * 1024];
    for _ in 0..READS {
        match ready!(Pin::new(&mut *reader).poll_read(cx, &mut buffer))? {
            0 => return Poll::Ready(Ok(())),
            count => take(&buffer[..count])?,
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_end() {
        let mut tail = Tail::default();
        for n in 0..10_000 {
            tail.push(format!("line {n}\n").as_bytes());
        }
        assert_eq!(tail.0.len(), TAIL);
        let reason = tail.reason(ExitStatus::from_raw(9));
        assert!(reason.starts_with("killed by signal 9: ") && reason.ends_with("line 9999"), "{reason}");
        tail.push(&[b'x'; 3 * TAIL]);
        assert_eq!(tail.0, [b'x'; TAIL]);
        assert_eq!(Tail::default().reason(ExitStatus::from_raw(7 << 8)), "exit code 7");
    }
}
