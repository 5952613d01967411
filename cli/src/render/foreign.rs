//! Text that others wrote, on its way to a terminal.

use std::borrow::Cow;

/// Returns a text without anything that a terminal obeys or that changes the order of what is read:
/// control characters, among them those that begin escape sequences, and marks of writing direction
/// become spaces. Line breaks and tabs stay.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_harmful) {
        Cow::Owned(text.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns a text as [`harmless`] does, on one line.
pub(crate) fn harmless_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_harmful(c) { ' ' } else { c }).collect()
}

/// Returns bytes as [`harmless`] does; what is not UTF-8 is replaced.
pub(crate) fn harmless_bytes(bytes: &[u8]) -> Vec<u8> {
    harmless(&String::from_utf8_lossy(bytes)).into_owned().into_bytes()
}

/// Returns bytes as [`harmless_bytes`] does, with the colours that this command itself has put
/// there.
pub(crate) fn keep_colours(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find(is_harmful) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = colour(rest).unwrap_or(0);
        if length > 0 {
            kept.push_str(&rest[..length]);
            rest = &rest[length..];
        } else {
            kept.push(' ');
            rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
        }
    }
    kept.push_str(rest);
    kept.into_bytes()
}

/// The length of the sequence that sets colours, if the text begins with one.
fn colour(text: &str) -> Option<usize> {
    let inside = text.strip_prefix("\x1b[")?;
    let end = inside.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    inside[end..].starts_with('m').then_some(2 + end + 1)
}

fn is_harmful(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Marks of direction; separators of lines and paragraphs; invisible letters.
        '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (text, expected) in [
            ("plain ö 失敗\n\tnext", "plain ö 失敗\n\tnext"),
            ("\x1b]0;title\x07", " ]0;title "),
            ("\x1b[2J\x1b[31mred", " [2J [31mred"),
            ("a\u{9b}2Jb\u{9d}0;x\u{9c}", "a 2Jb 0;x "),
            ("back\x08\x7f\r", "back   "),
            ("user\u{202e}gpj.exe\u{2066}", "user gpj.exe "),
        ] {
            assert_eq!(harmless(text), expected);
        }
        assert_eq!(harmless_line("a\nb\tc\u{202e}"), "a b c ");
        assert_eq!(harmless_bytes(b"a\x9b2J\xff"), "a\u{fffd}2J\u{fffd}".as_bytes());
    }

    #[test]
    fn only_our_colours_pass() {
        assert_eq!(keep_colours(b"\x1b[33m WARN\x1b[0m x"), b"\x1b[33m WARN\x1b[0m x");
        assert_eq!(keep_colours(b"\x1b[1;31mx\x1b[2J\x1b]0;t\x07\x1b[38;5;9"), b"\x1b[1;31mx [2J ]0;t  [38;5;9");
    }
}
