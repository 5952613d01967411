//! What the page's code panel shows: the crate's real source, and which event lights which line of it.
//!
//! A comment `// page: started` at the end of a line says that this event is told there. It is not shown.

use std::fmt::Write;
use std::fs;
use std::path::Path;

const MARK: &str = " // page: ";

/// A piece of a file: the item that begins with this text.
struct Excerpt {
    file: &'static str,
    item: &'static str,
    title: &'static str,
}

const fn excerpt(file: &'static str, item: &'static str, title: &'static str) -> Excerpt {
    Excerpt { file, item, title }
}

const DRIVER: &str = "src/run/driver.rs";
const INVENTORY: &str = "src/run/inventory.rs";
const LIFECYCLE: &str = "src/run/lifecycle.rs";
const SCHEDULE: &str = "src/run/schedule.rs";
const INTAKE: &str = "src/run/intake.rs";
const SOURCE_IO: &str = "src/run/source_io.rs";

/// What all patterns share, in the order in which a task goes through it.
const SHARED: &[Excerpt] = &[
    excerpt(SCHEDULE, "pub(super) fn claim(", "whether to claim, and how much"),
    excerpt(SOURCE_IO, "pub(super) async fn claim<", "a claim"),
    excerpt(INTAKE, "impl Intake {", "what is known of the source"),
    excerpt(INVENTORY, "pub(super) fn enqueue<", "what a claim brought goes into the queue"),
    excerpt(SCHEDULE, "pub(super) fn start(", "how many may start"),
    excerpt(INVENTORY, "pub(super) fn start<", "a task is started"),
    excerpt(INVENTORY, "pub(super) fn finish<", "an attempt ends"),
    excerpt(INVENTORY, "fn fail<", "an attempt has failed"),
    excerpt(INVENTORY, "fn decide_verdict<", "its task is tried again, or is dead"),
    excerpt(INVENTORY, "pub(super) fn confirm<", "the source took the verdict"),
    excerpt(INVENTORY, "fn abandon<", "left to its source"),
    excerpt(DRIVER, "fn tick_attempts(", "one turn of a run"),
    excerpt(LIFECYCLE, "pub(super) fn start<", "the run begins"),
    excerpt(LIFECYCLE, "fn adjust<", "another limit"),
    excerpt(LIFECYCLE, "pub(super) fn begin_drain<", "drain"),
    excerpt(LIFECYCLE, "pub(super) fn begin_abort<", "abort"),
    excerpt(LIFECYCLE, "pub(super) fn end<", "the run ends"),
];

/// What makes a pattern what it is.
struct Pattern {
    name: &'static str,
    own: &'static [Excerpt],
}

const RULES: Excerpt =
    excerpt("src/pattern.rs", "pub(crate) const fn rules(", "what makes the four patterns different");
const ROOM: Excerpt = excerpt("src/pattern.rs", "pub(crate) fn room(", "how much may be claimed");

const PATTERNS: &[Pattern] = &[
    Pattern { name: "set", own: &[RULES, ROOM] },
    Pattern { name: "batch", own: &[RULES, ROOM, excerpt(INVENTORY, "fn leave_batch<", "the barrier of a batch")] },
    Pattern { name: "pool", own: &[RULES, ROOM] },
    Pattern {
        name: "group",
        own: &[
            RULES,
            ROOM,
            excerpt(LIFECYCLE, "pub(super) fn cancel_group<", "the first final failure cancels its siblings"),
        ],
    },
];

/// Small programs of the page, shown as a whole.
const PROGRAMS: &str = "web/src/programs";

/// A piece as it is shown.
struct Section {
    file: String,
    title: String,
    first_line: usize,
    lines: Vec<String>,
    /// The events of its lines, and which line it is.
    marks: Vec<(String, usize)>,
}

/// All of it as JSON: by pattern and by program, the sections and which event lights which line.
pub(super) fn json(root: &Path) -> Result<String, String> {
    let mut entries = Vec::new();
    for Pattern { name, own } in PATTERNS {
        let sections: Result<Vec<_>, _> = own.iter().chain(SHARED).map(|excerpt| cut(root, excerpt)).collect();
        entries.push(entry(name, &sections?)?);
    }
    for (name, section) in programs(root)? {
        entries.push(entry(&name, &[section])?);
    }
    Ok(format!("{{{}}}\n", entries.join(",\n")))
}

fn read(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|error| format!("cannot read {file}: {error}"))
}

/// The item, from its documentation to its closing brace.
fn cut(root: &Path, excerpt: &Excerpt) -> Result<Section, String> {
    let Excerpt { file, item, title } = excerpt;
    let text = read(root, file)?;
    let lines: Vec<&str> = text.lines().collect();
    let begins: Vec<usize> = (0..lines.len()).filter(|index| lines[*index].trim_start().starts_with(item)).collect();
    let [head] = begins[..] else { return Err(format!("{file}: `{item}` begins {} items, not one", begins.len())) };
    let indent = lines[head].len() - lines[head].trim_start().len();
    let is_above = |line: &str| line.trim_start().starts_with("///") || line.trim_start().starts_with("#[");
    let first = (0..head).rev().take_while(|index| is_above(lines[*index])).last().unwrap_or(head);
    let closing = format!("{}}}", " ".repeat(indent));
    let end = (head..lines.len()).find(|index| lines[*index] == closing);
    let end = end.ok_or_else(|| format!("{file}: `{item}` does not end"))?;
    Ok(section(file, title, first + 1, &lines[first..=end], indent))
}

fn section(file: &str, title: &str, first_line: usize, lines: &[&str], indent: usize) -> Section {
    let mut section =
        Section { file: file.into(), title: title.into(), first_line, lines: Vec::new(), marks: Vec::new() };
    for (index, line) in lines.iter().enumerate() {
        let line = line.get(indent..).unwrap_or_default();
        let (shown, kind) = line.split_once(MARK).map_or((line, None), |(shown, kind)| (shown, Some(kind)));
        section.lines.push(shown.into());
        section.marks.extend(kind.map(|kind| (kind.trim().into(), first_line + index)));
    }
    section
}

/// The programs that a visitor can choose: those that say so in their first line, by the name of their file.
fn programs(root: &Path) -> Result<Vec<(String, Section)>, String> {
    let listed = read(root, "web/src/programs.rs")?;
    let names = listed.lines().filter_map(|line| line.split_once("Program { name: \"")?.1.split_once('"'));
    let mut names: Vec<String> = names.map(|(name, _)| name.to_owned()).collect();
    // One that takes several lines says its name on a line of its own.
    let own = listed.lines().filter_map(|line| line.trim().strip_prefix("name: \"")?.split_once('"'));
    names.extend(own.map(|(name, _)| name.to_owned()));
    names.sort();
    let shown = names.into_iter().map(|name| {
        let file = format!("{PROGRAMS}/{name}.rs");
        let text = read(root, &file)?;
        let lines: Vec<&str> = text.lines().collect();
        Ok((name, section(&file, "", 1, &lines, 0)))
    });
    shown.collect()
}

fn entry(name: &str, sections: &[Section]) -> Result<String, String> {
    let mut marks: Vec<(&str, usize, usize)> = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        for (kind, line) in &section.marks {
            if marks.iter().any(|(other, _, _)| other == kind) {
                return Err(format!("{name}: `{kind}` is marked twice, the second time at {}:{line}", section.file));
            }
            marks.push((kind, index, *line));
        }
    }
    let mut text = format!("{}:{{\"sections\":[", quoted(name));
    for (index, Section { file, title, first_line, lines, .. }) in sections.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let lines = lines.iter().map(|line| quoted(line)).collect::<Vec<_>>().join(",");
        let (file, title) = (quoted(file), quoted(title));
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{comma}{{\"file\":{file},\"title\":{title},\"first_line\":{first_line},\"lines\":[{lines}]}}"
        );
    }
    let marks = marks.iter().map(|(kind, section, line)| format!("{}:[{section},{line}]", quoted(kind)));
    let _ = write!(text, "],\"marks\":{{{}}}}}", marks.collect::<Vec<_>>().join(","));
    Ok(text)
}

/// Text as JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

    /// What a snapshot may name as the last event.
    const KINDS: &[&str] = &[
        "abandoned",
        "abort_started",
        "batch_closed",
        "batch_opened",
        "claimed",
        "drain_started",
        "ended",
        "group_cancelled",
        "limit_changed",
        "malformed",
        "retry_scheduled",
        "run_ended",
        "run_started",
        "settled",
        "source_blocked",
        "source_exhausted",
        "source_waiting",
        "started",
    ];

    fn marks(name: &str) -> Vec<String> {
        let pattern = PATTERNS.iter().find(|pattern| pattern.name == name).unwrap();
        let sections = pattern.own.iter().chain(SHARED).map(|excerpt| cut(&shell::root(), excerpt).unwrap());
        let mut marks: Vec<String> = sections.flat_map(|section| section.marks).map(|(kind, _)| kind).collect();
        marks.sort();
        marks
    }

    #[test]
    fn every_event_of_a_pattern_lights_one_line() {
        let snapshot = fs::read_to_string(shell::root().join("web/src/snapshot.rs")).unwrap();
        assert!(KINDS.iter().all(|kind| snapshot.contains(&format!("\"{kind}\""))), "they are called otherwise");
        for (name, others) in [
            ("set", ["batch_opened", "batch_closed", "group_cancelled"]),
            ("pool", ["batch_opened", "batch_closed", "group_cancelled"]),
            ("batch", ["group_cancelled"; 3]),
            ("group", ["batch_opened", "batch_closed", ""]),
        ] {
            // What opens a batch stands in shared code.
            let expected = KINDS.iter().filter(|kind| **kind == "batch_opened" || !others.contains(kind));
            assert!(marks(name).iter().eq(expected), "{name}: {:?}", marks(name));
        }
    }

    #[test]
    fn a_mark_says_what_its_line_does() {
        for (kind, code) in
            [("claimed", "Claimed"), ("started", "Started"), ("settled", "Settled"), ("run_ended", "RunEnded")]
        {
            let sections = SHARED.iter().map(|excerpt| cut(&shell::root(), excerpt).unwrap());
            let found = sections.filter_map(|section| {
                let (_, line) = section.marks.iter().find(|(marked, _)| marked == kind)?;
                Some(section.lines[line - section.first_line].clone())
            });
            let found: Vec<String> = found.collect();
            assert!(found.len() == 1 && found[0].contains(code) && !found[0].contains("page:"), "{kind}: {found:?}");
        }
    }

    #[test]
    fn a_mark_that_is_there_twice_is_refused() {
        let twice = ["fn one() {} // page: started", "fn two() {} // page: started"];
        let error = entry("set", &[section("src/x.rs", "", 7, &twice, 0)]).unwrap_err();
        assert_eq!(error, "set: `started` is marked twice, the second time at src/x.rs:8");
    }

    #[test]
    fn an_item_that_is_gone_is_named() {
        let gone = excerpt(DRIVER, "fn no_such_item(", "");
        let error = cut(&shell::root(), &gone).err().unwrap();
        assert_eq!(error, "src/run/driver.rs: `fn no_such_item(` begins 0 items, not one");
    }

    #[test]
    fn all_of_it_is_json_with_every_program() {
        let json = json(&shell::root()).unwrap();
        for name in ["set", "batch", "pool", "group", "forgotten", "unbounded", "bounded", "lost_permit", "guarded"] {
            assert!(json.contains(&format!("\"{name}\":{{\"sections\":[{{\"file\":")), "{name}");
        }
        assert_eq!(quoted("a \"b\" \\ \t"), "\"a \\\"b\\\" \\\\ \\u0009\"");
        assert!(!json.contains("// page: "));
    }
}
