//! The command, as its users meet it: a process with arguments, files, signals and an exit code.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod brake;
mod chaos;
mod command;
mod compare;
mod exec;
mod follow;
mod hostile_traces;
mod journal;
mod layers;
mod limits;
mod listen;
mod outputs;
mod pipe;
mod plain_text;
mod post;
mod queue;
mod recipes;
mod results;
mod secrets;
mod shortage;
mod signals;
mod terminal;
mod texts;
mod trace;
mod unread;
mod view;
