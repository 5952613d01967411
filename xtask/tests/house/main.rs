//! How the house is kept: what can be read from its files without running it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod items;
mod layers;
mod manifests;
mod modules;
mod sentences;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the repository").to_path_buf()
}
