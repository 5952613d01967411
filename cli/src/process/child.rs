//! A process from its start to its end, and its three streams.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus},
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_lite::{
    AsyncRead, AsyncReadExt, AsyncWriteExt,
    future::{or, poll_once, zip},
};
use rustix::fd::OwnedFd;
use smol::{Async, Timer};

use super::{group::Group, tail::Tail};

/// The number of reads in a row before others get their turn.
const READS: usize = 16;
/// How long a process may take to end once it has closed its output or lost its input.
const FAREWELL: Duration = Duration::from_secs(1);
/// Where nothing tells the end of a process, it is asked for: first after this time, then after twice as long and so on.
const POLL_MIN: Duration = Duration::from_millis(1);
const POLL_MAX: Duration = Duration::from_millis(100);

/// A process. Dropped, it is killed with all that it started, and waited for.
#[derive(Debug)]
pub(crate) struct Process {
    group: Group,
    child: Option<Child>,
    pub(crate) stdin: Option<Async<ChildStdin>>,
    pub(crate) stdout: Option<Async<ChildStdout>>,
    stderr: Option<Async<ChildStderr>>,
    tail: Tail,
}

impl Process {
    /// Takes over a process that was started as the leader of its group.
    pub(super) fn new(mut child: Child) -> io::Result<Self> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut process = Self {
            group: Group::of(child.id()),
            child: Some(child),
            stdin: None,
            stdout: None,
            stderr: None,
            tail: Tail::default(),
        };
        process.stdin = stdin.map(Async::new).transpose()?;
        process.stdout = stdout.map(Async::new).transpose()?;
        process.stderr = stderr.map(Async::new).transpose()?;
        Ok(process)
    }

    /// Returns whether the process has not ended yet.
    pub(crate) fn is_alive(&mut self) -> bool {
        let alive = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if !alive {
            self.child = None;
            self.group.ended();
        }
        alive
    }

    /// Takes in what the process writes to standard error, so that it never waits for that.
    pub(crate) fn poll_stderr(&mut self, cx: &mut Context<'_>) {
        let mut buffer = [0; 4096];
        while let Some(stderr) = &mut self.stderr {
            // Asked first: reading in vain is a system call for each task.
            let Poll::Ready(_) = stderr.poll_readable(cx) else { return };
            match Pin::new(stderr).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(count)) if count > 0 => self.tail.push(&buffer[..count]),
                Poll::Ready(_) => self.stderr = None,
                Poll::Pending => return,
            }
        }
    }

    /// Writes all of `input`, hands over what the process writes to standard output, and waits for the end of the process and of
    /// its outputs. Returns how it ended and what it wrote last to standard error.
    pub(crate) async fn run(
        mut self,
        input: &[u8],
        take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<(ExitStatus, Tail)> {
        let (stdin, stdout, stderr) = (self.stdin.take(), self.stdout.take(), self.stderr.take());
        let tail = &mut self.tail;
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A process that has read enough is none that failed.
                let _ = stdin.write_all(input).await;
            }
        };
        let keep = |bytes: &[u8]| {
            tail.push(bytes);
            Ok(())
        };
        let ((collected, listened), ()) = zip(zip(read_to_end(stdout, take), read_to_end(stderr, keep)), feed).await;
        collected.and(listened)?;
        let status = self.ended().await?;
        Ok((status, std::mem::take(&mut self.tail)))
    }

    /// Waits for the end of the process, and of nothing that it started.
    async fn ended(&mut self) -> io::Result<ExitStatus> {
        let Some(child) = &mut self.child else { return Ok(ExitStatus::default()) };
        let watched = watch(child.id());
        let mut pause = POLL_MIN;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            match &watched {
                Some(watched) => watched.readable().await?,
                None => {
                    Timer::after(pause).await;
                    pause = (pause * 2).min(POLL_MAX);
                }
            }
        };
        self.child = None;
        self.group.ended();
        Ok(status)
    }

    /// Waits for the end of a process that has closed its output, and makes it end if it does not. Returns how it ended and
    /// what it wrote last.
    pub(crate) async fn last_words(mut self) -> String {
        self.stdin = None;
        let status = match self.ends_within(FAREWELL).await {
            Some(status) => status,
            None => {
                self.group.kill();
                self.ended().await
            }
        };
        if let Some(mut stderr) = self.stderr.take() {
            // What it left in the pipe; others that still hold the pipe open are not waited for.
            let mut buffer = [0; 4096];
            while let Some(Ok(count @ 1..)) = poll_once(stderr.read(&mut buffer)).await {
                self.tail.push(&buffer[..count]);
            }
        }
        status.map_or_else(|error| error.to_string(), |status| self.tail.reason(status))
    }

    /// Closes the streams of the process and gives it a moment to end by itself.
    pub(crate) async fn dismiss(mut self) {
        // What it still writes is not read: closed, so that it cannot wait for us.
        (self.stdin, self.stdout, self.stderr) = (None, None, None);
        self.ends_within(FAREWELL).await;
    }

    async fn ends_within(&mut self, time: Duration) -> Option<io::Result<ExitStatus>> {
        let ended = async { Some(self.ended().await) };
        let late = async {
            Timer::after(time).await;
            None
        };
        or(ended, late).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
        if let Some(mut child) = self.child.take() {
            smol::unblock(move || child.wait()).detach();
        }
    }
}

/// A descriptor that can be read when the process has ended. `None` where there is no such thing, or no descriptor left.
#[cfg(target_os = "linux")]
fn watch(id: u32) -> Option<Async<OwnedFd>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw)?;
    Async::new_nonblocking(pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?).ok()
}

#[cfg(not(target_os = "linux"))]
fn watch(_: u32) -> Option<Async<OwnedFd>> {
    None
}

/// Reads to the end, without a buffer that outlives a poll.
async fn read_to_end<R: AsyncRead + Unpin>(
    reader: Option<R>,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let Some(mut reader) = reader else { return Ok(()) };
    poll_fn(|cx| poll_read_to_end(&mut reader, cx, &mut take)).await
}

fn poll_read_to_end<R: AsyncRead + Unpin>(
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
