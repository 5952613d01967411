//! The live view, as it is seen on a terminal.

use super::{
    command::{Place, seq, until},
    terminal::Terminal,
};

/// Tasks that wait for the file `go`; the first fails at once.
const WAIT: &str =
    "[ $1 = 1 ] && { echo no such host >&2; exit 3; }; until [ -e go ]; do sleep 0.01; done; echo out $1";

fn args(more: &[&'static str]) -> Vec<&'static str> {
    [&["run", "tasks", "-c", "3", "--retries", "0", "--dead", "dead"], more, &["--exec", "sh", "-c", WAIT, "sh", "{}"]]
        .concat()
}

fn start(more: &[&'static str]) -> (Place, Terminal) {
    let place = Place::new();
    place.write("tasks", seq(20));
    let terminal = Terminal::start(&place, (24, 100), &args(more), |_| {});
    (place, terminal)
}

#[test]
fn a_run_is_seen_while_it_goes_on_and_leaves_its_output_and_the_summary() {
    let (place, terminal) = start(&[]);
    terminal.until("task 2");
    terminal.until("✗");
    let screen = terminal.screen();
    for part in [
        "1 ended",
        "1 failed, 1 dead",
        "workers ■■■ 3 of 3",
        "queue ■■■ 3 of 3",
        "task 4",
        "attempt 1: exit code 3: no such host",
    ] {
        assert!(screen.contains(part), "`{part}` is missing in\n{screen}");
    }
    assert!(String::from_utf8_lossy(&terminal.written()).contains("\x1b[36m"), "in colour");
    place.write("go", "");
    let (code, screen, cursor) = terminal.end();
    assert_eq!(code, Some(1), "{screen}");
    let lines: Vec<&str> = screen.lines().collect();
    let outputs = lines.iter().filter(|line| line.starts_with("out ")).count();
    assert!(lines[..outputs].iter().all(|line| line.starts_with("out ")), "{screen}");
    assert!(lines[outputs].starts_with("pool: 19 done, 1 dead in"), "nothing of the view is left:\n{screen}");
    assert!(!screen.contains('■') && !screen.contains('━'), "{screen}");
    assert_eq!(cursor.1, 0);
}

/// Every prefix of what is written is a moment that somebody may see.
#[test]
fn it_does_not_flicker() {
    let (place, terminal) = start(&[]);
    terminal.until("✗");
    let begin = terminal.written().len();
    let ticks = || terminal.written()[begin..].windows(4).filter(|bytes| bytes == b"\x1b[?7").count();
    until("it was drawn five times", || ticks() >= 10);
    let written = terminal.written();
    let mut seen = vt100::Parser::new(24, 100, 0);
    seen.process(&written[..begin]);
    for byte in &written[begin..] {
        seen.process(&[*byte]);
        let screen = seen.screen().contents();
        assert!(screen.contains("workers ■■■") && screen.contains("✗"), "{screen}");
    }
    place.write("go", "");
    assert_eq!(terminal.end().0, Some(1));
}

#[test]
fn it_follows_the_size_of_the_terminal() {
    let (place, terminal) = start(&[]);
    terminal.until("✗");
    terminal.resize(4, 40);
    until("it is short", || !terminal.screen().contains('✗') && terminal.screen().contains("workers"));
    until("it is narrow", || {
        let screen = terminal.screen();
        screen.contains('…') && screen.lines().all(|line| line.chars().count() < 40)
    });
    assert_eq!(terminal.screen().matches("workers").count(), 1, "{}", terminal.screen());
    terminal.resize(30, 120);
    terminal.until("no such host");
    assert_eq!(terminal.screen().matches("workers").count(), 1, "{}", terminal.screen());
    place.write("go", "");
    assert_eq!(terminal.end().0, Some(1));
}

#[test]
fn ctrl_c_drains_and_leaves_the_terminal_clean() {
    let (place, mut terminal) = start(&[]);
    terminal.until("✗");
    terminal.press("\x03");
    terminal.until("draining");
    // A line of the log stands above the view.
    terminal.until("SIGINT: finishing what has started");
    let screen = terminal.screen();
    assert!(screen.find("SIGINT").unwrap() < screen.find("workers").unwrap(), "{screen}");
    place.write("go", "");
    let (code, screen, _) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    assert!(!screen.contains("workers") && screen.contains("pool: 3 done, 1 dead"), "{screen}");
}

#[test]
fn whoever_presses_ctrl_c_three_times_has_a_clean_terminal_too() {
    let (_place, mut terminal) = start(&["--timeout", "60s"]);
    terminal.until("✗");
    for said in ["draining", "pool: "] {
        terminal.press("\x03");
        terminal.until(said);
    }
    let (code, screen, cursor) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    assert!(!screen.contains('■'), "{screen}");
    assert_eq!(cursor.1, 0);
}

#[test]
fn it_is_not_there_where_nobody_wants_it() {
    let quiet: [(&[&str], &str, &str); 3] = [(&["--quiet"], "TERM", "xterm"), (&[], "TERM", "dumb"), (&[], "TERM", "")];
    for (more, variable, value) in quiet {
        let place = Place::new();
        place.write("tasks", seq(3));
        let args = [&["run", "tasks"], more, &["--exec", "sh", "-c", "sleep 0.3; echo out {}"]].concat();
        let terminal = Terminal::start(&place, (24, 80), &args, |command| {
            command.env(variable, value);
        });
        until("it is over", || terminal.written().windows(4).filter(|bytes| bytes == b"out ").count() == 3);
        assert!(!terminal.written().contains(&0x1b) || value != "xterm", "{}", terminal.screen());
        assert!(!terminal.screen().contains("ended"), "{}", terminal.screen());
        assert_eq!(terminal.end().0, Some(0));
    }
}

#[test]
fn without_colours_it_is_still_there() {
    let place = Place::new();
    place.write("tasks", seq(20));
    let terminal = Terminal::start(&place, (24, 100), &args(&[]), |command| {
        command.env("NO_COLOR", "1");
    });
    terminal.until("✗");
    place.write("go", "");
    let written = String::from_utf8(terminal.written()).unwrap();
    assert!(written.contains("workers ■■■ 3 of 3"));
    assert!(!written.contains("\x1b[3") && !written.contains("\x1b[1m") && !written.contains("\x1b[2m"), "{written}");
    assert_eq!(terminal.end().0, Some(1));
}

/// The children's output goes elsewhere: then the view is not even touched for it.
#[test]
fn output_into_a_file_is_left_alone() {
    let place = Place::new();
    place.write("tasks", seq(20));
    let out = std::fs::File::create(place.path("out")).unwrap();
    let terminal = Terminal::start(&place, (24, 100), &args(&[]), |command| {
        command.stdout(out);
    });
    terminal.until("✗");
    place.write("go", "");
    let (code, screen, _) = terminal.end();
    assert_eq!(code, Some(1));
    assert!(screen.starts_with("pool: 19 done"), "{screen}");
    let out = place.read("out");
    assert!(out.lines().count() == 19 && !out.contains('\x1b'), "{out}");
}
