//! What tasks write and reply: passed on as it comes or in the order of the input, and a record of
//! each task that has ended.

mod order;
mod record;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{self, BufWriter, Cursor, Write},
    num::NonZeroUsize,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use fourfold::{
    Control, Event, Observer, Task,
    clock::Time,
    event::{Disposition, EventKind},
    source::{Json, Window},
};
use smol::{
    Timer,
    channel::{Receiver, Sender, bounded},
};

use self::{
    order::{Order, Place},
    record::Last,
};
use crate::{
    exit::{CliError, Ending},
    handler::{Attempted, Writes},
    outputs::Outputs,
    process::Spool,
    terminal::{self, Stdout},
};

/// Attempts wait while this many pieces wait to be written.
const WAITING_MAX: usize = 1024;
/// The time between two looks whether there are fewer.
const LOOK: Duration = Duration::from_millis(10);
/// Records that are written in one piece have about this many bytes.
const PIECE: usize = 64 * 1024;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResultSettings {
    /// Where records go; `-` is standard output.
    pub(crate) path: Option<PathBuf>,
    /// Whether the file keeps what an earlier run has written.
    pub(crate) is_kept: bool,
    /// How many tasks may be on their way or wait for their turn, if outputs are in the order of the
    /// input.
    pub(crate) window: Option<NonZeroUsize>,
}

/// Where records go.
#[derive(Debug)]
enum Target {
    Nowhere,
    Stdout,
    File { name: String, writer: RefCell<BufWriter<File>> },
}

/// What was asked for, opened.
#[derive(Debug)]
pub(crate) struct OpenedResults {
    target: Target,
    window: Option<NonZeroUsize>,
}

impl OpenedResults {
    /// Opens what is asked for.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn open(settings: &ResultSettings, outputs: &mut Outputs) -> Result<Self, CliError> {
        let target = match &settings.path {
            None => Target::Nowhere,
            Some(path) if path.as_os_str() == "-" => Target::Stdout,
            Some(path) => {
                let flag = "--results";
                let file = if settings.is_kept { outputs.extend(flag, path) } else { outputs.open(flag, path) }?;
                let writer = RefCell::new(BufWriter::new(file));
                Target::File { name: format!("--results {}", path.display()), writer }
            }
        };
        Ok(Self { target, window: settings.window })
    }
}

/// Something to be written.
enum Part {
    Output(Spool),
    Record(String),
    /// A task is through.
    End,
}

/// A task that has not ended.
#[derive(Debug)]
struct OpenTask {
    claimed: Time,
    last: Option<Last>,
}

/// Outputs and records on their way.
pub(crate) struct Results {
    stdout: Rc<Stdout>,
    control: Control,
    target: Target,
    order: Option<RefCell<Order>>,
    window: Option<Window>,
    /// Only where records are wanted.
    tasks: RefCell<BTreeMap<u64, OpenTask>>,
    queue: RefCell<VecDeque<Part>>,
    arrived: (Sender<()>, Receiver<()>),
    has_failed: Cell<bool>,
}

impl Results {
    /// Creates the results of a run.
    pub(crate) fn new(opened: OpenedResults, control: &Control, stdout: &Rc<Stdout>) -> Self {
        Self {
            stdout: Rc::clone(stdout),
            control: control.clone(),
            target: opened.target,
            order: opened.window.map(|_| RefCell::default()),
            window: opened.window.map(Window::new),
            tasks: RefCell::default(),
            queue: RefCell::default(),
            arrived: bounded(1),
            has_failed: Cell::new(false),
        }
    }

    /// Returns the bound on tasks that are not through, for the source.
    pub(crate) fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    fn has_records(&self) -> bool {
        !matches!(self.target, Target::Nowhere)
    }

    /// Returns whether standard output is the tasks', which write this.
    pub(crate) fn own_stdout(&self, writes: Writes) -> bool {
        match &self.target {
            Target::Stdout => true,
            Target::Nowhere => writes != Writes::Nothing,
            Target::File { .. } => writes == Writes::Output,
        }
    }

    /// Returns whether what a task writes has to wait until it can be written in one piece.
    pub(crate) fn keep_outputs(&self) -> bool {
        self.order.is_some() || self.has_records()
    }

    /// Waits while so much waits to be written that nothing should start that adds to it.
    pub(crate) async fn ready(&self) {
        while self.queue.borrow().len() > WAITING_MAX {
            Timer::after(LOOK).await;
        }
    }

    /// Takes over what an attempt has brought, and passes on what is not to wait.
    pub(crate) async fn take(&self, task: &Task<Json>, attempted: &mut Attempted, begun: Instant) {
        let mut output = std::mem::take(&mut attempted.output);
        if let Some(open) = self.tasks.borrow_mut().get_mut(&task.id.0) {
            let took = begun.elapsed();
            let now = jiff::Timestamp::now();
            open.last = Some(Last {
                code: attempted.code,
                took,
                started: now.checked_sub(took).unwrap_or(now),
                length: output.length(),
                // What cannot be read any more is missing in the record, and nowhere else.
                output: output.excerpt(record::OUTPUT_MAX).unwrap_or_default(),
                reason: attempted.result.as_ref().err().map(|failure| failure.reason().to_owned()),
            });
        }
        // What is in the record goes nowhere else, but for what a process writes beside a file.
        let is_recorded = matches!(self.target, Target::Stdout) || self.has_records() && attempted.is_reply;
        if output.is_empty() || is_recorded {
            return;
        }
        match &self.order {
            Some(order) => {
                order.borrow_mut().keep(task.id.0, output);
                self.limit_waiting();
            }
            None => self.stdout.pass_on(output.take()).await,
        }
    }

    /// Keeps new tasks back while much waits for its turn.
    fn limit_waiting(&self) {
        if let (Some(order), Some(window)) = (&self.order, &self.window) {
            let is_crowded = order.borrow().is_crowded();
            window.hold(is_crowded);
        }
    }

    /// Queues what may be written now that something has ended.
    fn advance(&self, order: &RefCell<Order>) {
        while let Some(place) = self.next_place(order) {
            self.queue_place(place);
        }
        self.limit_waiting();
    }

    fn next_place(&self, order: &RefCell<Order>) -> Option<Place> {
        order.borrow_mut().next()
    }

    fn queue_place(&self, place: Place) {
        let mut queue = self.queue.borrow_mut();
        queue.extend(place.outputs.into_iter().map(Part::Output));
        queue.extend(place.record.map(Part::Record));
        queue.push_back(Part::End);
        let _ = self.arrived.0.try_send(());
    }

    /// Writes what is queued; never returns.
    pub(crate) async fn drive(&self) -> std::convert::Infallible {
        loop {
            self.write_queued().await;
            // It is never closed: this owns both of its ends.
            let _ = self.arrived.1.recv().await;
        }
    }

    async fn write_queued(&self) {
        while let Some(part) = self.next_part() {
            match part {
                Part::Output(mut output) => self.stdout.pass_on(output.take()).await,
                Part::Record(record) => self.write(self.join(record)).await,
                Part::End => self.window.iter().for_each(Window::advance),
            }
        }
        if let Target::File { writer, .. } = &self.target {
            let flushed = writer.borrow_mut().flush();
            self.check(flushed);
        }
    }

    fn next_part(&self) -> Option<Part> {
        self.queue.borrow_mut().pop_front()
    }

    /// Joins a record and those behind it, to be written in one piece.
    fn join(&self, mut records: String) -> String {
        let mut queue = self.queue.borrow_mut();
        while records.len() < PIECE {
            match queue.front() {
                Some(Part::Record(next)) => records.push_str(next),
                Some(Part::End) => self.window.iter().for_each(Window::advance),
                Some(Part::Output(_)) | None => break,
            }
            queue.pop_front();
        }
        records
    }

    async fn write(&self, records: String) {
        match &self.target {
            Target::Nowhere => {}
            Target::Stdout => self.stdout.pass_on(Cursor::new(records)).await,
            Target::File { writer, .. } => {
                let written = writer.borrow_mut().write_all(records.as_bytes());
                self.check(written);
            }
        }
    }

    /// Says once that records cannot be written, and drains the run: they are what it is for.
    fn check(&self, written: io::Result<()>) {
        if let (Err(error), Target::File { name, .. }) = (written, &self.target)
            && !self.has_failed.replace(true)
        {
            terminal::say(&format!("error: {name}: {error}; the run ends"));
            self.control.drain();
        }
    }

    /// Writes what is left at the end of a run: in order, though not every task has ended.
    pub(crate) async fn complete(&self) {
        if let Some(order) = &self.order {
            while let Some(place) = { order.borrow_mut().pop() } {
                self.queue_place(place);
            }
        }
        self.write_queued().await;
        self.tasks.borrow_mut().clear();
    }

    /// Returns what the exit code tells.
    pub(crate) fn ending(&self) -> Ending {
        if self.has_failed.get() { Ending::NotWritten } else { Ending::Done }
    }

    fn add_record(&self, task: Option<u64>, record: Option<String>) {
        match (&self.order, task) {
            (Some(order), Some(task)) => order.borrow_mut().end(task, record),
            (Some(order), None) => order.borrow_mut().add_ended(record),
            (None, _) => return self.queue_place(Place::ended(record)),
        }
        self.order.iter().for_each(|order| self.advance(order));
    }

    fn record(&self, at: Time, task: u64, attempts: u32, outcome: &str) -> Option<String> {
        let open = self.tasks.borrow_mut().remove(&task)?;
        Some(record::task(task, outcome, attempts, at.since(open.claimed), open.last.as_ref()))
    }
}

impl Observer for &Results {
    fn event(&mut self, event: &Event<&str>) {
        if !self.keep_outputs() {
            return;
        }
        match event.kind {
            EventKind::Claimed { task, .. } => {
                self.order.iter().for_each(|order| order.borrow_mut().arrive(task.0));
                if self.has_records() {
                    let open = || OpenTask { claimed: event.at, last: None };
                    self.tasks.borrow_mut().entry(task.0).or_insert_with(open);
                }
            }
            EventKind::Settled { task, attempt, disposition, .. } => {
                let outcome = match disposition {
                    Disposition::Done => "done",
                    Disposition::Dead => "dead",
                    Disposition::LeaseLost => "lease_lost",
                    _ => return,
                };
                self.add_record(Some(task.0), self.record(event.at, task.0, attempt.get(), outcome));
            }
            EventKind::Malformed { reason } if self.has_records() => {
                self.add_record(None, Some(record::malformed(reason)));
            }
            _ => {}
        }
    }
}
