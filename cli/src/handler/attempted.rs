//! What an attempt takes and brings, whatever the handler.

use std::borrow::Cow;

use fourfold::{Failure, source::Json};

use crate::{process::Spool, throttle::Code};

/// What came of an attempt.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) result: Result<(), Failure>,
    pub(crate) code: Option<Code>,
    /// What a process wrote to standard output, or what a process or server replied.
    pub(crate) output: Spool,
    pub(crate) is_reply: bool,
    /// What is to be passed on to standard error.
    pub(crate) errors: Spool,
}

/// What tasks have for standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    Nothing,
    /// What processes write.
    Output,
    /// What processes or servers reply.
    Replies,
}

impl From<Result<(), Failure>> for Attempted {
    fn from(result: Result<(), Failure>) -> Self {
        Self { result, code: None, output: Spool::default(), is_reply: false, errors: Spool::default() }
    }
}

/// The task as its handler gets it: the text that it is, or its JSON.
pub(super) fn text(payload: &Json, is_text: bool) -> Cow<'_, str> {
    if is_text { payload.to_text() } else { Cow::Borrowed(payload.as_str()) }
}
