//! One picture of the view.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use fourfold::{
    Pattern, TaskId,
    clock::Time,
    event::BlockedOn,
    metrics::{RecentFailure, RunPhase, SourceState, State, TaskPhase, TaskState},
};

use super::recent::Recent;
use crate::render::{
    blocks, foreign,
    style::{BAD, FLOW, HEADING, QUIET},
    units::{self, clock, left},
};

const SLOW: Style = AnsiColor::Yellow.on_default();

/// The maximum number of tasks in flight that have a line each.
const TASKS_MAX: usize = 10;
/// The maximum number of failures that are shown.
const FAILURES_MAX: usize = 3;
/// The maximum number of things that have a cell each; more share a line.
const CELLS_MAX: usize = 20;
const DONE_CELLS: usize = 24;
const TASK_CELLS: usize = 16;

/// How large the terminal is.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// What is drawn.
pub(super) struct Frame<'a> {
    pub(super) state: &'a State,
    /// On the run's clock: the fold knows no later time than that of its last event.
    pub(super) now: Time,
    /// How much of the work is done, from 0 to 1.
    pub(super) done: Option<f64>,
    pub(super) recent: &'a Recent,
    pub(super) size: Size,
}

/// A task whose handler runs.
#[derive(Clone, Copy)]
struct Running {
    since: Time,
    permit: usize,
    task: TaskId,
    live: TaskState,
}

/// How the rows are given out.
struct Rows {
    overview: bool,
    tasks: usize,
    failures: usize,
}

impl Frame<'_> {
    /// Lines that fit the terminal, with styles.
    pub(super) fn lines(&self) -> Vec<String> {
        let rows = self.rows();
        let mut lines = vec![self.head()];
        if rows.overview {
            lines.push(self.overview());
        }
        lines.extend(self.tasks(rows.tasks));
        let failures = self.state.failures();
        lines.extend(failures.iter().skip(failures.len() - rows.failures).map(|seen| self.failure(seen)));
        // Short of the last column, where some terminals break the line.
        let width = self.size.columns.saturating_sub(1);
        let end = if width > 0 { "…" } else { "" };
        lines.iter().map(|line| console::truncate_str(line, width, end).into_owned()).collect()
    }

    /// The most important ones first. What there is to see changes all the time, the number of
    /// lines hardly ever.
    fn rows(&self) -> Rows {
        let left = self.size.rows.saturating_sub(2);
        let overview = left > 0;
        let left = left.saturating_sub(1);
        let failures = self.state.failures().len().min(FAILURES_MAX).min(left / 2);
        Rows { overview, tasks: self.state.limit().min(TASKS_MAX).min(left - failures), failures }
    }

    fn elapsed(&self) -> Duration {
        self.state.elapsed() + self.now.since(self.state.at())
    }

    fn head(&self) -> String {
        let counters = self.state.counters();
        let mut line = String::from(" ");
        if let Some(done) = self.done {
            line += &format!("{} {:>3.0} %  ", blocks::line(done, DONE_CELLS, FLOW), (done * 100.0).floor());
        }
        line += &format!("{HEADING}{}{HEADING:#} ended", counters.tasks());
        line += &format!("  {}", units::per_second(self.recent.rate()));
        let failed = counters.failed + counters.timed_out + counters.panicked;
        if failed > 0 {
            line += &format!("  {BAD}{failed} failed, {} dead{BAD:#}", counters.dead);
        }
        line += &match (self.state.phase(), self.done) {
            (RunPhase::Draining, _) => format!("  {SLOW}draining{SLOW:#}"),
            (RunPhase::Aborting, _) => format!("  {BAD}aborting{BAD:#}"),
            (_, Some(done)) => {
                left(self.elapsed(), done).map_or_else(String::new, |left| format!("  {} left", clock(left)))
            }
            (_, None) => format!("  {QUIET}{}{QUIET:#}", clock(self.elapsed())),
        };
        // Last, since it grows.
        let trend = self.recent.trend();
        if let Some(most) = trend.iter().copied().max().filter(|most| *most > 0) {
            let blocks: String = trend.iter().map(|count| blocks::block(*count as f64, most as f64)).collect();
            line += &format!("  {FLOW}{blocks}{FLOW:#}");
        }
        line
    }

    /// Permits, queue, what waits for another attempt, and the source.
    fn overview(&self) -> String {
        let state = self.state;
        let counters = state.counters();
        let name = if state.pattern() == Pattern::WorkerPool { "workers" } else { "permits" };
        let mut line = format!(" {name} {}", amount(counters.in_flight, state.limit()));
        if let Some(capacity) = state.queue_capacity() {
            line += &format!("   queue {}", amount(counters.queued, capacity));
        }
        if state.waiting() > 0 {
            let due = state.tasks().values().filter_map(|live| match live.phase {
                TaskPhase::Waiting { due, .. } => Some(due),
                _ => None,
            });
            let next = due.min().unwrap_or_default().since(self.now);
            let next = if next.is_zero() { "due".to_owned() } else { format!("next in {}", clock(next)) };
            line += &format!("   retry {} {QUIET}{next}{QUIET:#}", state.waiting());
        }
        let source = match state.source_state() {
            SourceState::Waiting => "the source is empty",
            SourceState::Exhausted => "the source is exhausted",
            SourceState::Blocked { by: BlockedOn::Rate } => "held up by the rate",
            SourceState::Blocked { by: BlockedOn::Keys } => "held up by tasks that wait for their key",
            SourceState::Blocked { by: BlockedOn::Settling } => "held up by settling",
            _ => return line,
        };
        line += &format!("   {QUIET}{source}{QUIET:#}");
        line
    }

    /// Each permit, or where there are more than lines, those who have run for longest.
    fn tasks(&self, rows: usize) -> Vec<String> {
        let running = self.state.tasks().iter().filter_map(|(task, live)| match live.phase {
            TaskPhase::Running { since, permit, .. } => Some(Running { since, permit, task: *task, live: *live }),
            _ => None,
        });
        let mut running: Vec<Running> = running.collect();
        let limit = self.state.limit();
        let usual = self.state.service().percentile(99);
        let oldest = running.iter().map(|running| self.now.since(running.since)).max().unwrap_or_default();
        let scale = usual.max(oldest);
        if limit <= rows {
            let of_permit = |permit| running.iter().find(|running| running.permit == permit);
            return (0..limit).map(|permit| self.task(permit, of_permit(permit), usual, scale)).collect();
        }
        let shown = rows.saturating_sub(1);
        if running.len() > shown {
            running.select_nth_unstable_by_key(shown, |running| (running.since, running.task));
        }
        let more = running.len().saturating_sub(shown);
        running.truncate(shown);
        running.sort_unstable_by_key(|running| (running.since, running.task));
        let mut lines: Vec<String> =
            running.iter().map(|running| self.task(running.permit, Some(running), usual, scale)).collect();
        // Idle permits are lines too, so that the view keeps its height.
        lines.resize(shown, String::new());
        if rows > 0 {
            lines.push(if more > 0 { format!("   {QUIET}and {more} more{QUIET:#}") } else { String::new() });
        }
        lines
    }

    fn task(&self, permit: usize, running: Option<&Running>, usual: Duration, scale: Duration) -> String {
        let width = self.state.limit().saturating_sub(1).to_string().len();
        let Some(running) = running else { return format!("   {QUIET}{permit:>width$}  idle{QUIET:#}") };
        let age = self.now.since(running.since);
        let style = if age > usual && self.state.service().count() > 0 { SLOW } else { FLOW };
        let share = age.as_secs_f64() / scale.as_secs_f64().max(f64::MIN_POSITIVE);
        let attempt = running.live.attempt;
        let attempt = if attempt.get() > 1 { format!("  {SLOW}attempt {attempt}{SLOW:#}") } else { String::new() };
        format!(
            "   {QUIET}{permit:>width$}{QUIET:#}  {} {:>7}  task {}{attempt}",
            blocks::line(share, TASK_CELLS, style),
            clock(age),
            running.task
        )
    }

    fn failure(&self, seen: &RecentFailure) -> String {
        let reason = foreign::harmless_line(&seen.reason);
        format!(
            " {BAD}✗{BAD:#} {QUIET}{:>7} ago{QUIET:#}  task {}, attempt {}: {}",
            clock(self.now.since(seen.at)),
            seen.task,
            seen.attempt,
            reason.trim()
        )
    }
}

/// Shows a part of a whole, drawn and in figures.
fn amount(part: u64, whole: usize) -> String {
    let drawn = if whole <= CELLS_MAX {
        blocks::cells(usize::try_from(part).unwrap_or(usize::MAX), whole, FLOW)
    } else {
        blocks::line(part as f64 / whole as f64, CELLS_MAX, FLOW)
    };
    format!("{drawn} {part} of {whole}")
}

#[cfg(test)]
mod tests {
    use fourfold::{
        Attempt, Event,
        event::{EventKind, Outcome},
    };

    use super::*;

    fn ms(ms: u64) -> Time {
        Time::from_nanos(ms * 1_000_000)
    }

    fn fold(events: impl IntoIterator<Item = (u64, EventKind<&'static str>)>) -> State {
        let mut state = State::new();
        for (sequence, (at, kind)) in (0..).zip(events) {
            state.apply(&Event { sequence, at: ms(at), kind });
        }
        state
    }

    fn begin(limit: usize) -> (u64, EventKind<&'static str>) {
        let (workers, queue_capacity) = (Some(limit), Some(limit));
        (0, EventKind::RunStarted { pattern: Pattern::WorkerPool, limit, workers, queue_capacity })
    }

    fn claimed(at: u64, id: u64) -> (u64, EventKind<&'static str>) {
        (at, EventKind::Claimed { task: TaskId(id), attempt: Attempt::FIRST })
    }

    fn started(at: u64, id: u64, permit: usize) -> (u64, EventKind<&'static str>) {
        (at, EventKind::Started { task: TaskId(id), attempt: Attempt::FIRST, permit, worker: Some(permit) })
    }

    fn failed(at: u64, id: u64, permit: usize, reason: &'static str) -> (u64, EventKind<&'static str>) {
        let (attempt, worker, reason) = (Attempt::FIRST, Some(permit), Some(reason));
        (at, EventKind::Ended { task: TaskId(id), attempt, permit, worker, outcome: Outcome::Failed, reason })
    }

    fn lines(state: &State, now: u64, done: Option<f64>, columns: usize, rows: usize) -> Vec<String> {
        let recent = Recent::default();
        let frame = Frame { state, now: ms(now), done, recent: &recent, size: Size { rows, columns } };
        frame.lines().iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_frame_shows_progress_workers_queue_and_failures() {
        let state = fold([
            begin(3),
            claimed(0, 1),
            claimed(0, 2),
            claimed(0, 3),
            started(0, 1, 0),
            started(0, 2, 1),
            failed(1000, 1, 0, "exit code 3: \x1b[2Jno\nsuch host"),
        ]);
        let expected = [
            " ━━━━━━──────────────────  25 %  0 ended  0.00/s  1 failed, 0 dead  6.0 s left",
            " workers ■·· 1 of 3   queue ■·· 1 of 3",
            "   0  idle",
            "   1  ━━━━━━━━━━━━━━━━   2.0 s  task 2",
            "   2  idle",
            " ✗   1.0 s ago  task 1, attempt 1: exit code 3:  [2Jno such host",
        ];
        assert_eq!(lines(&state, 2000, Some(0.25), 100, 24), expected);
    }

    #[test]
    fn it_fits_every_terminal() {
        let many = 0..100_u64;
        let claims = many.clone().map(|id| claimed(0, id));
        let starts = many.clone().map(|id| started(id, id, id as usize));
        let fail = (90..100).map(|id| failed(1000, id, id as usize, "a reason that is long, and wide: 失敗しました"));
        let state = fold([begin(100)].into_iter().chain(claims).chain(starts).chain(fail));
        for (rows, columns) in [(0, 0), (1, 1), (2, 10), (3, 20), (5, 40), (10, 80), (24, 80), (60, 200)] {
            let lines = lines(&state, 2000, Some(0.5), columns, rows);
            assert!(lines.len() <= rows.saturating_sub(1).max(1) && lines.len() <= 15, "{rows}: {lines:#?}");
            for line in &lines {
                assert!(console::measure_text_width(line) <= columns.saturating_sub(1), "{columns}: {line}");
            }
        }
        let lines = lines(&state, 2000, None, 80, 24);
        assert!(lines[2].contains("task 0") && lines[3].contains("task 1"), "the oldest are shown: {lines:#?}");
        assert_eq!(lines[11], "   and 81 more");
    }

    #[test]
    fn more_in_flight_than_rows_keeps_its_height() {
        let some = |count: u64| {
            let claims = (0..count).map(|id| claimed(0, id));
            fold([begin(100)].into_iter().chain(claims).chain((0..count).map(|id| started(0, id, id as usize))))
        };
        let heights = [0, 1, 9, 10, 11, 100].map(|count| lines(&some(count), 1000, None, 80, 24).len());
        assert_eq!(heights, [12; 6]);
    }

    #[test]
    fn what_waits_for_another_attempt_is_counted() {
        let (task, attempt, outcome) = (TaskId(1), Attempt::FIRST, Some(Outcome::Failed));
        let after = Duration::from_secs(3);
        let disposition = fourfold::event::Disposition::Retried;
        let state = fold([
            begin(1),
            claimed(0, 1),
            started(0, 1, 0),
            failed(500, 1, 0, "no"),
            (500, EventKind::RetryScheduled { task, attempt, after }),
            (500, EventKind::Settled { task, attempt, outcome, disposition }),
            (500, EventKind::SourceWaiting),
        ]);
        let overview = &lines(&state, 1000, None, 100, 24)[1];
        assert_eq!(overview, " workers · 0 of 1   queue · 0 of 1   retry 1 next in 2.5 s   the source is empty");
        assert!(lines(&state, 4000, None, 100, 24)[1].contains("retry 1 due"));
    }
}
