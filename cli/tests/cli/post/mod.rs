//! `--post`: a server.

mod connections;
mod hostile;
pub(crate) mod server;
mod tls;
mod usage;
mod verdicts;
