//! The text of an event that is kept.

use alloc::boxed::Box;
use core::{fmt, ops::Deref};

/// The text of an [`OwnedEvent`](super::OwnedEvent).
///
/// It is one word in size: few events have a text, and each kept event has room for one.
#[derive(Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Text(Box<Box<str>>);

impl From<&str> for Text {
    /// Copies the text.
    #[cold]
    fn from(text: &str) -> Self {
        Self(Box::new(text.into()))
    }
}

impl AsRef<str> for Text {
    #[inline]
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}
