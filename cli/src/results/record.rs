//! A line of JSON per ended task.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Serialize;

use crate::throttle::Code;

/// The longest output that a record has, in bytes.
pub(super) const OUTPUT_MAX: usize = 8 << 20;

/// The last attempt at a task.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) code: Option<Code>,
    pub(super) took: Duration,
    pub(super) started: jiff::Timestamp,
    pub(super) output: Vec<u8>,
    /// The length of all of the output.
    pub(super) length: u64,
    pub(super) reason: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<u64>,
    outcome: &'a str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    /// Where the output is no UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_base64: Option<String>,
    /// Where only the beginning of the output is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_bytes: Option<u64>,
}

/// Makes the record of a task.
pub(super) fn task(task: u64, outcome: &str, attempts: u32, total: Duration, last: Option<&Last>) -> String {
    let ms = |time: Duration| Some(time.as_secs_f64() * 1e3);
    let mut fields = Fields { task: Some(task), outcome, attempts, total_ms: ms(total), ..Fields::default() };
    if let Some(last) = last {
        match last.code {
            Some(Code::Exit(code)) => fields.exit_code = Some(code),
            Some(Code::Signal(signal)) => fields.signal = Some(signal),
            Some(Code::Status(status)) => fields.status = Some(status),
            None => {}
        }
        (fields.started, fields.attempt_ms) = (Some(last.started.to_string()), ms(last.took));
        fields.reason = last.reason.as_deref();
        match text(&last.output) {
            Some(output) => fields.output = Some(output),
            None => fields.output_base64 = Some(BASE64_STANDARD.encode(&last.output)),
        }
        fields.output_bytes = Some(last.length).filter(|length| *length > last.output.len() as u64);
    }
    line(&fields)
}

/// Makes the record of what was no task.
pub(super) fn malformed(reason: &str) -> String {
    line(&Fields { outcome: "malformed", reason: Some(reason), ..Fields::default() })
}

/// The output as text, without half of a character where it was cut.
fn text(output: &[u8]) -> Option<&str> {
    match str::from_utf8(output) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() && output.len() == OUTPUT_MAX => {
            str::from_utf8(&output[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

fn line(fields: &Fields<'_>) -> String {
    // Numbers and strings always have a JSON form.
    let mut line = serde_json::to_string(fields).unwrap_or_default();
    line.push('\n');
    line
}
