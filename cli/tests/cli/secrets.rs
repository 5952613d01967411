//! Passwords that must not be seen, and text that a terminal must not obey.

use super::{
    command::{Place, seq},
    terminal::Terminal,
};

#[test]
fn no_password_is_ever_said() {
    let place = Place::new();
    for (args, code) in [
        (&["run", "redis://u:SECRET@h/0?list=a"][..], 2),
        (&["run", "REDIS://u:SECRET@h/0?list=a"], 2),
        (&["run", " redis://u:SECRET@h/0?list=a"], 2),
        (&["run", "http://u:SECRET@h/0", "--simulate"], 3),
        (&["run", "redis://u:SEC?RET@h/0?list=a", "--simulate"], 2),
        (&["run", "redis://u:SEC#RET@h/0?list=a", "--simulate"], 2),
        (&["run", "redis://u:SEC/RET@h/0?list=a", "--simulate"], 2),
        (&["run", "redis://u:SECRET@127.0.0.1:1/0?list=a", "--simulate"], 3),
        (&["run", "redis+unix:///nowhere?list=a&pass=SECRET", "--simulate"], 3),
        (&["run", "-", "--simulate", "--rest", "redis://u:SECRET@h/0"], 2),
        (&["compare", "redis://u:SECRET@h/0?list=a"], 2),
        (&["dead", "show", "5", "redis://u:SECRET@h/0?list=a"], 2),
        (&["dead", "list", "redis://u:SECRET@h/0?list=a", "redis://u:SECRET@h/1"], 2),
        (&["replay", "redis://u:SECRET@h/0?list=a"], 3),
        (&["push", "redis+unix:///nowhere?list=a", "redis://u:SECRET@h/0"], 3),
        (&["stats", "--listen=redis://u:SECRET@h/0"], 2),
    ] {
        let ended = place.run(args).expect(code);
        let said = ended.stdout + ended.stderr.as_str();
        assert!(!said.is_empty() && !said.contains("SEC") && !said.contains("RET"), "{args:?}: {said}");
    }
}

#[test]
fn a_part_of_a_url_that_means_something_else_is_named() {
    let place = Place::new();
    for (url, part) in
        [("redis://h/0?list=jobs#7", "%23"), ("redis://h/0?list=a%FFb", "list="), ("redis://u:a?b@h/0?list=a", "%3F")]
    {
        for command in ["run", "push", "stats"] {
            place.run(&[command, url]).expect(2).says(&[part]);
        }
    }
}

/// Nothing that others wrote moves the cursor, sets the title or turns the text round.
#[test]
fn foreign_text_does_not_reach_the_terminal_raw() {
    let place = Place::new();
    let evil = "a\u{1b}]0;title\u{7}b\u{1b}[2Jc\u{9b}2Jd\u{7f}e\u{202e}f";
    place.write("evil", evil);
    place.write("in", format!("{}\"bad {evil}\n", seq(2)));
    let script = "cat evil >&2; [ {} = 1 ]";
    let name = format!("--{evil}");
    for args in [
        &["run", "in", "--retries", "0", "--exec", "sh", "-c", script][..],
        &["run", "in", "-v", "--retries", "0", "--exec", "sh", "-c", script],
        &["run", &name],
        &["run", evil, "--simulate"],
        &["replay", evil],
    ] {
        let terminal = Terminal::start(&place, (40, 200), args, |_| {});
        let written = String::from_utf8_lossy(&terminal.finished()).into_owned();
        for part in ["\u{1b}]", "\u{1b}[2J", "\u{9b}", "\u{7f}", "\u{202e}", "\u{7}"] {
            assert!(!written.contains(part), "{args:?}: {part:?} in {written:?}");
        }
    }
}
