//! JSON payloads, checked once and kept as text.

use std::{borrow::Cow, boxed::Box, fmt, string::String};

use serde::de::IgnoredAny;

/// A JSON value, kept as the text that it came in.
///
/// The text is checked without building a tree. A handler that needs a field parses
/// [`as_str`](Self::as_str) into a type of its own.
///
/// ```
/// use fourfold::source::Json;
/// let json = Json::parse(br#"{"user": 7}"#).unwrap();
/// assert_eq!(json.as_str(), r#"{"user": 7}"#);
/// let error = Json::parse(b"{\"user\": }").unwrap_err();
/// assert_eq!(error.to_string(), "no valid JSON: expected value at line 1 column 10");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Json(Box<str>);

impl Json {
    /// The maximum number of bytes in a payload: 64 MiB. One value must not be able to use up
    /// the memory of a machine.
    pub const BYTES_MAX: usize = 64 * 1024 * 1024;

    /// Checks that the bytes are one JSON value, with or without whitespace around it.
    ///
    /// # Errors
    /// [`JsonError`] when the bytes are too many, not UTF-8, or not JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        check_length(bytes)?;
        let text = utf8(bytes)?;
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Ok(Self(text.into())),
            Err(error) => Err(JsonError(Kind::Syntax(error))),
        }
    }

    /// Makes the JSON string of a text, for tasks that are text and no JSON.
    ///
    /// ```
    /// use fourfold::source::Json;
    /// let json = Json::from_text("say \"hi\" ");
    /// assert_eq!(json.as_str(), r#""say \"hi\" ""#);
    /// assert_eq!(json.to_text(), "say \"hi\" ");
    /// ```
    pub fn from_text(text: &str) -> Self {
        // A string always has a JSON form.
        Self(serde_json::to_string(text).unwrap_or_default().into())
    }

    /// Makes the JSON string of bytes that should be text.
    pub(super) fn parse_text(bytes: &[u8]) -> Result<Self, JsonError> {
        check_length(bytes)?;
        utf8(bytes).map(Self::from_text)
    }

    /// Returns the text of a string, without its quotes and escapes; of any other value its JSON.
    pub fn to_text(&self) -> Cow<'_, str> {
        match serde_json::from_str(&self.0) {
            Ok(text) => Cow::Owned(text),
            Err(_) => Cow::Borrowed(&self.0),
        }
    }

    /// Returns the text of the value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text of the value without copying it.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }
}

fn check_length(bytes: &[u8]) -> Result<(), JsonError> {
    if bytes.len() > Json::BYTES_MAX { Err(JsonError(Kind::TooLarge { bytes: bytes.len() })) } else { Ok(()) }
}

fn utf8(bytes: &[u8]) -> Result<&str, JsonError> {
    core::str::from_utf8(bytes).map_err(|error| JsonError(Kind::NotUtf8 { at: error.valid_up_to() }))
}

impl AsRef<str> for Json {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Json").field(&self.0).finish()
    }
}

/// The error of bytes that are not a valid [`Json`] payload.
#[derive(Debug)]
pub struct JsonError(Kind);

#[derive(Debug)]
enum Kind {
    TooLarge { bytes: usize },
    NotUtf8 { at: usize },
    Syntax(serde_json::Error),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::TooLarge { bytes } => write!(f, "too large: {bytes} bytes, at most {} are taken", Json::BYTES_MAX),
            Kind::NotUtf8 { at } => write!(f, "no valid UTF-8 from byte {at} on"),
            Kind::Syntax(error) => write!(f, "no valid JSON: {error}"),
        }
    }
}

impl core::error::Error for JsonError {}

#[cfg(test)]
mod tests {
    use super::Json;

    fn reason(bytes: &[u8]) -> String {
        Json::parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn any_value_is_kept_as_it_came() {
        for text in ["1", " null ", r#""""#, "[]", r#"{"a":1,"a":2}"#, r#""\u0000""#, "1e999", "\"\u{10ffff}\""] {
            assert_eq!(Json::parse(text.as_bytes()).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_deep_value_needs_no_deep_stack() {
        let text = [vec![b'['; 1_000_000], vec![b']'; 1_000_000]].concat();
        assert_eq!(Json::parse(&text).unwrap().as_str().len(), text.len());
    }

    #[test]
    fn what_is_none_says_why() {
        assert_eq!(reason(b""), "no valid JSON: EOF while parsing a value at line 1 column 0");
        assert_eq!(reason(b"{} {}"), "no valid JSON: trailing characters at line 1 column 4");
        assert_eq!(
            reason(b"\"\0\""),
            "no valid JSON: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 1"
        );
        assert_eq!(reason(b"\"ab\xff\""), "no valid UTF-8 from byte 3 on");
        let large = vec![b' '; Json::BYTES_MAX + 1];
        assert_eq!(reason(&large), "too large: 67108865 bytes, at most 67108864 are taken");
    }
}
