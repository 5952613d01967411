//! Lines that are drawn again and again at the bottom of a terminal.
//!
//! Between two draws the cursor rests at the top left of them. So the next draw goes over the last
//! one line by line, and nothing flickers; whoever writes to the terminal unasked writes over the
//! view and not below it; and when the terminal changes its size and breaks lines anew, the cursor
//! goes with the line that it is in, and all of the view is still below it.

/// From the cursor on, nothing is left.
pub(super) const ERASE: &[u8] = b"\r\x1b[J";

/// Lines as they go to the terminal, none wider than it.
pub(super) struct View(Vec<u8>);

impl View {
    pub(super) fn new(lines: impl Iterator<Item = String>) -> Self {
        // Should the terminal have become smaller just now, what is too wide is cut off and not
        // wrapped.
        let mut bytes = Vec::from(b"\x1b[?7l\r".as_slice());
        let mut up = 0;
        for (n, line) in lines.enumerate() {
            if n > 0 {
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(b"\x1b[K");
            up = n;
        }
        bytes.extend_from_slice(b"\x1b[J\r");
        if up > 0 {
            bytes.extend_from_slice(format!("\x1b[{up}A").as_bytes());
        }
        bytes.extend_from_slice(b"\x1b[?7h");
        Self(bytes)
    }

    /// All that is to be written to see it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// All that is to be written to see it below some other lines.
    pub(super) fn below(&self, lines: &[u8]) -> Vec<u8> {
        let end: &[u8] = if lines.ends_with(b"\n") { b"" } else { b"\r\n" };
        [ERASE, lines, end, &self.0].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(rows: u16, written: &[&[u8]]) -> vt100::Parser {
        let mut terminal = vt100::Parser::new(rows, 20, 0);
        written.iter().for_each(|bytes| terminal.process(bytes));
        terminal
    }

    fn view(lines: &[&str]) -> View {
        View::new(lines.iter().map(ToString::to_string))
    }

    #[test]
    fn a_view_replaces_the_one_before_it() {
        let (long, short) = (view(&["one", "two two", "three"]), view(&["1", "2"]));
        let seen = terminal(6, &[b"above\r\n", long.bytes(), short.bytes()]);
        assert_eq!(seen.screen().contents(), "above\n1\n2");
        assert_eq!(seen.screen().cursor_position(), (1, 0), "the cursor rests at its top left");
        let seen = terminal(6, &[b"above\r\n", long.bytes(), ERASE, b"below"]);
        assert_eq!(seen.screen().contents(), "above\nbelow");
    }

    #[test]
    fn lines_go_by_above_it_and_it_scrolls() {
        let view = view(&["one", "two", "three"]);
        let (a, b) = (view.below(b"a\r\nb\r\n"), view.below(b"no end"));
        let seen = terminal(4, &[view.bytes(), &a, &b]);
        assert_eq!(seen.screen().contents(), "no end\none\ntwo\nthree");
    }
}
