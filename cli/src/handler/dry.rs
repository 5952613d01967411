//! `--dry-run`: what would be started or sent, as a line for a shell.

use std::borrow::Cow;

use fourfold::{Failure, Task, source::Json};

use super::{
    attempted::{Attempted, text},
    exec::template::Template,
};

/// Shows what another handler would do.
#[derive(Debug)]
pub(crate) enum DryRun {
    Exec { name: String, arguments: Vec<Template> },
    Pipe { words: Vec<String>, is_text: bool },
    Post { place: String, is_text: bool },
}

impl DryRun {
    pub(super) fn attempt(&self, task: &Task<Json>) -> Result<Attempted, Failure> {
        let mut line = match self {
            Self::Exec { name, arguments } => {
                let arguments: Vec<String> =
                    arguments.iter().map(|argument| argument.fill(task)).collect::<Result<_, _>>()?;
                command(std::iter::once(name).chain(&arguments))
            }
            Self::Pipe { words, is_text } => {
                format!("printf '%s\\n' {} | {}", quoted(&text(&task.payload, *is_text)), command(words))
            }
            Self::Post { place, is_text } => {
                let content_type = if *is_text { "text/plain; charset=utf-8" } else { "application/json" };
                let header = quoted(&format!("Content-Type: {content_type}")).into_owned();
                let body = text(&task.payload, *is_text);
                format!("curl -X POST -H {header} --data-raw {} {}", quoted(&body), quoted(place))
            }
        };
        line.push('\n');
        Ok(Attempted { output: line.into_bytes().into(), ..Ok(()).into() })
    }
}

fn command<'a>(words: impl IntoIterator<Item = &'a String>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A word as a shell reads it. One with a NUL in it cannot be said to any shell.
fn quoted(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).unwrap_or_else(|_| Cow::Owned(format!("{word:?}")))
}
