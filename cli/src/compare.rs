//! `fourfold compare`: the same tasks through all four patterns.

use std::{fmt::Write, num::NonZeroUsize, time::Duration};

use fourfold::{
    MemorySource, NativeClock, Pattern, Report, RunError, Source,
    metrics::State,
    source::{ClaimStatus, Claims, Json, JsonLines, Settlement, Verdict},
};

use super::{
    args::CompareArgs,
    exit::{self, Fault},
    origin::{self, Origin, Reader},
    screen::{self, Stderr},
    session::{self, Session},
    table::{self, HEADING, QUIET},
    timeline::{self, Timeline},
};

/// How wide a timeline is.
const CELLS: usize = 60;
/// So many lines are read at a time.
const AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

pub(crate) fn compare(args: &CompareArgs) -> Result<u8, Fault> {
    let tasks = match Origin::new(&args.source)? {
        Origin::Demo => None,
        Origin::Stdin => Some(read(Reader::stdin())?),
        Origin::File(path) => Some(read(Reader::file(&path)?.0)?),
        Origin::Redis(_) => {
            return Err(Fault::usage(
                "compare takes the demo or a file: a Redis list cannot be drained four times (use `fourfold run`)",
            ));
        }
    };
    let mut session = Session::new(&args.work, &args.source, tasks.is_none(), true)?;
    let total = tasks.as_ref().map_or(args.work.tasks, |tasks| tasks.len() as u64);
    let total = total.min(args.work.max_tasks.unwrap_or(u64::MAX));
    let mut runs: Vec<State> = Vec::new();
    let mut code = exit::DONE;
    for pattern in Pattern::ALL {
        if session.control.is_draining() {
            break;
        }
        let source = match &tasks {
            None => origin::demo(&args.work, &session.clock),
            Some(tasks) => MemorySource::new(session.clock.clone(), tasks.clone()),
        };
        let done = |state: &State| (total > 0).then(|| state.counters().tasks() as f64 / total as f64);
        let ran = session.drain(&source, &args.work.config(pattern), &done);
        if let Some(error) = ran.error {
            screen::say(&format!("{pattern}: {error}"));
            code = code.max(if matches!(error, RunError::Group { .. }) {
                exit::NOT_ALL_DONE
            } else {
                exit::SOURCE_FAILED
            });
        }
        runs.push(ran.state);
    }
    if let Some(lost) = session.handler.lost() {
        screen::say(&format!("error: {lost}"));
        code = exit::SOURCE_FAILED;
    }
    let json: Vec<Report> = runs.iter().map(State::report).collect();
    let json = serde_json::to_string(&json).unwrap_or_default();
    session::print_summary(
        &session,
        &args.work.output,
        &text(&runs, session.is_simulated(), session::is_coloured(&session)),
        &json,
    );
    code = session.asked.exit_code().unwrap_or(code);
    Ok(match session.finish() {
        Some(exit::STDOUT_CLOSED) => exit::STDOUT_CLOSED,
        Some(unwritten) if code == exit::DONE => unwritten,
        _ => code,
    })
}

/// All tasks of a file, held in memory: they are needed four times. What is malformed is named and left out.
fn read(reader: Reader) -> Result<Vec<Json>, Fault> {
    let source = JsonLines::new(NativeClock::new(), reader, Stderr);
    smol::block_on(async {
        let (mut tasks, mut claims) = (Vec::new(), Claims::new());
        loop {
            let supply = source.claim(AT_ONCE, &mut claims).await.map_err(Fault::source)?;
            let deliveries = claims.drain().inspect(|delivery| tasks.push(delivery.task.payload.clone()));
            let mut settled: Vec<_> = deliveries.map(|delivery| Settlement::new(delivery, Verdict::Done)).collect();
            source.settle(&mut settled).await.map_err(Fault::source)?;
            if supply == ClaimStatus::Exhausted {
                return Ok(tasks);
            }
        }
    })
}

fn text(runs: &[State], simulated: bool, coloured: bool) -> String {
    let reports: Vec<Report> = runs.iter().map(State::report).collect();
    let rows: Vec<Vec<String>> = reports.iter().map(row).collect();
    let headings =
        ["pattern", "time", "throughput", "wait p50", "wait p99", "peak", "idle permits", "failed", "done", "dead"];
    let mut text = table::columns(&headings, &rows);
    text.push('\n');
    text += &timelines(runs, &reports, coloured);
    text.push('\n');
    text += &verdict(&reports);
    for pattern in Pattern::ALL {
        let _ = writeln!(text, "{HEADING}{pattern:<5}{HEADING:#}  {}", pattern.advice());
    }
    if simulated {
        let _ = writeln!(
            text,
            "{QUIET}On a simulated clock: the same on every machine. --real takes the time it says.{QUIET:#}"
        );
    }
    text
}

/// A line for each run; with colours, what waited for a permit stands above it.
fn timelines(runs: &[State], reports: &[Report], coloured: bool) -> String {
    let span = reports.iter().map(|report| report.elapsed).max().unwrap_or_default();
    let lines: Vec<Timeline<'_>> =
        runs.iter().zip(reports).map(|(state, report)| timeline(state, report, span)).collect();
    let most = lines.iter().map(Timeline::most_queued).fold(0.0, f64::max);
    let mut text = format!("{HEADING}in flight over {}{HEADING:#}\n", table::time(span));
    for (line, report) in lines.iter().zip(reports) {
        if coloured {
            let _ = writeln!(text, "{:<7}  {}", "", line.queue(most));
        }
        let blocks = if coloured { line.coloured() } else { line.plain() };
        let _ = writeln!(text, "{:<7}  {blocks}", report.pattern);
    }
    if coloured {
        let _ = writeln!(text, "\n{:<7}  {}", "", timeline::legend(&lines));
    }
    text
}

fn timeline<'a>(state: &'a State, report: &Report, span: Duration) -> Timeline<'a> {
    Timeline { profile: state.utilization(), elapsed: report.elapsed, span, limit: report.limit, cells: CELLS }
}

fn row(report: &Report) -> Vec<String> {
    let counters = &report.counters;
    let wait = report.wait.unwrap_or_default();
    vec![
        report.pattern.to_string(),
        table::time(report.elapsed),
        table::per_second(report.throughput()),
        table::time(wait.p50),
        table::time(wait.p99),
        counters.peak_in_flight.to_string(),
        report.idle_permits.map_or_else(String::new, |idle| table::idle_share(report, idle)),
        (counters.failed + counters.timed_out + counters.panicked).to_string(),
        counters.done.to_string(),
        counters.dead.to_string(),
    ]
}

/// Who won what, in a sentence.
fn verdict(reports: &[Report]) -> String {
    let wait = |report: &Report| report.wait.unwrap_or_default().p99;
    let idle = |report: &Report| report.idle_permits.unwrap_or_default();
    let [fastest, steadiest, busiest] =
        [best(reports, |report: &Report| report.elapsed), best(reports, wait), best(reports, idle)];
    format!("Fastest: {fastest}. Least waiting between claim and start: {steadiest}. Fewest idle permits: {busiest}.\n")
}

fn best(reports: &[Report], key: impl Fn(&Report) -> Duration) -> String {
    let least = reports.iter().map(&key).min();
    let names = reports.iter().filter(|report| Some(key(report)) == least).map(|report| report.pattern.name());
    names.collect::<Vec<_>>().join(", ")
}
