//! What cannot be meant is said before anything is claimed, and what is secret is never said.

use super::server::{Server, reply};
use crate::command::Place;

fn wrong(args: &[&str], parts: &[&str]) {
    let place = Place::new();
    place.write("tasks", "1\n");
    place.write("empty.pem", "");
    place.write("bad.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
    let ended = place.run(&[&["run", "tasks"], args].concat()).expect(2);
    ended.says(parts);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn an_address_that_is_none_is_refused() {
    for url in ["", "example.org", "example.org:80/tasks", "http://", "http://:80/", "http://a:99999/", "http://a:0/"] {
        wrong(&["--post", url], &["--post"]);
    }
    for url in ["ftp://me:secret@a/", "redis://:secret@a/", "file:///secret", "unix:secret"] {
        wrong(&["--post", url], &["--post speaks http and https"]);
    }
    wrong(&["--post", "http://me:secret@a b/"], &["--post"]);
    wrong(&["--post", "http://a%3Ab:secret@c/"], &["--post", "colon"]);
}

#[test]
fn headers_and_authorities_have_to_be_some() {
    for header in ["none", ": secret", "a b: secret", "X: secret\nY: 1", "Content-Length: 5", "FOURFOLD-attempt: 1"] {
        wrong(&["--post", "http://a/", "--header", header], &["--header"]);
    }
    wrong(&["--header", "A: secret", "--simulate"], &["--header", "--post"]);
    wrong(&["--cacert", "empty.pem"], &["--cacert", "--post"]);
    wrong(&["--post", "http://a/", "--cacert", "empty.pem"], &["--cacert", "https"]);
    for file in ["empty.pem", "bad.pem", "missing.pem"] {
        wrong(&["--post", "https://a/", "--cacert", file], &["--cacert", file]);
    }
}

#[test]
fn there_is_one_handler() {
    for other in [&["--simulate"][..], &["--exec", "true"], &["--pipe", "cat"]] {
        wrong(&[&["--post", "http://a/"], other].concat(), &["--post", "cannot be used with"]);
    }
}

#[test]
fn credentials_reach_the_server_and_no_message() {
    let server = Server::start(|_| reply("403 Forbidden", "who are you?"));
    let place = Place::new();
    place.write("tasks", "1\n");
    let url = format!("http://me:s%65cret@{}/tasks?token=secret", server.address);
    let args = ["run", "tasks", "-vvv", "--trace", "trace.jsonl", "--dead", "dead", "--post", &url];
    let ended = place.run(&args).expect(1);
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /tasks?token=secret HTTP/1.1");
    assert_eq!(request.headers["authorization"], "Basic bWU6c2VjcmV0");
    let all = [ended.stdout, ended.stderr, place.read("dead"), place.read("trace.jsonl")].concat();
    for secret in ["secret", "s%65cret", "bWU6"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    assert!(all.contains("403 Forbidden: who are you?"), "{all}");
}

#[test]
fn compare_posts_as_well() {
    let server = Server::start(|_| reply("200 OK", ""));
    let place = Place::new();
    place.write("tasks", "1\n2\n");
    place.run(&["compare", "tasks", "--json", "--post", &server.url()]).expect(0);
    assert_eq!(server.bodies(), ["1", "1", "1", "1", "2", "2", "2", "2"]);
}
