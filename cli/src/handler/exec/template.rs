//! Arguments with placeholders.

use std::collections::BTreeMap;

use fourfold::{Failure, Task, source::Json};
use serde_json::value::RawValue;

/// An argument of the command, with placeholders for the task and its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

/// A part of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// `{}`
    Whole,
    /// `{.name}`
    Field(String),
}

impl Template {
    /// Reads an argument.
    pub(crate) fn parse(argument: &str) -> Self {
        Self(pieces(argument))
    }

    /// Puts a task in the place of the placeholders.
    ///
    /// # Errors
    /// When the task lacks a field.
    pub(super) fn fill(&self, task: &Task<Json>) -> Result<String, Failure> {
        fill(&self.0, task)
    }
}

fn pieces(arg: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = arg;
    while let Some(open) = rest.find('{') {
        let inside = &rest[open + 1..];
        let piece = inside.find('}').and_then(|close| Some((placeholder(&inside[..close])?, close)));
        match piece {
            Some((piece, close)) => {
                literal.push_str(&rest[..open]);
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(piece);
                rest = &inside[close + 1..];
            }
            None => {
                literal.push_str(&rest[..=open]);
                rest = inside;
            }
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
}

fn placeholder(inside: &str) -> Option<Piece> {
    match inside.strip_prefix('.') {
        None => inside.is_empty().then_some(Piece::Whole),
        Some(name) => {
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
            (!name.is_empty() && name.chars().all(word)).then(|| Piece::Field(name.to_owned()))
        }
    }
}

fn fill(arg: &[Piece], task: &Task<Json>) -> Result<String, Failure> {
    let mut filled = String::new();
    for piece in arg {
        match piece {
            Piece::Literal(text) => filled.push_str(text),
            Piece::Whole => filled.push_str(&bare(task.payload.as_str())),
            Piece::Field(name) => {
                let fields: BTreeMap<String, &RawValue> =
                    serde_json::from_str(task.payload.as_str()).unwrap_or_default();
                let value = fields.get(name).ok_or_else(|| {
                    Failure::permanent(format!("--exec: the task has no field `{name}` to put in place of {{.{name}}}"))
                })?;
                filled.push_str(&bare(value.get()));
            }
        }
    }
    Ok(filled)
}

/// A value as a word: a string without its quotes, anything else as it is.
fn bare(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(arg: &str, json: &str) -> Result<String, Failure> {
        Template::parse(arg).fill(&Task::new(1, Json::parse(json.as_bytes()).unwrap()))
    }

    #[test]
    fn placeholders_are_replaced_and_other_braces_stay() {
        for (arg, json, expected) in [
            ("{}", "7", "7"),
            ("{}", r#""a \"b\"""#, "a \"b\""),
            ("--id={.id}/{.name}", r#"{"id": 7, "name": "ada"}"#, "--id=7/ada"),
            ("{.list}", r#"{"list": [1, {"a": 2}]}"#, r#"[1, {"a": 2}]"#),
            ("{{}}", "1", "{1}"),
            ("{print $1} {", "1", "{print $1} {"),
            ("{. } {.a", "1", "{. } {.a"),
            ("", "1", ""),
        ] {
            assert_eq!(filled(arg, json).as_deref(), Ok(expected), "{arg}");
        }
    }

    #[test]
    fn a_field_that_is_not_there_is_named() {
        for json in [r#"{"id": 7}"#, "7"] {
            let failure = filled("{.name}", json).unwrap_err();
            assert!(failure.is_permanent() && failure.reason().contains("`name`"), "{failure}");
        }
    }
}
