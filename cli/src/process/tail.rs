//! The end of what a process wrote to standard error: most of the reason why it failed.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

/// The number of bytes that are kept.
const TAIL: usize = 2048;

/// The last bytes of a stream.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    /// Adds what was written next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL)..];
        let excess = (self.0.len() + bytes.len()).saturating_sub(TAIL);
        self.0.drain(..excess);
        self.0.extend_from_slice(bytes);
    }

    /// Returns how the process ended and what it wrote last.
    pub(crate) fn reason(&self, status: ExitStatus) -> String {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("killed by signal {signal}"),
            (None, None) => status.to_string(),
        };
        self.after(&how)
    }

    /// Returns how a process ended, in these words, and what it wrote last.
    pub(crate) fn after(&self, how: &str) -> String {
        match String::from_utf8_lossy(&self.0).trim() {
            "" => how.to_owned(),
            said => format!("{how}: {said}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_end() {
        let mut tail = Tail::default();
        for n in 0..10_000 {
            tail.push(format!("line {n}\n").as_bytes());
        }
        assert_eq!(tail.0.len(), TAIL);
        let reason = tail.reason(ExitStatus::from_raw(9));
        assert!(reason.starts_with("killed by signal 9: ") && reason.ends_with("line 9999"), "{reason}");
        tail.push(&[b'x'; 3 * TAIL]);
        assert_eq!(tail.0, [b'x'; TAIL]);
        assert_eq!(Tail::default().reason(ExitStatus::from_raw(7 << 8)), "exit code 7");
    }
}
