//! `--listen` and `fourfold web`: a real process, asked over real connections.

mod client;
mod events;
mod guard;
mod hostile;
mod metrics;
mod page;
mod slow;
