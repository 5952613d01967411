//! Names that may have a password in them.

use std::{borrow::Cow, fmt};

/// The name of a file or the URL of a server, as it was given. Shown, it has no user and no
/// password in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.0))
    }
}

/// Returns a text in which the credentials of a URL are hidden: all up to the last `@`, since a
/// password that is not escaped as it should be may have any character in it, and the value of
/// `pass=`.
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Cow::Borrowed(text) };
    let (mark, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, place)| ("…@", place));
    let (before, hidden, after) = match rest.split_once("pass=") {
        Some((before, password)) => {
            let end = password.find('&').unwrap_or(password.len());
            (before, "pass=…", &password[end..])
        }
        None => (rest, "", ""),
    };
    if mark.is_empty() && hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{scheme}://{mark}{before}{hidden}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_however_they_are_written() {
        for (text, expected) in [
            ("tasks.jsonl", "tasks.jsonl"),
            ("me@home", "me@home"),
            ("redis://h/0?list=a", "redis://h/0?list=a"),
            ("redis://u:secret@h/0?list=a", "redis://…@h/0?list=a"),
            (" REDIS://:secret@h", " REDIS://…@h"),
            ("redis://u:se?cr/e#t@@h/0", "redis://…@h/0"),
            ("redis+unix:///s?pass=secret&list=a", "redis+unix:///s?pass=…&list=a"),
            ("unix:///s?list=a&pass=secret", "unix:///s?list=a&pass=…"),
        ] {
            assert_eq!(Name(text).to_string(), expected);
        }
    }
}
