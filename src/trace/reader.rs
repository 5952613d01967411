//! Reading a trace.

use std::io::{self, BufRead, Read};

use alloc::vec::Vec;
use core::fmt;

use super::{LineError, VERSION, parse_line};
use crate::event::Event;

/// The longest line that is read: no event needs more.
const LINE_MAX: u64 = 1 << 20;

/// A reader of the events of a trace, one at a time, with memory for one line.
///
/// ```
/// use fourfold::{event::EventKind, trace::Reader};
/// let text = concat!(
///     "{\"fourfold_trace\":1}\n",
///     "{\"seq\":0,\"t_ns\":0,\"event\":\"claimed\",\"task\":7,\"attempt\":1}\n",
///     "{\"seq\":1,\"t_ns\":0,\"event\":\"started\"}\n",
/// );
/// let mut reader = Reader::new(text.as_bytes())?;
/// assert_eq!(reader.read(|event| event.kind.task().unwrap().0)?, Some(7));
/// assert_eq!(reader.read(|_| ()).unwrap_err().to_string(), "line 3: `started` has no field `task`");
/// # Ok::<_, fourfold::trace::TraceError>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line: u64,
    text: Vec<u8>,
}

/// The error that ends the reading of a trace.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceError {
    /// The input could not be read.
    Read(io::Error),
    /// The first line is not that of a trace.
    NoTrace,
    /// The trace has this version of the format, which is unknown.
    Version(u64),
    /// A line, counted from 1, is not an event.
    Line(u64, LineError),
    /// A line, counted from 1, is longer than 1 MiB.
    TooLong(u64),
    /// The trace ends in the middle of a line, counted from 1: its writer was stopped.
    Cut(u64),
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "{error}"),
            Self::NoTrace => f.write_str("line 1: this is no trace: expected {\"fourfold_trace\":1,…}"),
            Self::Version(version) => {
                write!(f, "line 1: a trace of version {version}, and this reads up to version {VERSION}")
            }
            Self::Line(line, error) => write!(f, "line {line}: {error}"),
            Self::TooLong(line) => write!(f, "line {line}: longer than {LINE_MAX} bytes"),
            Self::Cut(line) => write!(f, "line {line}: the trace ends in the middle of it"),
        }
    }
}

impl core::error::Error for TraceError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Line(_, error) => Some(error),
            _ => None,
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line of a trace.
    ///
    /// # Errors
    /// [`TraceError`] when the input cannot be read, or is not a trace of a known version.
    pub fn new(input: R) -> Result<Self, TraceError> {
        let mut reader = Self { input, line: 0, text: Vec::new() };
        reader.next_line()?;
        let version = parse_line(&reader.text).ok().and_then(|line| line.version()).ok_or(TraceError::NoTrace)?;
        if version != VERSION {
            return Err(TraceError::Version(version));
        }
        Ok(reader)
    }

    /// Reads the next event and hands it to `look`; returns `None` at the end. Blank lines are
    /// skipped.
    ///
    /// # Errors
    /// [`TraceError`] when the next line is not an event, or cannot be read.
    pub fn read<T>(&mut self, look: impl FnOnce(&Event<&str>) -> T) -> Result<Option<T>, TraceError> {
        loop {
            if !self.next_line()? {
                return Ok(None);
            }
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        let wrong = |error| {
            let cut = matches!(error, LineError::Json(_)) && self.text.last() != Some(&b'\n');
            if cut { TraceError::Cut(self.line) } else { TraceError::Line(self.line, error) }
        };
        let line = parse_line(&self.text).map_err(wrong)?;
        let event = line.event().map_err(wrong)?;
        Ok(Some(look(&event)))
    }

    /// Returns the number of the last line that was read, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    fn next_line(&mut self) -> Result<bool, TraceError> {
        self.text.clear();
        self.line += 1;
        let read = (&mut self.input).take(LINE_MAX).read_until(b'\n', &mut self.text).map_err(TraceError::Read)?;
        if read as u64 == LINE_MAX && self.text.last() != Some(&b'\n') {
            return Err(TraceError::TooLong(self.line));
        }
        Ok(read > 0)
    }
}
