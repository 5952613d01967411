//! What a task is.

use fourfold::source::JsonLines;
use futures_lite::AsyncRead;

/// What a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskFormat {
    /// A line of JSON.
    Json,
    /// A text that ends with this byte.
    Text { separator: u8 },
}

impl TaskFormat {
    /// Returns a source of lines that are tasks of this format.
    pub(crate) fn apply<'a, R: AsyncRead + Unpin>(self, lines: JsonLines<'a, R>) -> JsonLines<'a, R> {
        match self {
            Self::Json => lines,
            Self::Text { separator } => lines.text(separator),
        }
    }

    /// Returns the name of the format.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Text { separator: 0 } => "texts that end with NUL",
            Self::Text { .. } => "lines of text",
        }
    }

    /// Returns the byte that ends a task.
    pub(crate) fn separator(self) -> u8 {
        match self {
            Self::Json => b'\n',
            Self::Text { separator } => separator,
        }
    }
}
