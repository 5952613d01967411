//! Chapters about the use of this crate. They are in the documentation only: no program contains this module.

#[doc = include_str!("docs/embedding.md")]
pub mod embedding {}
