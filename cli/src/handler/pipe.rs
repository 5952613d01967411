//! `--pipe`: a long-lived process per permit, a line of JSON in, a line out.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus, Stdio},
    task::{Context, Poll, ready},
    time::Duration,
};

use fourfold::{Control, Failure, Task, source::Json};
use futures_lite::{AsyncRead, AsyncWrite, future::or};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol::{Async, Timer};

use super::{
    child::{Group, Tail},
    program::Program,
};
use crate::exit::Fault;

/// A reply must end somewhere.
const REPLY_MAX: usize = 8 << 20;
/// How long a process may take to end once its input has.
const FAREWELL: Duration = Duration::from_secs(1);

/// Hands each attempt to a process that has nothing else to do.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(super) program: Program,
    args: Vec<String>,
    idle: RefCell<Vec<Process>>,
}

/// What says that the task failed; any other reply is done.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    permanent: bool,
    retry_after_ms: Option<u64>,
}

impl Pipe {
    pub(crate) fn new(words: &[String], control: &Control) -> Result<Self, Fault> {
        let (name, args) = words.split_first().ok_or_else(|| Fault::usage("--pipe expects a command"))?;
        let program = Program::find("--pipe", name, control)?;
        Ok(Self { program, args: args.to_vec(), idle: RefCell::default() })
    }

    pub(crate) async fn attempt(&self, task: &Task<Json>) -> Result<(), Failure> {
        // From here on it is this attempt's; dropped in the middle, it ends, as nobody could tell whose its next line is.
        let mut process = match self.take_idle() {
            Some(process) => process,
            None => match self.start() {
                Ok(process) => process,
                Err(error) => return Err(self.program.failed(error).await),
            },
        };
        match process.exchange(&line(&task.payload)).await {
            Ok(Some(reply)) => {
                let verdict = judge(reply.trim_ascii());
                process.forget_reply();
                if process.is_silent() {
                    self.idle.borrow_mut().push(process);
                } else {
                    tracing::warn!("--pipe: a process wrote more than one line for a task, and is replaced");
                }
                verdict
            }
            Ok(None) => Err(Failure::transient(format!("--pipe: the process died: {}", process.last_words().await))),
            Err(error) => Err(Failure::transient(format!("--pipe: {error}"))),
        }
    }

    /// The one used last, which is the most likely to be awake; those that died meanwhile are let go.
    fn take_idle(&self) -> Option<Process> {
        loop {
            let mut process = self.idle.borrow_mut().pop()?;
            if process.is_alive() {
                return Some(process);
            }
        }
    }

    fn start(&self) -> io::Result<Process> {
        let mut command = self.program.command();
        command.args(&self.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Process::new(command.spawn()?)
    }

    /// Ends the idle processes: first by the end of their input.
    pub(crate) async fn close(&self) {
        let processes = self.idle.take();
        let ends: Vec<_> = processes.into_iter().map(Process::dismiss).collect();
        let all = async {
            for end in ends {
                end.await;
            }
        };
        or(all, async {
            Timer::after(FAREWELL).await;
        })
        .await;
    }
}

/// The task as one line; within JSON, line breaks can only be white space.
fn line(payload: &Json) -> Vec<u8> {
    let mut line = payload.as_str().as_bytes().to_vec();
    line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    line.push(b'\n');
    line
}

fn judge(reply: &[u8]) -> Result<(), Failure> {
    if !reply.starts_with(b"{") {
        return Ok(());
    }
    let Ok(reply) = serde_json::from_slice::<Reply<'_>>(reply) else { return Ok(()) };
    let Some(error) = reply.error else { return Ok(()) };
    let reason = serde_json::from_str(error.get()).unwrap_or_else(|_| error.get().to_owned());
    Err(match reply.retry_after_ms {
        _ if reply.permanent => Failure::permanent(reason),
        Some(ms) => Failure::retry_after(reason, Duration::from_millis(ms)),
        None => Failure::transient(reason),
    })
}

/// One process. Dropped, it is killed with all that it started, and waited for.
#[derive(Debug)]
struct Process {
    group: Group,
    child: Option<Child>,
    stdin: Option<Async<ChildStdin>>,
    stdout: Option<Async<ChildStdout>>,
    stderr: Option<Async<ChildStderr>>,
    tail: Tail,
    /// What it has said: the reply is `buffer[..reply]`.
    buffer: Vec<u8>,
    reply: usize,
}

impl Process {
    fn new(mut child: Child) -> io::Result<Self> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut process = Self {
            group: Group::of(child.id()),
            child: Some(child),
            stdin: None,
            stdout: None,
            stderr: None,
            tail: Tail::default(),
            buffer: Vec::new(),
            reply: 0,
        };
        process.stdin = stdin.map(Async::new).transpose()?;
        process.stdout = stdout.map(Async::new).transpose()?;
        process.stderr = stderr.map(Async::new).transpose()?;
        Ok(process)
    }

    fn is_alive(&mut self) -> bool {
        let alive = self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)));
        if !alive {
            self.child = None;
            self.group.ended();
        }
        alive
    }

    /// Whether it has said nothing that nobody asked for.
    fn is_silent(&self) -> bool {
        self.buffer.is_empty()
    }

    fn forget_reply(&mut self) {
        self.buffer.drain(..self.reply);
        self.reply = 0;
    }

    /// Writes a line and reads one; `None` when the process has closed its output instead.
    async fn exchange(&mut self, line: &[u8]) -> io::Result<Option<&[u8]>> {
        let mut unwritten = line;
        let answered = poll_fn(|cx| {
            self.poll_write(cx, &mut unwritten)?;
            self.poll_listen(cx);
            self.poll_reply(cx)
        })
        .await?;
        Ok(answered.then(|| &self.buffer[..self.reply]))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, unwritten: &mut &[u8]) -> io::Result<()> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        while !unwritten.is_empty() {
            match Pin::new(&mut *stdin).poll_write(cx, unwritten) {
                Poll::Ready(Ok(count)) => *unwritten = &unwritten[count..],
                // It reads no more; what it says will tell.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => *unwritten = &[],
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Takes in what it writes to standard error, so that it never waits for that.
    fn poll_listen(&mut self, cx: &mut Context<'_>) {
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

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let Some(stdout) = &mut self.stdout else { return Poll::Ready(Ok(false)) };
            ready!(stdout.poll_readable(cx))?;
            let count = ready!(Pin::new(stdout).poll_read(cx, &mut buffer))?;
            let searched = self.buffer.len();
            self.buffer.extend_from_slice(&buffer[..count]);
            if let Some(at) = memchr::memchr(b'\n', &buffer[..count]) {
                self.reply = searched + at + 1;
                return Poll::Ready(Ok(true));
            }
            if count == 0 {
                return Poll::Ready(Ok(false));
            }
            if self.buffer.len() > REPLY_MAX {
                return Poll::Ready(Err(io::Error::other("the reply is too long")));
            }
        }
    }

    /// How it ended, and what it said last.
    async fn last_words(mut self) -> String {
        self.stdin = None;
        let (child, stderr) = (self.child.take(), self.stderr.take());
        let status = match child {
            Some(mut child) => {
                // It has closed its output: if it does not end by itself, it is made to.
                let waited = smol::unblock(move || child.wait());
                let killed = async {
                    Timer::after(FAREWELL).await;
                    drop(std::mem::replace(&mut self.group, Group::none()));
                    std::future::pending().await
                };
                or(waited, killed).await
            }
            None => Ok(ExitStatus::default()),
        };
        self.group.ended();
        if let Some(mut stderr) = stderr {
            // What it left in the pipe; others that still hold it open are not waited for.
            let mut buffer = [0; 4096];
            while let Some(Ok(count @ 1..)) =
                futures_lite::future::poll_once(poll_fn(|cx| Pin::new(&mut stderr).poll_read(cx, &mut buffer))).await
            {
                self.tail.push(&buffer[..count]);
            }
        }
        status.map_or_else(|error| error.to_string(), |status| self.tail.reason(status))
    }

    /// Closes its input and waits for it.
    fn dismiss(mut self) -> impl Future<Output = ()> {
        self.stdin = None;
        async move {
            let Some(mut child) = self.child.take() else { return };
            // What it still writes is not read: closed, so that it cannot wait for us.
            (self.stdout, self.stderr) = (None, None);
            let _ = smol::unblock(move || child.wait()).await;
            self.group.ended();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(std::mem::replace(&mut self.group, Group::none()));
        if let Some(mut child) = self.child.take() {
            smol::unblock(move || child.wait()).detach();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_object_with_an_error_failed_and_any_other_line_is_done() {
        for done in ["", "ok", "7", "{}", r#"{"error": null}"#, r#"{"result": "error"}"#, "{not JSON", r#"["error"]"#] {
            assert_eq!(judge(done.as_bytes()), Ok(()), "{done}");
        }
        assert_eq!(judge(br#"{"error": "busy"}"#), Err(Failure::transient("busy")));
        assert_eq!(judge(br#"{"error": {"code": 5}}"#), Err(Failure::transient(r#"{"code": 5}"#)));
        assert_eq!(judge(br#"{"permanent": true, "error": "no such user"}"#), Err(Failure::permanent("no such user")));
        let later = Failure::retry_after("busy", Duration::from_millis(250));
        assert_eq!(judge(br#"{"error": "busy", "retry_after_ms": 250}"#), Err(later));
    }

    #[test]
    fn a_task_is_one_line_however_it_was_written() {
        assert_eq!(line(&Json::parse(b"{\n \"a\":\r\n1}").unwrap()), b"{  \"a\":  1}\n");
    }
}
