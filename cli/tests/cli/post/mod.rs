//! `--post`: a server.

mod connections;
mod hostile;
mod server;
mod tls;
mod usage;
mod verdicts;
