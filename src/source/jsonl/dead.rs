//! Dead letters as lines of JSON.

use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;

use serde::Serialize;
use serde_json::value::RawValue;

use super::lines::Line;
use crate::{source::Json, task::Task};

#[derive(Default, Serialize)]
struct Letter<'a> {
    task: u64,
    attempts: u32,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    /// The line that was not a task, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_hex: Option<String>,
    /// The length of a line of which only the beginning is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_bytes: Option<u64>,
}

/// Makes the dead letter of a task.
pub(super) fn task(task: &Task<Json>, reason: &str) -> Vec<u8> {
    let payload = serde_json::from_str(task.payload.as_str()).ok();
    line(&Letter { task: task.id.0, attempts: task.attempt.get(), reason, payload, ..Letter::default() })
}

/// Makes the dead letter of a line that was not a task.
pub(super) fn malformed(found: &Line<'_>, reason: &str) -> Vec<u8> {
    let (number, bytes, length) = match found {
        Line::Whole(number, bytes) => (*number, *bytes, None),
        Line::TooLong { number, length, head } => (*number, head.as_slice(), Some(*length)),
    };
    let text = str::from_utf8(bytes).ok();
    let hex = || {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    };
    let raw_hex = if text.is_none() { Some(hex()) } else { None };
    line(&Letter { task: number, reason, raw: text, raw_hex, raw_bytes: length, ..Letter::default() })
}

fn line(letter: &Letter<'_>) -> Vec<u8> {
    let mut line = serde_json::to_vec(letter)
        .unwrap_or_else(|error| format!("{{\"task\":{},\"reason\":\"{error}\"}}", letter.task).into_bytes());
    line.push(b'\n');
    line
}
