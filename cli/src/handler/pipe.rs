//! `--pipe`: a long-lived process per permit, a line of JSON in, a line out.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::poll_fn,
    io,
    pin::Pin,
    sync::Once,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use fourfold::{Failure, Task, source::Json};
use futures_lite::{AsyncRead, AsyncWrite, future::or};
use serde_json::value::RawValue;
use smol::Timer;

use super::{
    attempted::{Attempted, text},
    reason::cut,
};
use crate::process::{Input, Launcher, Limits, Process, Spool};

/// How long to wait for the first reply of a process until a hint is given.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest reply, in bytes.
const REPLY_MAX: usize = 8 << 20;

/// Hands each attempt to a process that has nothing else to do.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(super) launcher: Launcher,
    pub(super) arguments: Vec<String>,
    pub(super) limits: Limits,
    pub(super) is_text: bool,
    pub(super) idle: RefCell<Vec<Worker>>,
}

impl Pipe {
    pub(super) async fn attempt(&self, task: &Task<Json>) -> Result<Attempted, Failure> {
        let line = line(&task.payload, self.is_text)?;
        // From here on it is this attempt's; dropped in the middle, it ends, as nobody could tell
        // whose its next line is.
        let mut worker = match self.take_idle() {
            Some(worker) => worker,
            None => Worker::new(self.launcher.start(&self.arguments, &[], Input::Lines).await?),
        };
        let Some(answered) = self.in_time(worker.exchange(&line)).await else {
            worker.process.terminate(self.limits.kill_after).await;
            let timeout = self.limits.timeout.unwrap_or_default();
            return Err(Failure::timed_out(format!("timed out after {timeout:?}")));
        };
        match answered {
            Ok(true) => {
                let reply = worker.take_reply();
                self.idle.borrow_mut().push(worker);
                let result = judge(reply.trim_ascii());
                let output = if result.is_ok() { reply.into() } else { Spool::default() };
                Ok(Attempted { output, is_reply: true, ..result.into() })
            }
            Ok(false) => {
                let words = worker.process.last_words().await;
                Err(Failure::transient(cut(format!("--pipe: the process died: {words}"))))
            }
            Err(error) => Err(Failure::transient(format!("--pipe: {error}"))),
        }
    }

    async fn in_time<T>(&self, exchange: impl Future<Output = T>) -> Option<T> {
        let late = async {
            match self.limits.timeout {
                Some(timeout) => Timer::after(timeout).await,
                None => std::future::pending().await,
            };
            None
        };
        or(async { Some(exchange.await) }, late).await
    }

    /// Takes the process that was used last, which is the most likely to be awake. Those that died
    /// meanwhile are let go, and so are those that wrote what nobody asked for: it would be taken
    /// for the reply to the next task.
    fn take_idle(&self) -> Option<Worker> {
        static SAID: Once = Once::new();
        loop {
            let mut worker = self.idle.borrow_mut().pop()?;
            if !worker.process.is_alive() {
                continue;
            }
            if worker.is_silent() {
                return Some(worker);
            }
            SAID.call_once(|| {
                tracing::warn!(
                    "--pipe: a process wrote more than one line for a task: replies may be those of other tasks; \
                    such processes are replaced"
                );
            });
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

/// The task as one line.
fn line(payload: &Json, is_text: bool) -> Result<Vec<u8>, Failure> {
    let mut line = text(payload, is_text).into_owned().into_bytes();
    if !is_text {
        // Within JSON, line breaks can only be white space.
        line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    } else if line.contains(&b'\n') {
        return Err(Failure::permanent("--pipe cannot pass the task on: there is a newline in it"));
    }
    line.push(b'\n');
    Ok(line)
}

/// Says what a reply means: an object whose `error` is not null is a failure whatever else is in
/// it, any other line is done.
fn judge(reply: &[u8]) -> Result<(), Failure> {
    let fields: BTreeMap<String, &RawValue> = match reply {
        [b'{', ..] => serde_json::from_slice(reply).unwrap_or_default(),
        _ => return Ok(()),
    };
    let value = |name: &str| fields.get(name).map(|value| value.get()).filter(|value| *value != "null");
    let Some(error) = value("error") else { return Ok(()) };
    let mut reason = serde_json::from_str(error).unwrap_or_else(|_| error.to_owned());
    let mut odd = |name: &str, value: &str| reason.push_str(&format!(" (--pipe: `{name}` is not understood: {value})"));
    let is_permanent = value("permanent").is_some_and(|value| match value {
        "true" => true,
        "false" => false,
        value => {
            odd("permanent", value);
            false
        }
    });
    let after = value("retry_after_ms").and_then(|value| {
        let ms = value.parse::<f64>().ok().and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok());
        if ms.is_none() {
            odd("retry_after_ms", value);
        }
        ms
    });
    let reason = cut(reason);
    Err(match after {
        _ if is_permanent => Failure::permanent(reason),
        Some(after) => Failure::retry_after(reason, after),
        None => Failure::transient(reason),
    })
}

/// Says once why a first reply may be long in coming.
fn give_hint() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "--pipe: no reply after {PATIENCE:?}: does the program hold its output back? It has to flush each line \
             (stdbuf -oL CMD, jq --unbuffered, python -u)"
        );
    });
}

/// A process, and what it has written that was not read as a reply.
#[derive(Debug)]
pub(super) struct Worker {
    process: Process,
    /// What the process has written: the reply is `buffer[..reply]`.
    buffer: Vec<u8>,
    reply: usize,
    has_replied: bool,
}

impl Worker {
    fn new(process: Process) -> Self {
        Self { process, buffer: Vec::new(), reply: 0, has_replied: false }
    }

    /// Returns whether the process has written nothing but replies.
    fn is_silent(&mut self) -> bool {
        let mut buffer = [0; 1];
        let Some(stdout) = &mut self.process.stdout else { return false };
        let unasked = Pin::new(stdout).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
        self.buffer.is_empty() && unasked.is_pending()
    }

    fn take_reply(&mut self) -> Vec<u8> {
        self.has_replied = true;
        self.buffer.drain(..std::mem::take(&mut self.reply)).collect()
    }

    /// Writes a line and waits for one; `false` when the process has closed its output instead.
    async fn exchange(&mut self, line: &[u8]) -> io::Result<bool> {
        let mut unwritten = line;
        let is_first = !self.has_replied;
        let answered = poll_fn(|cx| {
            self.poll_write(cx, &mut unwritten)?;
            self.process.poll_stderr(cx);
            self.poll_reply(cx)
        });
        let hint = async {
            if is_first {
                Timer::after(PATIENCE).await;
                give_hint();
            }
            std::future::pending().await
        };
        or(answered, hint).await
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
        assert_eq!(judge(br#"{"error": "busy", "retry_after_ms": 250}"#), Err(later.clone()));
        assert_eq!(judge(br#"{"error": "busy", "retry_after_ms": 250.0, "more": [1, {}]}"#), Err(later));
        for odd in [r#""permanent": "yes""#, r#""retry_after_ms": -1"#, r#""retry_after_ms": "soon""#] {
            let failure = judge(format!(r#"{{"error": "busy", {odd}}}"#).as_bytes()).unwrap_err();
            assert!(failure.reason().starts_with("busy (--pipe: ") && !failure.is_permanent(), "{failure}");
        }
    }

    #[test]
    fn a_task_is_one_line_however_it_was_written() {
        let line = |json: &Json, is_text| line(json, is_text).map(|line| String::from_utf8(line).unwrap());
        assert_eq!(line(&Json::parse(b"{\n \"a\":\r\n1}").unwrap(), false).as_deref(), Ok("{  \"a\":  1}\n"));
        assert_eq!(line(&Json::from_text(" a \"b\"\t"), true).as_deref(), Ok(" a \"b\"\t\n"));
        assert!(line(&Json::from_text("a\nb"), true).is_err_and(|failure| failure.is_permanent()));
    }
}
