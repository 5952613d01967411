//! `fourfold compare`: the same tasks through all four patterns.

use std::{fmt::Write, num::NonZeroUsize, time::Duration};

use fourfold::{
    Config, MemorySource, Pattern, Report, Source,
    metrics::State,
    source::{ClaimStatus, Claims, Json, JsonLines, Settlement, Verdict},
};

use crate::{
    exit::{CliError, Ending},
    input::{self, Input, SourceSettings, TaskFormat},
    outputs::Outputs,
    render::{
        style::{HEADING, QUIET},
        table,
        timeline::{self, Timeline},
        units,
    },
    runner::{Runner, RunnerOutputs},
    settings::CompareSettings,
    terminal::{self, Stderr},
};

/// The width of a timeline, in cells.
const CELLS: usize = 60;
/// The number of lines that are read at a time.
const AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

pub(super) fn compare(settings: CompareSettings) -> Result<Ending, CliError> {
    let CompareSettings { source, work } = settings;
    let input = match source {
        SourceSettings::File(path) => Some(Input::file(&path)?),
        SourceSettings::Stdin => Some(Input::stdin()),
        SourceSettings::Demo | SourceSettings::Redis(_) => None,
    };
    let mut outputs = Outputs::new(input.as_ref())?;
    let opened = RunnerOutputs::open(&work, &mut outputs)?;
    let lines = input.map(|input| read(input, work.format)).transpose()?;
    outputs.begin()?;

    let total = lines.as_ref().map_or(work.tasks, |lines| lines.tasks.len() as u64);
    let total = total.min(work.config.max_tasks.unwrap_or(u64::MAX));
    let (config, tasks, is_simulated) = (work.config, work.tasks, work.is_simulated);
    let of = |pattern| {
        let mut config: Config = config;
        config.pattern = pattern;
        config
    };
    let mut runner = Runner::new(work, opened);
    let mut runs: Vec<State> = Vec::new();
    let mut ending = Ending::of_lost(lines.as_ref().map_or(0, |lines| lines.malformed));
    for pattern in Pattern::ALL {
        if runner.is_draining() {
            break;
        }
        let source = match &lines {
            None => input::demo(tasks, config.seed),
            Some(lines) => MemorySource::new(lines.tasks.clone()),
        };
        let done = |state: &State| (total > 0).then(|| state.counters().tasks() as f64 / total as f64);
        let outcome = runner.drain(&source, &of(pattern), &done);
        ending = ending.max(outcome.ending());
        if let Some(error) = outcome.error {
            terminal::say(&format!("{pattern}: {error}"));
        }
        runs.push(outcome.state);
    }
    if let Some(lost) = runner.handler_lost() {
        terminal::say(&format!("error: {lost}"));
    }
    let reports: Vec<Report> = runs.iter().map(State::report).collect();
    let json = serde_json::to_string(&reports).unwrap_or_default();
    runner.report(|is_coloured| text(&runs, is_simulated, is_coloured), &json);
    Ok(ending.max(runner.finish()))
}

/// The tasks of a file, held in memory.
struct Lines {
    tasks: Vec<Json>,
    malformed: u64,
}

/// Reads all tasks of a file: they are needed four times. What is malformed is named and left out.
fn read(input: Input, format: TaskFormat) -> Result<Lines, CliError> {
    let wrong = {
        let name = input.to_string();
        move |error| CliError::source(format_args!("cannot read {name}: {error}"))
    };
    let source = format.apply(JsonLines::new(input.reader(None), Stderr));
    smol::block_on(async {
        let (mut lines, mut claims) = (Lines { tasks: Vec::new(), malformed: 0 }, Claims::new());
        loop {
            let status = source.claim(AT_ONCE, &mut claims, &()).await.map_err(&wrong)?;
            lines.malformed += claims.take_malformed().len() as u64;
            let deliveries = claims.drain().inspect(|delivery| lines.tasks.push(delivery.task.payload.clone()));
            let mut settled: Vec<_> = deliveries.map(|delivery| Settlement::new(delivery, Verdict::Done)).collect();
            source.settle(&mut settled, &()).await.map_err(&wrong)?;
            if status == ClaimStatus::Exhausted {
                return Ok(lines);
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
    let mut text = format!("{HEADING}in flight over {}{HEADING:#}\n", units::time(span));
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
        units::time(report.elapsed),
        units::per_second(report.throughput()),
        units::time(wait.p50),
        units::time(wait.p99),
        counters.peak_in_flight.to_string(),
        report.idle_permits.map_or_else(String::new, |idle| table::idle_share(report, idle)),
        (counters.failed + counters.timed_out + counters.panicked).to_string(),
        counters.done.to_string(),
        counters.dead.to_string(),
    ]
}

/// Says which pattern was best at what.
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
