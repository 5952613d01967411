//! What a client would rather have.

/// How much a client wants a media type, from 0 to 1000; all of it where it does not say.
pub(super) fn weight(accept: Option<&str>, kind: &str, subtype: &str) -> u32 {
    let Some(accept) = accept else { return 1000 };
    let mut best = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';');
        let (name, quality) = (parts.next().unwrap_or_default().trim(), quality(parts));
        let Some((range_kind, range_subtype)) = name.split_once('/') else { continue };
        let specific = match (range_kind, range_subtype) {
            ("*", "*") => 1,
            (range_kind, "*") if range_kind.eq_ignore_ascii_case(kind) => 2,
            _ if range_kind.eq_ignore_ascii_case(kind) && range_subtype.eq_ignore_ascii_case(subtype) => 3,
            _ => continue,
        };
        best = best.max((specific, quality));
    }
    best.1
}

/// Whether a client takes gzip.
pub(super) fn takes_gzip(accept_encoding: Option<&str>) -> bool {
    accept_encoding.into_iter().flat_map(|accept| accept.split(',')).any(|coding| {
        let mut parts = coding.split(';');
        let name = parts.next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("gzip") && quality(parts) > 0
    })
}

/// Whether a client has what this tag names already.
pub(super) fn has(if_none_match: Option<&str>, tag: &str) -> bool {
    let mut tags = if_none_match.into_iter().flat_map(|tags| tags.split(','));
    tags.any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == tag)
}

/// The `q` among parameters, in thousandths.
fn quality<'a>(parameters: impl Iterator<Item = &'a str>) -> u32 {
    for parameter in parameters {
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            let quality = value.trim().parse::<f32>().unwrap_or(0.0);
            return (quality.clamp(0.0, 1.0) * 1000.0) as u32;
        }
    }
    1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        let check = |accept, expected| assert_eq!(weight(Some(accept), "text", "plain"), expected, "{accept}");
        check("*/*", 1000);
        check("text/*;q=0.5, */*", 500);
        check("text/plain; version=0.0.4; q=0.3,*/*;q=0.1", 300);
        check("TEXT/Plain;charset=utf-8", 1000);
        check("text/html", 0);
        check("text/plain;q=0", 0);
        check("text/plain;q=nonsense", 0);
        check("", 0);
        assert_eq!(weight(None, "text", "plain"), 1000);
    }

    #[test]
    fn gzip_is_taken_where_it_is_named() {
        assert!(takes_gzip(Some("deflate, gzip;q=0.5")) && takes_gzip(Some("GZIP")));
        assert!(!takes_gzip(Some("gzip;q=0, br")) && !takes_gzip(Some("*")) && !takes_gzip(None));
    }

    #[test]
    fn tags_are_compared_weakly() {
        assert!(has(Some("\"a\", W/\"b\""), "\"b\"") && has(Some("*"), "\"b\""));
        assert!(!has(Some("\"bb\""), "\"b\"") && !has(None, "\"b\""));
    }
}
