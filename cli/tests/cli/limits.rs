//! What is shown before and during a run, and what bounds it: `--dry-run`, `--progress`, `--retry-buffer`, `--retry-on`.

use std::process::Command;

use super::{
    command::{Place, seq},
    post::server::{Server, reply},
};

#[test]
fn a_dry_run_shows_commands_that_a_shell_would_run_and_starts_nothing() {
    let place = Place::new();
    let names = "it's\n$(touch pwned) \"x\"\n-e\n";
    place.write("tasks", names);
    place.write("dead", "kept");
    let exec = ["--exec", "printf", "%s\\n", "<{}>"];
    let args = ["run", "tasks", "--lines", "--dry-run", "--dead", "dead", "--journal", "journal", "-q"];
    let ended = place.run(&[&args[..], &exec].concat()).expect(0);
    assert_eq!(ended.stdout.lines().count(), 3);
    let shell = |script: &str| {
        let output = Command::new("sh").args(["-c", script]).current_dir(place.path(".")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let expected: String = names.lines().map(|name| format!("<{name}>\n")).collect();
    assert_eq!(shell(&ended.stdout), expected);
    assert!(!place.path("pwned").exists() && !place.path("journal").exists());
    assert_eq!(place.read("dead"), "kept");

    let ended = place.run(&[&args[..], &["--pipe", "cat"]].concat()).expect(0);
    assert_eq!(shell(&ended.stdout), names);
    let ended = place.run(&[&args[..], &["--post", "http://me:secret@127.0.0.1:1/a"]].concat()).expect(0);
    let first = ended.stdout.lines().next().unwrap();
    assert!(first.starts_with("curl -X POST ") && first.ends_with("http://127.0.0.1:1/a"), "{first}");
    assert!(!ended.stdout.contains("secret"));
    place.run(&["run", "tasks", "--dry-run", "--simulate"]).expect(2).says(&["--dry-run goes with"]);
    let redis = ["run", "redis://127.0.0.1:1/0?list=a", "--dry-run", "--exec", "true"];
    place.run(&redis).expect(2).says(&["--dry-run", "Redis"]);
}

#[test]
fn statuses_decide_as_exit_codes_do() {
    let server = Server::start(|request| match (request.body.as_str(), request.attempt()) {
        ("1", _) => reply("500 Broken", ""),
        ("2", 1) => reply("404 Not Found", ""),
        ("3", _) => reply("403 Forbidden", ""),
        _ => reply("200 OK", ""),
    });
    let place = Place::new();
    place.write("tasks", seq(4));
    let args = ["run", "tasks", "--json", "--dead", "dead", "--backoff", "1ms", "--retry-on", "404,503-504"];
    let url = server.url();
    let report = place.run(&[&args[..], &["--dead-on", "400-599", "--post", &url]].concat()).expect(1).report();
    let count = |key: &str| report[key].as_u64().unwrap();
    assert_eq!([count("done"), count("dead"), count("attempts"), count("retried")], [2, 2, 5, 1]);
    place.run(&["run", "tasks", "--retry-on", "500", "--exec", "true"]).expect(2).says(&["--retry-on", "at most 255"]);
    place.run(&["run", "tasks", "--dead-on", "1", "--pipe", "cat"]).expect(2).says(&["--dead-on", "--post URL"]);
}

#[test]
fn without_a_terminal_progress_is_a_line_per_interval() {
    let place = Place::new();
    place.write("tasks", seq(2));
    let script = "until [ -e \"$1\" ]; do sleep 0.01; done";
    let args = ["run", "tasks", "-c", "1", "--progress", "line", "--exec", "sh", "-c", script, "sh", "end"];
    let mut child = place.command(&args).spawn().unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let line = super::command::wait_for_line(&mut stderr, "in flight");
    assert_eq!(line, "0 ended, 1 in flight, 1 waiting, 0 dead, 0.0/s\n");
    place.write("end", "");
    assert!(child.wait().unwrap().success());
}

#[test]
fn tasks_of_a_file_that_wait_for_a_retry_are_bounded_and_that_is_said() {
    let place = Place::new();
    place.write("tasks", "{\"fail\":1}\n".repeat(300));
    let args = ["run", "tasks", "--retry-buffer", "50", "--backoff", "20ms", "--json", "--simulate"];
    let ended = place.run(&args).expect(0);
    assert_eq!((ended.report()["done"].as_u64(), ended.report()["retried"].as_u64()), (Some(300), Some(300)));
    assert_eq!(ended.stderr.matches("50 tasks wait for their next attempt (--retry-buffer)").count(), 1, "{ended:?}");
}

#[test]
fn a_limit_per_field_holds_for_each_value_and_leaves_the_others_alone() {
    let place = Place::new();
    let tasks: String =
        (0..60).map(|n| format!("{{\"at\":{{\"host\":\"{}\"}},\"ms\":5}}\n", ["a", "b", "c"][n % 3])).collect();
    place.write("tasks", tasks);
    for (per, each, all) in [(&["--per", ".at.host=2"][..], 2, 6), (&[], 8, 8)] {
        let args = ["run", "tasks", "--simulate", "-c", "8", "-p", "set", "-q", "--trace", "trace.jsonl"];
        place.run(&[&args[..], per].concat()).expect(0);
        let (mut of, mut peaks, mut peak) = ([0_usize; 3], [0; 3], 0);
        for line in place.read("trace.jsonl").lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            let host = || usize::try_from(event["task"].as_u64().unwrap() % 3).unwrap();
            match event["event"].as_str().unwrap_or_default() {
                "started" => of[host()] += 1,
                "ended" => of[host()] -= 1,
                _ => {}
            }
            for (peak, now) in peaks.iter_mut().zip(of) {
                *peak = now.max(*peak);
            }
            peak = of.iter().sum::<usize>().max(peak);
        }
        assert!(peaks.iter().all(|peak| *peak <= each) && peak == all, "{per:?}: {peaks:?}, {peak}");
    }
    for (per, says) in
        [("host=2", ".host=2"), (".host=0", ".host=2"), (".=2", "--per .=2"), (".a..b=1", "--per .a..b=1")]
    {
        place.run(&["run", "tasks", "--simulate", "--per", per]).expect(2).says(&[says]);
    }
    let lines = ["run", "tasks", "--lines", "--per", ".host=2", "--exec", "true"];
    place.run(&lines).expect(2).says(&["--per .host=2", "JSON"]);
}
