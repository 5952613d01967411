//! What holds of every pattern, with every limit. Each run goes past an observer and a source that know the rules.

#[path = "../common/mod.rs"]
mod common;

mod limits;
mod outcomes;
mod retries;
