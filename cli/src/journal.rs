//! `--journal`: a line per task that has ended, by which a later run goes on where this one stopped.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use fourfold::{
    Task,
    source::{Json, LineLedger, Verdict},
};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    exit::CliError,
    input::{Input, TaskFormat},
    outputs::Outputs,
    render::secret::Name,
    terminal,
};

/// The time after which what was written is on the disk, whatever happens to the machine.
const SYNC: Duration = Duration::from_secs(1);

/// The longest line of a journal, in bytes: that of the longest path, and more.
const LINE_MAX: u64 = 64 * 1024;
/// How long a lock may outlive the run that held it: a process that it was starting when it was killed holds it until it has
/// become another program.
const LOCK_OUTLIVES: Duration = Duration::from_secs(1);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct JournalSettings {
    pub(crate) path: PathBuf,
    /// Whether an earlier run is gone on with.
    pub(crate) resume: bool,
    /// Whether what is dead is done again.
    pub(crate) repeat_dead: bool,
}

/// The first line of a journal: what it is about.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Head {
    source: String,
    tasks: String,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Done,
    Dead,
    Malformed,
}

/// A line of the journal.
#[derive(Debug, Deserialize, Serialize)]
struct Entry {
    line: u64,
    hash: String,
    end: End,
}

/// What is known of a line of the input.
#[derive(Clone, Copy, Debug)]
struct Known {
    line: u64,
    hash: u64,
    end: End,
}

/// What the journal said at the start, in the order of the lines.
#[derive(Debug, Default)]
struct Earlier {
    known: Vec<Known>,
    /// The length of the journal up to the end of its last whole line.
    length: u64,
}

/// How many tasks an earlier run has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) done: u64,
    pub(crate) dead: u64,
}

/// The journal of a run.
pub(crate) struct Journal {
    name: String,
    source: String,
    file: Arc<Synced>,
    /// Ends the thread that syncs when it is dropped.
    _until: Sender<()>,
    earlier: Earlier,
    repeat_dead: bool,
    unwritten: Vec<u8>,
    format: TaskFormat,
}

/// A file that is on the disk a moment after it was written.
#[derive(Debug)]
struct Synced {
    file: File,
    state: Mutex<SyncState>,
}

#[derive(Debug, Default)]
struct SyncState {
    is_dirty: bool,
    error: Option<io::Error>,
}

impl Journal {
    /// Opens the journal of a source, and reads what an earlier run has left in it.
    ///
    /// # Errors
    /// When it cannot be used: it is another source's, another run writes to it, or there is
    /// something in it and nothing said about going on.
    pub(crate) fn open(
        settings: &JournalSettings,
        input: &Input,
        format: TaskFormat,
        outputs: &mut Outputs,
    ) -> Result<Self, CliError> {
        let JournalSettings { path, resume, repeat_dead } = settings;
        let file = outputs.extend("--journal", path)?;
        let name = format!("--journal {}", Name(&path.to_string_lossy()));
        let wrong = |what: &dyn std::fmt::Display| CliError::usage(format_args!("{name}: {what}"));
        // What has been written is read back, and kept on a disk.
        if !file.metadata().is_ok_and(|found| found.is_file()) {
            return Err(wrong(&"a journal is a regular file, and this is none"));
        }
        lock(&file).map_err(|()| wrong(&"another run is writing to it"))?;
        let head = Head { source: identity(input), tasks: format.name().to_owned() };
        let earlier = Earlier::read(&file, &head).map_err(|what| wrong(&what))?;
        if earlier.length > 0 && !resume {
            return Err(wrong(
                &"an earlier run has left its record there: --resume goes on with it; or remove the file",
            ));
        }
        let mut unwritten = Vec::new();
        if earlier.length == 0 {
            line(&mut unwritten, &head);
        }
        let file = Arc::new(Synced { file, state: Mutex::default() });
        let (until, is_over) = mpsc::channel();
        let synced = Arc::clone(&file);
        let thread = thread::Builder::new().name("journal".to_owned()).stack_size(128 * 1024);
        let work = move || {
            while is_over.recv_timeout(SYNC) == Err(RecvTimeoutError::Timeout) {
                synced.sync();
            }
        };
        thread.spawn(work).map_err(|error| wrong(&error))?;
        let (source, repeat_dead) = (input.to_string(), *repeat_dead);
        Ok(Self { name, source, file, _until: until, earlier, repeat_dead, unwritten, format })
    }

    /// Returns how many tasks are left out because an earlier run has ended them.
    pub(crate) fn skipped(&self) -> Skipped {
        let count = |end: &dyn Fn(End) -> bool| self.earlier.known.iter().filter(|known| end(known.end)).count() as u64;
        let is_lost = |end| end == End::Malformed || end == End::Dead && !self.repeat_dead;
        Skipped { done: count(&|end| end == End::Done), dead: count(&is_lost) }
    }

    fn add(&mut self, number: u64, text: &[u8], end: End) {
        line(&mut self.unwritten, &Entry { line: number, hash: format!("{:016x}", xxh3_64(text)), end });
    }
}

/// What a source is known by later: a file by its path from the root.
fn identity(input: &Input) -> String {
    match input {
        Input::File { path, .. } => path.canonicalize().unwrap_or_else(|_| path.clone()).to_string_lossy().into_owned(),
        Input::Stdin(_) => "standard input".to_owned(),
    }
}

fn line(to: &mut Vec<u8>, of: &impl Serialize) {
    // Numbers and strings always have a JSON form, and memory takes them.
    let _ = serde_json::to_writer(&mut *to, of);
    to.push(b'\n');
}

impl Earlier {
    /// Reads a journal. A last line that is torn, as after a crash, is none.
    fn read(file: &File, head: &Head) -> Result<Self, String> {
        let mut reader = BufReader::new(file);
        let (mut earlier, mut number, mut text) = (Self::default(), 0_u64, Vec::new());
        loop {
            text.clear();
            let mut limited = (&mut reader).take(LINE_MAX);
            let length = limited.read_until(b'\n', &mut text).map_err(|error| error.to_string())?;
            if !text.ends_with(b"\n") {
                if text.len() as u64 == LINE_MAX {
                    return Err(format!(
                        "its line {} is longer than {LINE_MAX} bytes: it is no journal of a run",
                        number + 1
                    ));
                }
                break;
            }
            number += 1;
            if number == 1 {
                let found: Head = serde_json::from_slice(&text).map_err(|_| "it is no journal of a run")?;
                if found != *head {
                    return Err(format!(
                        "it is about {} ({}), and not about {} ({})",
                        found.source, found.tasks, head.source, head.tasks
                    ));
                }
            } else {
                let entry: Option<Entry> = serde_json::from_slice(&text).ok();
                let known = entry.and_then(|Entry { line, hash, end }| {
                    Some(Known { line, hash: u64::from_str_radix(&hash, 16).ok()?, end })
                });
                earlier.known.push(known.ok_or_else(|| format!("its line {number} is no record of a task"))?);
            }
            earlier.length += length as u64;
        }
        // Of a line that was done again, the last record counts: the sort keeps their order.
        earlier.known.sort_by_key(|known| known.line);
        earlier.known.reverse();
        earlier.known.dedup_by_key(|known| known.line);
        earlier.known.reverse();
        Ok(earlier)
    }

    fn of(&self, line: u64) -> Option<Known> {
        let at = self.known.binary_search_by_key(&line, |known| known.line).ok()?;
        self.known.get(at).copied()
    }
}

impl LineLedger for Journal {
    fn is_open(&mut self, line: u64, text: &[u8]) -> io::Result<bool> {
        let Some(known) = self.earlier.of(line) else { return Ok(true) };
        if known.hash != xxh3_64(text) {
            return Err(io::Error::other(format!(
                "line {line} of {} has changed since {} recorded it",
                self.source, self.name
            )));
        }
        Ok(self.repeat_dead && known.end == End::Dead)
    }

    fn ended(&mut self, task: &Task<Json>, verdict: &Verdict) {
        let end = if *verdict == Verdict::Done { End::Done } else { End::Dead };
        let text = match self.format {
            TaskFormat::Json => task.payload.as_str().into(),
            TaskFormat::Text { .. } => task.payload.to_text(),
        };
        self.add(task.id.0, text.as_bytes(), end);
    }

    fn malformed(&mut self, line: u64, text: &[u8]) {
        self.add(line, text, End::Malformed);
    }

    fn commit(&mut self) -> io::Result<()> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let written = self.file.write(&self.unwritten);
        self.unwritten.clear();
        written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.name)))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.file.sync();
        if let Some(error) = self.file.lock().error.take() {
            terminal::say(&format!("error: {}: {error}", self.name));
        }
    }
}

impl Synced {
    fn lock(&self) -> MutexGuard<'_, SyncState> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)?;
        let mut state = self.lock();
        state.is_dirty = true;
        state.error.take().map_or(Ok(()), Err)
    }

    fn sync(&self) {
        if !std::mem::take(&mut self.lock().is_dirty) {
            return;
        }
        if let Err(error) = self.file.sync_data() {
            self.lock().error = Some(error);
        }
    }
}

/// Locks a journal. Nothing runs yet that this could hold up.
fn lock(file: &File) -> Result<(), ()> {
    let start = Instant::now();
    while file.try_lock().is_err() {
        if start.elapsed() > LOCK_OUTLIVES {
            return Err(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
