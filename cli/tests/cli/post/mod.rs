//! `--post`: a server.

mod connections;
mod server;
mod tls;
mod usage;
mod verdicts;
