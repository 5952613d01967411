//! A process from its start to its end, and its three streams.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus},
    sync::Once,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_lite::{
    AsyncRead, AsyncReadExt, AsyncWriteExt,
    future::{or, poll_once, zip},
};
use rustix::{
    fd::OwnedFd,
    process::{Pid, Signal, WaitId, WaitIdOptions, waitid},
};
use smol::{Async, Timer};

use super::{
    census::Counted,
    group::{self, Group},
    spool::Spool,
    tail::Tail,
    watcher::Watched,
};
use crate::terminal::Stdout;

/// The number of reads in a row before others get their turn.
const READS: usize = 16;
/// How long a process may take to end once it has closed its output, lost its input or was killed.
const FAREWELL: Duration = Duration::from_secs(1);
/// Where nothing tells the end of a process, it is asked for: first after this time, then after
/// twice as long and so on.
const POLL_MIN: Duration = Duration::from_millis(1);
const POLL_MAX: Duration = Duration::from_millis(100);
/// The time between two looks whether a process was stopped.
const LOOK: Duration = Duration::from_secs(1);

/// How long a process may run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// After this time it is told to end, with SIGTERM.
    pub(crate) timeout: Option<Duration>,
    /// After this time more it is killed.
    pub(crate) kill_after: Duration,
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) is_timed_out: bool,
    /// What it wrote to standard output and was not passed on yet.
    pub(crate) output: Spool,
    /// What it wrote to standard error.
    pub(crate) errors: Spool,
    pub(crate) tail: Tail,
}

/// A process. Dropped, it is killed with all that it started, and waited for.
#[derive(Debug)]
pub(crate) struct Process {
    group: Group,
    child: Option<Child>,
    pub(crate) stdin: Option<Async<ChildStdin>>,
    pub(crate) stdout: Option<Async<ChildStdout>>,
    stderr: Option<Async<ChildStderr>>,
    tail: Tail,
    _counted: Counted,
}

impl Process {
    /// Takes over a process that was started as the leader of its group.
    pub(super) fn new(mut child: Child, watched: Option<Watched>, counted: Counted) -> io::Result<Self> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut process = Self {
            group: Group::new(child.id(), watched),
            child: Some(child),
            stdin: None,
            stdout: None,
            stderr: None,
            tail: Tail::default(),
            _counted: counted,
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

    /// Writes all of `input`, and waits for the end of the process and of its outputs. One that
    /// takes too long is told to end, and killed when it does not. Where there is no room to keep
    /// its output, `stdout` gets that while the process runs; without it, memory does.
    pub(crate) async fn run(mut self, input: &[u8], limits: Limits, stdout: Option<&Stdout>) -> io::Result<Finished> {
        let (stdin, from, stderr) = (self.stdin.take(), self.stdout.take(), self.stderr.take());
        let (mut output, mut errors, mut tail) = (Spool::default(), Spool::default(), Tail::default());
        let leader = self.group.leader();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A process that has read enough is none that failed.
                let _ = stdin.write_all(input).await;
            }
        };
        let keep = |bytes: &[u8]| {
            tail.push(bytes);
            if errors.push(bytes).is_err() {
                errors.keep_end();
            }
            Ok(())
        };
        let whole = async {
            let ((collected, listened), ()) =
                zip(zip(collect(from, &mut output, stdout), read_to_end(stderr, keep)), feed).await;
            collected.and(listened)?;
            self.ended().await
        };
        let whole = or(whole, report_stop(leader));
        let (status, is_timed_out) = end_in_time(pin!(whole), leader, limits).await?;
        Ok(Finished { status, is_timed_out, output, errors, tail })
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

    /// Waits for the end of a process that has closed its output, and makes it end if it does not.
    /// Returns how it ended and what it wrote last.
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

    /// Tells the process to end, and kills it when it does not.
    pub(crate) async fn terminate(mut self, kill_after: Duration) {
        let leader = self.group.leader();
        terminate(leader);
        if self.ends_within(kill_after).await.is_none() {
            self.group.kill();
            self.ends_within(FAREWELL).await;
        }
    }

    /// Closes the streams of the process and gives it a moment to end by itself.
    pub(crate) async fn dismiss(mut self) {
        // What it still writes is not read: closed, so that it cannot wait for us.
        (self.stdin, self.stdout, self.stderr) = (None, None, None);
        self.ends_within(FAREWELL).await;
    }

    async fn ends_within(&mut self, time: Duration) -> Option<io::Result<ExitStatus>> {
        within(self.ended(), time).await
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

/// A descriptor that can be read when the process has ended. `None` where there is no such thing,
/// or no descriptor left.
#[cfg(target_os = "linux")]
fn watch(id: u32) -> Option<Async<OwnedFd>> {
    use rustix::process::{PidfdFlags, pidfd_open};
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw)?;
    Async::new_nonblocking(pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?).ok()
}

#[cfg(not(target_os = "linux"))]
fn watch(_: u32) -> Option<Async<OwnedFd>> {
    None
}

async fn within<T>(what: impl Future<Output = T>, time: Duration) -> Option<T> {
    let late = async {
        Timer::after(time).await;
        None
    };
    or(async { Some(what.await) }, late).await
}

/// Tells a group to end. One that was stopped goes on, so that it can.
fn terminate(leader: Option<Pid>) {
    group::signal(leader, Signal::TERM);
    group::signal(leader, Signal::CONT);
}

/// Waits for the end of a process, and makes it end when it takes too long. Whether it did is said.
async fn end_in_time(
    mut end: Pin<&mut impl Future<Output = io::Result<ExitStatus>>>,
    leader: Option<Pid>,
    limits: Limits,
) -> io::Result<(ExitStatus, bool)> {
    let Some(timeout) = limits.timeout else { return Ok((end.await?, false)) };
    if let Some(status) = within(end.as_mut(), timeout).await {
        return Ok((status?, false));
    }
    terminate(leader);
    if let Some(status) = within(end.as_mut(), limits.kill_after).await {
        return Ok((status?, true));
    }
    group::signal(leader, Signal::KILL);
    // Others may hold its outputs open: they are not waited for.
    let status = within(end, FAREWELL).await.unwrap_or_else(|| Ok(ExitStatus::default()));
    Ok((status?, true))
}

/// Says once that a process was stopped, which nothing but a signal ends; never returns.
async fn report_stop<T>(leader: Option<Pid>) -> T {
    while let Some(leader) = leader {
        Timer::after(LOOK).await;
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
        if let Ok(Some(status)) = waitid(WaitId::Pid(leader), options) {
            let signal = status.stopping_signal().unwrap_or_default();
            let why = if signal == Signal::TTIN.as_raw() { ": it wants to read from the terminal" } else { "" };
            tracing::warn!("process {leader} was stopped by signal {signal}{why}; --timeout would end it");
            break;
        }
    }
    std::future::pending().await
}

/// Reads standard output to its end. Where there is no room to keep it, it is passed on at once,
/// and that of others waits.
async fn collect(from: Option<Async<ChildStdout>>, spool: &mut Spool, stdout: Option<&Stdout>) -> io::Result<()> {
    static SAID: Once = Once::new();
    let Some(mut from) = from else { return Ok(()) };
    let mut shortage = None;
    let read = read_to_end(Some(&mut from), |bytes| match spool.push(bytes) {
        Err(_) if stdout.is_none() => Ok(()),
        kept => kept.inspect_err(|error| shortage = Some(error.to_string())),
    });
    let read = read.await;
    let (Some(shortage), Some(stdout)) = (shortage, stdout) else { return read };
    SAID.call_once(|| {
        tracing::warn!("long outputs cannot be kept in a temporary file ({shortage}): they are written one at a time")
    });
    let turn = stdout.turn().await;
    turn.write(spool.take()).await;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(()),
            count => turn.write(io::Cursor::new(buffer[..count].to_vec())).await,
        }
    }
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
