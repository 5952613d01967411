//! JSON, read and written.

use fourfold::data::Data;

/// Reads JSON, as bytes because traces are read as bytes: the reader for text would add its whole code to the module.
pub(crate) fn parse(text: &str) -> Result<Data<'_>, String> {
    serde_json::from_slice(text.as_bytes()).map_err(|error| format!("this is not JSON: {error}"))
}

/// Writes data as JSON text.
pub(crate) fn write(value: &impl serde::Serialize) -> String {
    let written = serde_json::to_string(value);
    debug_assert!(written.is_ok(), "plain data with text for keys is written to memory, which cannot fail");
    written.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_or_they_are_not() {
        let whole = |text| parse(text).unwrap().whole();
        assert_eq!([whole("7"), whole("7.0"), whole("7e2")], [Some(7), Some(7), Some(700)]);
        assert_eq!([whole("-1"), whole("0.5"), whole("1e300"), whole("\"7\""), whole("null")], [None; 5]);
    }

    #[test]
    fn what_is_no_json_is_said_where() {
        assert_eq!(parse("{\"a\":}").unwrap_err(), "this is not JSON: expected value at line 1 column 6");
        let deep = "[".repeat(100_000);
        assert!(parse(&deep).unwrap_err().contains("recursion"), "no stack is spent on it");
    }
}
