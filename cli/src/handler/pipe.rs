//! `--pipe`: a long-lived process per permit, a line of JSON in, a line out.

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use fourfold::{Failure, Task, source::Json};
use futures_lite::{AsyncRead, AsyncWrite};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::process::{Input, Launcher, Process};

/// The longest reply, in bytes.
const REPLY_MAX: usize = 8 << 20;

/// Hands each attempt to a process that has nothing else to do.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(super) launcher: Launcher,
    pub(super) arguments: Vec<String>,
    pub(super) idle: RefCell<Vec<Worker>>,
}

/// A reply that says that the attempt failed; any other reply is done.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    permanent: bool,
    retry_after_ms: Option<u64>,
}

impl Pipe {
    pub(super) async fn attempt(&self, task: &Task<Json>) -> Result<(), Failure> {
        // From here on it is this attempt's; dropped in the middle, it ends, as nobody could tell whose its next line is.
        let mut worker = match self.take_idle() {
            Some(worker) => worker,
            None => Worker::new(self.launcher.start(self.arguments.iter().cloned(), &[], Input::Lines).await?),
        };
        match worker.exchange(&line(&task.payload)).await {
            Ok(Some(reply)) => {
                let verdict = judge(reply.trim_ascii());
                worker.forget_reply();
                if worker.is_silent() {
                    self.idle.borrow_mut().push(worker);
                } else {
                    tracing::warn!("--pipe: a process wrote more than one line for a task, and is replaced");
                }
                verdict
            }
            Ok(None) => {
                let words = worker.process.last_words().await;
                Err(Failure::transient(format!("--pipe: the process died: {words}")))
            }
            Err(error) => Err(Failure::transient(format!("--pipe: {error}"))),
        }
    }

    /// Takes the process that was used last, which is the most likely to be awake; those that died meanwhile are let go.
    fn take_idle(&self) -> Option<Worker> {
        loop {
            let mut worker = self.idle.borrow_mut().pop()?;
            if worker.process.is_alive() {
                return Some(worker);
            }
        }
    }

    /// Ends the idle processes, all at once: first by the end of their input.
    pub(super) async fn close(&self) {
        let mut ends: Vec<_> = self.idle.take().into_iter().map(|worker| Box::pin(worker.process.dismiss())).collect();
        poll_fn(|cx| {
            ends.retain_mut(|end| end.as_mut().poll(cx).is_pending());
            if ends.is_empty() { Poll::Ready(()) } else { Poll::Pending }
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

/// A process, and what it has written that was not read as a reply.
#[derive(Debug)]
pub(super) struct Worker {
    process: Process,
    /// What the process has written: the reply is `buffer[..reply]`.
    buffer: Vec<u8>,
    reply: usize,
}

impl Worker {
    fn new(process: Process) -> Self {
        Self { process, buffer: Vec::new(), reply: 0 }
    }

    /// Returns whether the process has written nothing but replies.
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
            self.process.poll_stderr(cx);
            self.poll_reply(cx)
        })
        .await?;
        Ok(answered.then(|| &self.buffer[..self.reply]))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, unwritten: &mut &[u8]) -> io::Result<()> {
        let Some(stdin) = &mut self.process.stdin else { return Ok(()) };
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

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut buffer = [0; 16 * 1024];
        loop {
            let Some(stdout) = &mut self.process.stdout else { return Poll::Ready(Ok(false)) };
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
