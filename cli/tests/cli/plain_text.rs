//! `--lines` and `-0`: tasks that are any text.

use super::{
    command::{Place, sorted},
    post::server::{Server, reply},
};

#[test]
fn names_of_files_are_tasks_as_for_xargs() {
    let place = Place::new();
    for name in ["a b.png", "q\"uote.png", "back\\slash.png", " lead.png"] {
        place.write(name, name);
    }
    let names = " lead.png\na b.png\nback\\slash.png\nq\"uote.png\n";
    let ended = place.feed(&["run", "--lines", "-", "-c", "4", "--exec", "cp", "{}", "{}.webp"], names.as_bytes());
    ended.expect(0);
    for name in names.lines() {
        assert_eq!(place.read(&format!("{name}.webp")), name);
    }
}

#[test]
fn a_text_is_the_childs_input_with_a_newline_and_nothing_is_trimmed() {
    let place = Place::new();
    place.write("tasks", " 1 \n\n{\"a\": 1}\r\nlast");
    let args = ["run", "tasks", "--lines", "-c", "1", "-q", "--exec", "sh", "-c", "cat; echo \"<$1>\"", "sh", "{}"];
    let ended = place.run(&args).expect(0);
    assert_eq!(ended.stdout, " 1 \n< 1 >\n{\"a\": 1}\r\n<{\"a\": 1}\r>\nlast\n<last>\n");
}

#[test]
fn what_ends_with_nul_may_have_newlines_in_it() {
    let place = Place::new();
    let args = ["run", "-0", "-", "-q", "--exec", "printf", "%s|", "{}"];
    let ended = place.feed(&[&args[..3], &["-c", "1"], &args[3..]].concat(), b"a\nb\0c\0\0d").expect(0);
    assert_eq!(ended.stdout, "a\nb|c|d|");
    // A co-process is given lines: it cannot be told.
    let ended = place.feed(&["run", "-0", "-", "--dead", "dead", "--pipe", "cat"], b"a\nb\0c\0").expect(1);
    assert!(place.read("dead").contains(r#""payload":"a\nb""#), "{ended:?}");
}

#[test]
fn a_co_process_and_a_server_get_the_text() {
    let place = Place::new();
    place.write("tasks", "say \"hi\"\n7\n");
    place.script("worker", "while read -r line; do echo \"$line\" >> got; echo ok; done");
    place.run(&["run", "tasks", "--lines", "-c", "1", "--pipe", "./worker"]).expect(0);
    assert_eq!(place.read("got"), "say \"hi\"\n7\n");

    let server = Server::start(|_| reply("200 OK", ""));
    place.run(&["run", "tasks", "--lines", "--post", &server.url()]).expect(0);
    assert_eq!(server.bodies(), ["7", "say \"hi\""]);
    let types = server.requests().into_iter().map(|request| request.headers["content-type"].clone());
    assert!(types.into_iter().all(|found| found == "text/plain; charset=utf-8"));
}

#[test]
fn lines_that_are_left_can_be_run_again() {
    let place = Place::new();
    let args = ["run", "tasks", "-0", "--max-tasks", "1", "-c", "1", "--rest", "rest", "-q", "--exec", "echo", "{}"];
    place.write("tasks", "a\0 b\n\0\"c\"\0");
    place.run(&args).expect(0);
    assert_eq!(place.read("rest"), " b\n\0\"c\"\0");
}

#[test]
fn what_is_no_text_is_malformed_and_dead_letters_are_json() {
    let place = Place::new();
    place.write("tasks", b"a\xff\nb\n");
    let args = ["run", "tasks", "--lines", "--retries", "0", "--dead", "dead", "--exec", "false"];
    place.run(&args).expect(1);
    let dead = place.read("dead");
    assert_eq!(sorted(&dead).len(), 2);
    assert!(dead.contains(r#""raw_hex":"61ff""#) && dead.contains(r#""payload":"b""#), "{dead}");
}

#[test]
fn text_that_was_taken_for_json_names_the_flag_once() {
    let place = Place::new();
    place.write("tasks", "a.png\nb.png\n");
    let ended = place.run(&["run", "tasks", "--dead", "dead", "--exec", "true"]).expect(1);
    assert_eq!(ended.stderr.matches("--lines takes any text as a task").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("line 1: no valid JSON"), "{}", ended.stderr);
}

#[test]
fn what_text_cannot_do_is_wrong_usage() {
    let place = Place::new();
    place.write("tasks", "a\n");
    place.run(&["run", "tasks", "--lines", "--exec", "echo", "{.a}"]).expect(2).says(&["{.field}", "--lines"]);
    place.run(&["run", "--lines", "--exec", "echo", "{}"]).expect(2).says(&["--lines", "demo"]);
    place.run(&["run", "redis://127.0.0.1:1/0?list=a", "-0", "--simulate"]).expect(2).says(&["-0", "--lines"]);
}

#[test]
fn texts_in_a_redis_list_stay_what_they_are_through_retries() {
    let redis = test_support::RedisServer::start();
    let client = redis::Client::open(format!("redis+unix://{}", redis.socket())).unwrap();
    let mut connection = client.get_connection().unwrap();
    let () = redis::cmd("LPUSH").arg("names").arg(&["a \"b\"", "{", "7"]).query(&mut connection).unwrap();
    let place = Place::new();
    let url = redis.url("names");
    let script = "if [ $FOURFOLD_ATTEMPT = 1 ]; then exit 75; fi; cat";
    let args = ["run", &url, "--lines", "--backoff", "1ms", "-q", "--exec", "sh", "-c", script];
    let ended = place.run(&args).expect(0);
    assert_eq!(sorted(&ended.stdout), ["7", "a \"b\"", "{"]);
}
