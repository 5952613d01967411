//! Text for people: styles, units, blocks, tables and timelines.

pub(crate) mod foreign;
pub(crate) mod secret;
pub(crate) mod style;
pub(crate) mod units;

pub(crate) mod blocks;
pub(crate) mod table;
pub(crate) mod timeline;
