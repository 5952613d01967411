//! Arguments with placeholders.

use fourfold::{Failure, Task, source::Json};
use serde::{
    Deserializer,
    de::{Error, Visitor},
};
use serde_json::value::RawValue;

use crate::exit::CliError;

/// An argument of the command, with placeholders for the task and its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

/// A part of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// `{}`
    Whole,
    /// `{.name}` or `{.name.inner}`
    Field(Vec<String>),
}

impl Template {
    /// Reads an argument. Only `{}` and `{.path}` are placeholders; all other braces stand for
    /// themselves.
    ///
    /// # Errors
    /// When there is a `{.` that begins no path.
    pub(crate) fn parse(argument: &str) -> Result<Self, CliError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = argument;
        while let Some(open) = rest.find('{') {
            let inside = &rest[open + 1..];
            let (piece, after) = if let Some(after) = inside.strip_prefix('}') {
                (Piece::Whole, after)
            } else if let Some(path) = inside.strip_prefix('.') {
                let (path, after) = path.split_once('}').ok_or_else(|| wrong(argument))?;
                (Piece::Field(fields(path).ok_or_else(|| wrong(argument))?), after)
            } else {
                literal.push_str(&rest[..=open]);
                rest = inside;
                continue;
            };
            literal.push_str(&rest[..open]);
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self(pieces))
    }

    /// Returns whether a task changes the argument.
    pub(super) fn has_placeholder(&self) -> bool {
        self.0.iter().any(|piece| !matches!(piece, Piece::Literal(_)))
    }

    /// Returns whether a field of a task changes the argument.
    pub(crate) fn has_field(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Field(_)))
    }

    /// Returns the argument, if no task changes it.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Puts a task in the place of the placeholders.
    ///
    /// # Errors
    /// When the task lacks a field.
    pub(crate) fn fill(&self, task: &Task<Json>) -> Result<String, Failure> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Whole => filled.push_str(&bare(task.payload.as_str())),
                Piece::Field(path) => filled.push_str(&bare(field(task.payload.as_str(), path)?)),
            }
        }
        Ok(filled)
    }
}

fn wrong(argument: &str) -> CliError {
    CliError::usage(format_args!(
        "--exec: `{argument}` has a `{{.` that begins no placeholder: write {{.field}} or {{.field.inner}}, with letters, digits, `_` and `-` in the names"
    ))
}

/// The names of a path.
fn fields(path: &str) -> Option<Vec<String>> {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let names = path.split('.').map(|name| (!name.is_empty() && name.chars().all(word)).then(|| name.to_owned()));
    names.collect()
}

/// The value at a path: names of fields, or indices of lists.
fn field<'a>(json: &'a str, path: &[String]) -> Result<&'a str, Failure> {
    path.iter().try_fold(json, |json, name| inner(json, name)).ok_or_else(|| {
        let path = path.join(".");
        Failure::permanent(format!("--exec: the task has no field `{path}` to put in place of {{.{path}}}"))
    })
}

fn inner<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    if json.trim_ascii_start().starts_with('[') {
        let values: Vec<&'a RawValue> = serde_json::from_str(json).ok()?;
        return Some(values.get(name.parse::<usize>().ok()?)?.get());
    }
    let values: std::collections::BTreeMap<String, &'a RawValue> = serde_json::from_str(json).ok()?;
    Some(values.get(name)?.get())
}

/// A value as a word: a string without its quotes, anything else as it is. Half of a surrogate
/// pair, which stands for no character, becomes U+FFFD.
fn bare(json: &str) -> String {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_bytes(Text).unwrap_or_else(|_| json.to_owned())
}

/// Reads a string, whatever its escapes stand for.
struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<String, E> {
        // A lone surrogate is three bytes here, each of which is no UTF-8.
        Ok(String::from_utf8_lossy(bytes).replace("\u{fffd}\u{fffd}\u{fffd}", "\u{fffd}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(arg: &str, json: &str) -> Result<String, Failure> {
        Template::parse(arg).unwrap().fill(&Task::new(1, Json::parse(json.as_bytes()).unwrap()))
    }

    #[test]
    fn placeholders_are_replaced_and_other_braces_stay() {
        for (arg, json, expected) in [
            ("{}", "7", "7"),
            ("{}", r#""a \"b\"""#, "a \"b\""),
            ("--id={.id}/{.name}", r#"{"id": 7, "name": "ada"}"#, "--id=7/ada"),
            ("{.list}", r#"{"list": [1, {"a": 2}]}"#, r#"[1, {"a": 2}]"#),
            ("{.user.id} {.list.1.a}", r#"{"user": {"id": 7}, "list": [1, {"a": 2}]}"#, "7 2"),
            ("{{}}", "1", "{1}"),
            ("{print $1} {", "1", "{print $1} {"),
            ("{a} { } {a.b} }{", "1", "{a} { } {a.b} }{"),
            ("", "1", ""),
            ("{.n}", r#"{"n": "a\ud800z"}"#, "a\u{fffd}z"),
            ("{.n}", r#"{"n": "a\ud83d\ude00\n"}"#, "a😀\n"),
        ] {
            assert_eq!(filled(arg, json).as_deref(), Ok(expected), "{arg}");
        }
    }

    #[test]
    fn a_brace_and_a_point_that_begin_no_path_are_refused() {
        for arg in ["{.", "{.}", "{. }", "{.a", "{.a b}", "{.a..b}", "{.a.}", "{.a[0]}", "x {}{.$}"] {
            assert!(Template::parse(arg).is_err_and(|error| error.message().contains(arg)), "{arg}");
        }
    }

    #[test]
    fn a_field_that_is_not_there_is_named() {
        for json in [r#"{"id": 7}"#, "7", "[1]"] {
            let failure = filled("{.name}", json).unwrap_err();
            assert!(failure.is_permanent() && failure.reason().contains("`name`"), "{failure}");
        }
    }
}
