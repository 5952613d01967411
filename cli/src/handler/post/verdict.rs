//! What a response says about a task.

use std::{
    io,
    time::{Duration, SystemTime},
};

use fourfold::Failure;
use futures_lite::{AsyncRead, AsyncReadExt, future::or};
use smol::Timer;
use trillium_client::{Headers, KnownHeaderName, Status};

/// So much of a body is looked at for the reason.
const EXCERPT: usize = 1024;
/// So much is read so that the connection can be used again; what is longer costs a new connection.
const BODY_MAX: usize = 64 * 1024;
/// How long a body is waited for once the status is there.
const BODY_WAIT: Duration = Duration::from_secs(1);
/// A server cannot put a task off for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// The beginning of a response's body.
#[derive(Debug, Default)]
pub(super) struct Excerpt(Vec<u8>);

impl Excerpt {
    /// Reads as much as is worth it; whether that was all.
    pub(super) async fn read<R: AsyncRead + Unpin>(&mut self, mut body: R) -> io::Result<bool> {
        let all = async {
            let (mut buffer, mut total) = ([0; 4096], 0);
            while total < BODY_MAX {
                let count = body.read(&mut buffer).await?;
                if count == 0 {
                    return Ok(true);
                }
                total += count;
                let room = EXCERPT - self.0.len();
                self.0.extend_from_slice(&buffer[..count.min(room)]);
            }
            Ok(false)
        };
        let late = async {
            Timer::after(BODY_WAIT).await;
            Ok(false)
        };
        or(all, late).await
    }

    /// Its first line, fit for a terminal.
    fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let line = text.trim().lines().next().unwrap_or_default();
        line.trim_end_matches(char::REPLACEMENT_CHARACTER).chars().map(plain).collect()
    }
}

fn plain(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// What the status means; `from` is who said it.
pub(super) fn judge(from: &str, status: Status, headers: &Headers, said: &Excerpt) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let mut reason = format!("--post {from}: {} {}", status as u16, status.canonical_reason());
    let line = said.line();
    if !line.is_empty() {
        reason = format!("{reason}: {line}");
    }
    if status.is_redirection() {
        reason.push_str(" (redirects are not followed");
        if let Some(location) = headers.get_str(KnownHeaderName::Location) {
            reason.push_str(", this one leads to ");
            reason.extend(location.chars().take(200).map(plain));
        }
        reason.push(')');
    }
    let passes = matches!(status as u16, 408 | 425 | 429) || status.is_server_error();
    let after = headers.get_str(KnownHeaderName::RetryAfter).and_then(|text| retry_after(text, SystemTime::now()));
    Err(match after {
        _ if !passes => Failure::permanent(reason),
        Some(after) => Failure::retry_after(reason, after),
        None => Failure::transient(reason),
    })
}

/// Seconds or a date, as RFC 9110 has it.
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let after = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only too many digits are no number: that is very long.
        text.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs)
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(after.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("86400", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Fri, 01 Jan 2100 00:00:00 GMT", Some(3600)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn the_reason_is_the_first_line_without_what_a_terminal_obeys() {
        let said = Excerpt("\r\n \u{1b}[2Jno such\tuser\r\nmore".into());
        let failure = judge("http://a", Status::NotFound, &Headers::new(), &said).unwrap_err();
        assert_eq!(failure.reason(), "--post http://a: 404 Not Found:  [2Jno such user");
        assert!(failure.is_permanent());
    }

    #[test]
    fn what_passes_is_tried_again_and_the_rest_is_dead() {
        let none = Headers::new();
        let verdict = |code: u16| judge("x", Status::try_from(code).unwrap(), &none, &Excerpt::default());
        assert!([200, 201, 202, 204, 206].iter().all(|code| verdict(*code).is_ok()));
        for code in [408, 425, 429, 500, 501, 502, 503, 504, 507] {
            assert!(!verdict(code).unwrap_err().is_permanent(), "{code}");
        }
        for code in [101, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451] {
            assert!(verdict(code).unwrap_err().is_permanent(), "{code}");
        }
    }
}
