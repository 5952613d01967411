//! Bytes cut into lines, in a buffer that grows with the longest line up to a bound.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use alloc::{vec, vec::Vec};

use futures_lite::AsyncRead;

/// The number of bytes that are read at a time.
const CHUNK: usize = 64 * 1024;
/// The number of bytes of a line that is too long which are kept for the dead letters.
const HEAD: usize = 256;

/// A reader cut into lines.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// `buffer[start..end]` is read and not handed out; there is no newline before `scanned`.
    start: usize,
    scanned: usize,
    end: usize,
    line_max: usize,
    separator: u8,
    /// The number of the line that begins at `start`.
    number: u64,
    skipping: Option<Skipped>,
    ended: bool,
    /// Whether the end may not be the end: more may be appended.
    follow: bool,
    consumed: u64,
}

struct Skipped {
    head: Vec<u8>,
    length: u64,
}

/// A line, or the beginning of one that is too long.
pub(super) enum Line<'a> {
    /// A whole line without its newline, and its number.
    Whole(u64, &'a [u8]),
    /// The beginning of a line that is longer than the bound.
    TooLong { number: u64, length: u64, head: Vec<u8> },
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, line_max: usize) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            end: 0,
            line_max,
            separator: b'\n',
            number: 1,
            skipping: None,
            ended: false,
            follow: false,
            consumed: 0,
        }
    }

    pub(super) fn set_line_max(&mut self, line_max: usize) {
        self.line_max = line_max;
    }

    /// Sets the byte that ends each line.
    pub(super) fn set_separator(&mut self, separator: u8) {
        self.separator = separator;
    }

    pub(super) fn set_follow(&mut self, follow: bool) {
        self.follow = follow;
    }

    /// Returns the number of bytes that were handed out as lines.
    pub(super) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Returns whether the reader is at its end.
    pub(super) fn is_at_end(&self) -> bool {
        self.ended
    }

    /// Returns whether the reader is at its end and all lines were handed out.
    pub(super) fn is_ended(&self) -> bool {
        self.ended && self.start == self.end && self.skipping.is_none()
    }

    /// Returns the next line that was read; `None` when more must be read, or no line is left.
    pub(super) fn next(&mut self) -> Option<Line<'_>> {
        let newline = memchr::memchr(self.separator, &self.buffer[self.scanned..self.end]).map(|at| self.scanned + at);
        let (to, next) = match newline {
            Some(at) => (at, at + 1),
            None if self.ended && (self.end > self.start || self.skipping.is_some()) => (self.end, self.end),
            None => {
                self.scanned = self.end;
                self.skip_if_too_long();
                return None;
            }
        };
        let (from, number) = (self.start, self.number);
        (self.start, self.scanned, self.number) = (next, next, number + 1);
        self.consumed += (next - from) as u64;
        if let Some(Skipped { head, length }) = self.skipping.take() {
            return Some(Line::TooLong { number, length: length + (to - from) as u64, head });
        }
        let line = &self.buffer[from..to];
        if line.len() > self.line_max {
            let head = line[..HEAD.min(line.len())].to_vec();
            return Some(Line::TooLong { number, length: line.len() as u64, head });
        }
        Some(Line::Whole(number, line))
    }

    /// Drops the beginning of a line that has grown beyond the bound.
    fn skip_if_too_long(&mut self) {
        let pending = self.end - self.start;
        if self.skipping.is_none() && pending > self.line_max {
            let head = self.buffer[self.start..self.start + HEAD.min(pending)].to_vec();
            self.skipping = Some(Skipped { head, length: 0 });
        }
        if let Some(skipped) = &mut self.skipping {
            skipped.length += pending as u64;
            self.consumed += pending as u64;
            self.start = self.end;
            self.scanned = self.end;
        }
    }

    /// Reads more. Returns false at the end of the input, which may grow when it is followed.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        self.make_room();
        loop {
            match ready!(Pin::new(&mut self.reader).poll_read(cx, &mut self.buffer[self.end..])) {
                Ok(0) => {
                    self.ended = !self.follow;
                    return Poll::Ready(Ok(false));
                }
                Ok(count) => {
                    self.end += count;
                    return Poll::Ready(Ok(true));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.end == 0 && self.buffer.len() > CHUNK {
            // A long line has passed: back to the usual size.
            self.buffer = Vec::new();
        }
        if self.buffer.is_empty() {
            self.buffer = vec![0; CHUNK];
        } else if self.end == self.buffer.len() {
            let longer = self.buffer.len().saturating_mul(2).min(self.line_max.saturating_add(CHUNK));
            self.buffer.resize(longer.max(self.end + 1), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Gives its bytes out a few at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl AsyncRead for Dribble<'_> {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
            let count = self.0.len().min(self.1).min(buf.len());
            buf[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Poll::Ready(Ok(count))
        }
    }

    fn cut(input: &[u8], step: usize, line_max: usize) -> Vec<(u64, Result<Vec<u8>, u64>)> {
        let mut lines = Lines::new(Dribble(input, step), line_max);
        let mut cx = Context::from_waker(Waker::noop());
        let mut cut = Vec::new();
        while !lines.is_ended() {
            while let Some(line) = lines.next() {
                cut.push(match line {
                    Line::Whole(number, line) => (number, Ok(line.to_vec())),
                    Line::TooLong { number, length, .. } => (number, Err(length)),
                });
            }
            assert!(lines.buffer.len() <= line_max + CHUNK);
            assert!(lines.poll_fill(&mut cx).is_ready());
        }
        assert_eq!(lines.consumed(), input.len() as u64);
        cut
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        for step in [1, 2, 7, usize::MAX] {
            let whole = |number, line: &[u8]| (number, Ok(line.to_vec()));
            assert_eq!(cut(b"", step, 9), []);
            assert_eq!(cut(b"\n", step, 9), [whole(1, b"")]);
            assert_eq!(cut(b"a\nbc\n\nd", step, 9), [whole(1, b"a"), whole(2, b"bc"), whole(3, b""), whole(4, b"d")]);
            assert_eq!(cut(b"1234\n12345\n6", step, 4), [whole(1, b"1234"), (2, Err(5)), whole(3, b"6")]);
            assert_eq!(cut(b"12345", step, 4), [(1, Err(5))]);
        }
    }

    #[test]
    fn a_line_beyond_the_bound_is_never_held() {
        let mut input = vec![b'x'; 3_000_000];
        input.extend_from_slice(b"\nshort\n");
        assert_eq!(cut(&input, usize::MAX, 100_000), [(1, Err(3_000_000)), (2, Ok(b"short".to_vec()))]);
    }
}
