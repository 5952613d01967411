//! `--exec`: a process per attempt.

use std::{
    io::{self, Seek, Write},
    process::{ExitStatus, Stdio},
    rc::Rc,
};

use fourfold::{Control, Failure, Task, source::Json};
use futures_lite::{AsyncWriteExt, future::zip};
use smol::process::{Child, Command};
use tempfile::SpooledTempFile;

use super::{
    child::{Group, Tail, read_all},
    program::Program,
};
use crate::{exit::Fault, screen::Stdout};

/// So much of a task's output is kept in memory; what is longer waits in a file without a name.
const OUTPUT_IN_MEMORY: usize = 64 * 1024;
/// What fits into the smallest pipe there is, so that writing it cannot block.
const PIPE_MIN: usize = 4096;

/// Runs a command for each attempt.
#[derive(Debug)]
pub(crate) struct Exec {
    pub(super) program: Program,
    args: Vec<Vec<Piece>>,
    stdout: Rc<Stdout>,
}

/// A part of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// `{}`
    Whole,
    /// `{.name}`
    Field(String),
}

impl Exec {
    pub(crate) fn new(words: &[String], control: &Control, stdout: &Rc<Stdout>) -> Result<Self, Fault> {
        let (name, args) = words.split_first().ok_or_else(|| Fault::usage("--exec expects a command"))?;
        let program = Program::find("--exec", name, control)?;
        Ok(Self { program, args: args.iter().map(|arg| pieces(arg)).collect(), stdout: stdout.clone() })
    }

    pub(crate) async fn attempt(&self, task: &Task<Json>) -> Result<(), Failure> {
        let mut command = self.program.command();
        for arg in &self.args {
            command.arg(fill(arg, task)?);
        }
        command.env("FOURFOLD_TASK_ID", task.id.to_string());
        command.env("FOURFOLD_ATTEMPT", task.attempt.to_string());
        let mut command = Command::from(command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let input = format!("{}\n", task.payload);
        let spawned = if input.len() <= PIPE_MIN {
            written(input.as_bytes()).and_then(|stdin| command.stdin(stdin).spawn())
        } else {
            command.stdin(Stdio::piped()).spawn()
        };
        // The command holds the other end of the input: it has to go before the process can see the end.
        drop(command);
        let child = match spawned {
            Ok(child) => child,
            Err(error) => return Err(self.program.failed(error).await),
        };
        let mut output = SpooledTempFile::new(OUTPUT_IN_MEMORY);
        let mut tail = Tail::default();
        let status = run(child, input.as_bytes(), &mut output, &mut tail).await;
        let status = status.map_err(|error| Failure::transient(format!("--exec: {error}")))?;
        self.pass_on(output).map_err(|error| Failure::transient(format!("--exec: the output: {error}")))?;
        if status.success() { Ok(()) } else { Err(Failure::transient(tail.reason(status))) }
    }

    /// The output of one task, whole.
    fn pass_on(&self, mut output: SpooledTempFile) -> io::Result<()> {
        if output.stream_position()? > 0 {
            output.rewind()?;
            self.stdout.copy(&mut output);
        }
        Ok(())
    }
}

/// A pipe with these few bytes in it and nothing to come: a process that does not read them cannot make us fail.
fn written(input: &[u8]) -> io::Result<Stdio> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(input)?;
    Ok(reader.into())
}

/// The life of a process. Dropped before its end, it ends the process and all that it started.
async fn run(mut child: Child, input: &[u8], output: &mut impl Write, tail: &mut Tail) -> io::Result<ExitStatus> {
    let mut group = Group::of(child.id());
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A process that has read enough is none that failed.
            let _ = stdin.write_all(input).await;
        }
    };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let collect = async {
        match stdout {
            Some(mut stdout) => read_all(&mut stdout, |bytes| output.write_all(bytes)).await,
            None => Ok(()),
        }
    };
    let listen = async {
        match stderr {
            Some(mut stderr) => {
                read_all(&mut stderr, |bytes| {
                    tail.push(bytes);
                    Ok(())
                })
                .await
            }
            None => Ok(()),
        }
    };
    let ((collected, listened), ()) = zip(zip(collect, listen), feed).await;
    collected.and(listened)?;
    let status = child.status().await?;
    group.ended();
    Ok(status)
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
                let fields: std::collections::BTreeMap<String, &serde_json::value::RawValue> =
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
        fill(&pieces(arg), &Task::new(1, Json::parse(json.as_bytes()).unwrap()))
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
