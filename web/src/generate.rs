//! Files that are generated for the page and for the npm package: the layout of snapshots and the parameters of a run.
//!
//! `cargo xtask web` writes them, and a test compares the files in the repository with this text. Nothing in here is part of
//! the module that a browser loads.

use std::fmt::Write;

use fourfold::Pattern;

use crate::{
    params::describe::{self, DefaultValue, Described, Group},
    snapshot,
};

/// Returns the generated files: the path below `web/`, and the text of each.
pub fn files() -> [(&'static str, String); 4] {
    [
        ("js/generated/layout.js", layout()),
        ("js/generated/parameters.js", page_parameters()),
        ("npm/parameters.d.ts", npm_types()),
        ("npm/parameters.js", npm_options()),
    ]
}

/// The width at which lines are wrapped.
const COLUMNS: usize = 100;
const HEAD: &str = "`cargo xtask web` writes this file from web/src/";

fn layout() -> String {
    let mut text =
        format!("// The positions of the numbers in a snapshot, and their meanings.\n// {HEAD}snapshot.rs.\n");
    let mut object = |doc: &str, name: &str, names: &[&str]| {
        let entries: Vec<String> = names.iter().enumerate().map(|(n, key)| format!("  {key}: {n},\n")).collect();
        constant(&mut text, doc, name, &format!("{{\n{}}}", entries.concat()));
    };
    object("The numbers that a snapshot begins with.", "HEADER", snapshot::HEADER);
    object("The columns of a task's row.", "TASK", snapshot::TASK);
    object("The columns of a row about a task that has just ended.", "RECENT", snapshot::RECENT);
    object("The columns of a row of a permit's history.", "LANE", snapshot::LANE);
    object("The rows of a table of series.", "SERIES", snapshot::SERIES);
    object("The phases of a task.", "PLACE", snapshot::PLACES);
    object("The fates of a task.", "FATE", snapshot::FATES);
    object("The outcomes of an attempt.", "OUTCOME", snapshot::OUTCOMES);
    let mut list = |what: &str, name: &str, names: &[&str]| {
        let entries: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        let doc = format!("The {what}, in the order of their numbers.");
        constant(&mut text, &doc, name, &format!("[{}]", entries.join(", ")));
    };
    list("kinds of events", "KINDS", snapshot::KINDS);
    list("phases of a run", "PHASES", snapshot::PHASES);
    list("states of a source", "SOURCE_STATES", snapshot::SOURCE_STATES);
    list("patterns", "PATTERNS", &Pattern::ALL.map(Pattern::name));
    text
}

fn constant(text: &mut String, doc: &str, name: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\n/** {doc} */\nexport const {name} = /** @type {{const}} */ ({value});\n");
}

const PARAMETER_TYPE: &str = "
/**
 * @typedef {object} Parameter
 * @property {string} name the key; `work.` comes before the keys of synthetic tasks
 * @property {'count' | 'ms' | 'permille' | 'switch' | 'range'} kind
 * @property {number} min
 * @property {number} max the largest value that a field takes; the module may allow more
 * @property {'run' | 'work' | 'failure'} group
 * @property {number | boolean | [number, number]} [preset] the value when it is left out
 * @property {string} [pattern] the only pattern that uses the parameter; absent where all do
 */

/** @type {Parameter[]} */
export const PARAMETERS = [
";

fn page_parameters() -> String {
    let mut text =
        format!("// The parameters of a run that the page has fields for.\n// {HEAD}params/.\n{PARAMETER_TYPE}");
    let mut run = describe::run();
    // The number of tasks stands beside the limit.
    let limit = run.iter().position(|described| described.name() == "limit").unwrap_or_default();
    run.insert(limit + 1, describe::tasks());
    let of_run = |described: &&Described| described.field.is_some_and(|field| matches!(field.group, Group::Run));
    for described in run.iter().filter(of_run) {
        text += &page_parameter("", described);
    }
    for described in &describe::workload() {
        text += &page_parameter("work.", described);
    }
    for described in run.iter().filter(|described| !of_run(described)) {
        text += &page_parameter("", described);
    }
    text + "];\n"
}

/// Writes a parameter as the page's form reads it; returns no text for a parameter without a field.
fn page_parameter(prefix: &str, described: &Described) -> String {
    let Some(field) = described.field else { return String::new() };
    let group = match field.group {
        Group::Run => "run",
        Group::Work => "work",
        Group::Failure => "failure",
    };
    let (name, kind, min, max) = (described.name(), described.kind(), field.min, field.max);
    let mut entry = format!("  {{ name: '{prefix}{name}', kind: '{kind}', min: {min}, max: {max}, group: '{group}'");
    match described.default {
        DefaultValue::Number(number) => entry += &format!(", preset: {number}"),
        DefaultValue::Flag(flag) => entry += &format!(", preset: {flag}"),
        DefaultValue::Pair(low, high) => entry += &format!(", preset: [{low}, {high}]"),
        DefaultValue::Words(_) => {}
    }
    if let Some(pattern) = field.pattern {
        entry += &format!(", pattern: '{pattern}'");
    }
    entry + " },\n"
}

fn npm_types() -> String {
    let patterns: Vec<String> = Pattern::ALL.iter().map(|pattern| format!("'{}'", pattern.name())).collect();
    let mut text =
        format!("// The parameters of a run. {HEAD}params/.\n\nexport type Pattern = {};\n", patterns.join(" | "));
    let run = describe::run();
    let own = describe::own();
    let options = run.iter().chain(&own).map(|described| (camel_case(described.name()), *described, " | undefined"));
    interface(&mut text, "The options of a run.", "Config", options, "");
    let workload = describe::workload();
    let keys = workload.iter().map(|described| (described.name().into(), *described, ""));
    interface(&mut text, "The distribution that synthetic tasks are drawn from.", "WorkloadSpec", keys, "");
    let task = describe::task();
    let keys = task.iter().map(|described| (described.name().into(), *described, ""));
    interface(&mut text, "One synthetic task.", "SyntheticTask", keys, "");
    let tasks = describe::tasks();
    let keys = run.iter().chain([&tasks]).map(|described| (described.name().into(), *described, ""));
    let work = "  /** The distribution that tasks are drawn from, or the list of tasks. */\n  work?: WorkloadSpec | SyntheticTask[];\n";
    interface(&mut text, "The parameters of a simulation.", "SimulationParameters", keys, work);
    text
}

fn interface(
    text: &mut String,
    doc: &str,
    name: &str,
    keys: impl Iterator<Item = (String, Described, &'static str)>,
    more: &str,
) {
    let _ = write!(text, "\n/** {doc} */\nexport interface {name} {{\n");
    for (key, described, absent) in keys {
        let (doc, kind) = (described.doc, described.typescript());
        let default = default_text(described.default);
        let line = format!("  /** {doc} Default: {default}. */\n");
        *text +=
            &if line.len() <= COLUMNS { line } else { format!("  /**\n   * {doc}\n   * Default: {default}.\n   */\n") };
        let _ = writeln!(text, "  {key}?: {kind}{absent};");
    }
    *text += more;
    *text += "}\n";
}

fn default_text(default: DefaultValue) -> String {
    match default {
        DefaultValue::Number(number) => number.to_string(),
        DefaultValue::Flag(flag) => flag.to_string(),
        DefaultValue::Pair(low, high) => format!("[{low}, {high}]"),
        DefaultValue::Words(words) => words.into(),
    }
}

fn npm_options() -> String {
    let mut text =
        format!("// The options of a run, and the names that the module has for them.\n// {HEAD}params/.\n\n");
    text += "export const OPTIONS = {\n";
    for described in describe::run().iter().chain(&describe::own()) {
        let name = described.name();
        let _ = writeln!(text, "  {}: '{name}',", camel_case(name));
    }
    text + "};\n"
}

/// `backoff_ms` as `backoffMs`.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut name, part| {
        let (head, tail) = part.split_at(1);
        name += &head.to_uppercase();
        name + tail
    })
}
