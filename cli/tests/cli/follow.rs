//! `--follow` of a file that is rotated while it is read.

use std::{
    fs,
    io::{BufReader, Write},
};

use rustix::process::Signal;

use super::command::{Place, signal, until, wait_for_line};

#[test]
fn a_file_that_is_emptied_or_replaced_loses_no_line() {
    let place = Place::new();
    place.write("tasks", "1\n2\n");
    let args = ["run", "tasks", "--follow", "-c", "1", "-q", "--exec", "sh", "-c", "echo $1 >> got", "sh", "{}"];
    let mut child = place.command(&args).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let got = || fs::read_to_string(place.path("got")).unwrap_or_default();
    until("the first lines are done", || got() == "1\n2\n");
    // As logrotate does it with copytruncate.
    place.write("tasks", "3\n");
    until("the line is done", || got().ends_with("3\n"));
    wait_for_line(&mut stderr, "tasks has become shorter");
    fs::rename(place.path("tasks"), place.path("tasks.1")).unwrap();
    let mut old = fs::File::options().append(true).open(place.path("tasks.1")).unwrap();
    old.write_all(b"4\n").unwrap();
    place.write("tasks", "5\n6\n");
    until("the lines of both files are done", || got().ends_with("6\n"));
    wait_for_line(&mut stderr, "tasks has been replaced");
    assert_eq!(got(), "1\n2\n3\n4\n5\n6\n");
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
}
