//! A trace, read again.

use std::io::{self, BufRead, Read};

use alloc::vec::Vec;
use core::fmt;

use super::{LineError, VERSION, parse_line};
use crate::event::Event;

/// A longer line is refused: reasons are no novels.
const LINE_MAX: u64 = 1 << 20;

/// Reads the events of a trace, one at a time, in as much memory as one line takes.
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

/// Why a trace cannot be read any further.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceError {
    /// It could not be read at all.
    Read(io::Error),
    /// The first line is not that of a trace.
    NoTrace,
    /// It was written by a later version of the format.
    Version(u64),
    /// There is something wrong with a line, counted from 1.
    Line(u64, LineError),
    /// A line is longer than 1 MiB.
    TooLong(u64),
    /// It ends in the middle of a line: whoever wrote it was stopped.
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
    /// Begins to read a trace.
    ///
    /// # Errors
    /// [`TraceError`]: it cannot be read, or is no trace of a version known here.
    pub fn new(input: R) -> Result<Self, TraceError> {
        let mut reader = Self { input, line: 0, text: Vec::new() };
        reader.next_line()?;
        let version = parse_line(&reader.text).ok().and_then(|line| line.version()).ok_or(TraceError::NoTrace)?;
        if version != VERSION {
            return Err(TraceError::Version(version));
        }
        Ok(reader)
    }

    /// Reads one event and hands it to `look`; `None` at the end. Blank lines are skipped.
    ///
    /// # Errors
    /// [`TraceError`], which names the line.
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

    /// The line that was read last, counted from 1.
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
