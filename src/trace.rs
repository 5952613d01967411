#![doc = include_str!("trace/FORMAT.md")]

mod line;
mod perfetto;
mod reader;
mod writer;

use alloc::vec::Vec;

pub use self::{
    line::{LineError, TraceLine, parse_line, write_line},
    perfetto::Perfetto,
    reader::{Reader, TraceError},
    writer::{Trace, Traced},
};
use crate::event::Event;

/// The version of the format that is written.
pub const VERSION: u64 = 1;

/// A file format for events.
pub trait Form {
    /// Appends what stands before the first event.
    fn begin(&mut self, text: &mut Vec<u8>);
    /// Appends an event to the file.
    fn event(&mut self, event: &Event<&str>, text: &mut Vec<u8>);
    /// Appends what stands behind the last event.
    fn end(&mut self, text: &mut Vec<u8>);
}

/// The format of JSON lines, one for each event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines;

impl Form for Lines {
    fn begin(&mut self, text: &mut Vec<u8>) {
        text.extend_from_slice(
            concat!(r#"{"fourfold_trace":1,"version":""#, env!("CARGO_PKG_VERSION"), "\"}\n").as_bytes(),
        );
    }

    fn event(&mut self, event: &Event<&str>, text: &mut Vec<u8>) {
        write_line(event, text);
        text.push(b'\n');
    }

    fn end(&mut self, _: &mut Vec<u8>) {}
}
