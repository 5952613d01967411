//! What a response says about a task.

use std::time::{Duration, SystemTime};

use fourfold::Failure;
use futures_lite::future::or;
use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    body::{Body, Bytes},
    header::{HeaderMap, HeaderName, LOCATION, RETRY_AFTER},
};
use smol::Timer;

use crate::handler::codes::Rules;

/// The size of the part of a body that is searched for the reason, in bytes.
const EXCERPT: usize = 1024;
/// The maximum size of a body that is read so that its connection can be used again, in bytes.
const BODY_MAX: usize = 64 * 1024;
/// The maximum size of an answer that is kept, in bytes.
const ANSWER_MAX: usize = 8 << 20;
/// How long each part of a body is waited for once the status is there.
const BODY_WAIT: Duration = Duration::from_secs(1);
/// How long a whole answer is waited for; a body that is no answer as long as a part of one.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// A server cannot put a task off for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// Follows the beginning of a body that was longer.
const CUT: &str = " … (cut)";

/// The beginning of a response's body: of one that is an answer, nearly always all of it.
#[derive(Debug, Default)]
pub(super) struct Excerpt {
    is_answer: bool,
    bytes: Vec<u8>,
    /// More came than there is room for.
    is_cut: bool,
}

impl Excerpt {
    /// Creates the excerpt of a body that comes with this status.
    pub(super) fn new(status: StatusCode) -> Self {
        Self { is_answer: status.is_success(), ..Self::default() }
    }

    /// Reads as much as is worth it; returns whether that was all.
    pub(super) async fn read<B>(&mut self, mut body: B) -> Result<bool, B::Error>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let wait = if self.is_answer { ANSWER_WAIT } else { BODY_WAIT };
        let all = async {
            let mut total = 0;
            while total < if self.is_answer { ANSWER_MAX } else { BODY_MAX } {
                let frame = async { Some(body.frame().await) };
                let Some(frame) = or(frame, after(BODY_WAIT)).await else { return Ok(false) };
                let Some(frame) = frame else { return Ok(true) };
                // Trailers say nothing here.
                let Ok(data) = frame?.into_data() else { continue };
                total += data.len();
                self.add(&data);
            }
            Ok(false)
        };
        or(async { Some(all.await) }, after(wait)).await.unwrap_or(Ok(false))
    }

    /// Returns the answer, which ends with a newline unless it is empty.
    pub(super) fn into_answer(mut self) -> Vec<u8> {
        if self.bytes.last().is_some_and(|last| *last != b'\n') {
            self.bytes.push(b'\n');
        }
        self.bytes
    }

    fn add(&mut self, data: &[u8]) {
        let room = if self.is_answer { ANSWER_MAX } else { EXCERPT } - self.bytes.len();
        self.is_cut |= data.len() > room;
        self.bytes.extend_from_slice(&data[..data.len().min(room)]);
    }

    /// Returns its first line, fit for a terminal.
    fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim_start();
        let line = text.lines().next().unwrap_or_default();
        // The end of the excerpt is in this line.
        let is_cut = self.is_cut && line.len() == text.len();
        let line = if is_cut { line.trim_end_matches(char::REPLACEMENT_CHARACTER) } else { line.trim_end() };
        line.chars().map(plain).chain(CUT.chars().filter(|_| is_cut)).collect()
    }
}

async fn after<T>(time: Duration) -> Option<T> {
    Timer::after(time).await;
    None
}

fn plain(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// Decides what the status means for the task; `from` is who said it.
///
/// A class is known for every number of three digits: from 600 on, where there is none, a status is a server's error.
pub(super) fn judge(
    from: &str,
    status: StatusCode,
    headers: &HeaderMap,
    said: &Excerpt,
    rules: &Rules,
) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let mut reason = format!("--post {from}: {}", status.as_u16());
    if let Some(name) = status.canonical_reason() {
        reason = format!("{reason} {name}");
    }
    let line = said.line();
    if !line.is_empty() {
        reason = format!("{reason}: {line}");
    }
    let text = |name: HeaderName| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    if status.is_redirection() {
        reason.push_str(" (redirects are not followed");
        if let Some(location) = text(LOCATION) {
            reason.push_str(", this one leads to ");
            reason.extend(location.chars().take(200).map(plain));
        }
        reason.push(')');
    }
    let passes = matches!(status.as_u16(), 408 | 425 | 429 | 500..);
    let is_final = rules.is_final(status.as_u16(), !passes);
    let after = text(RETRY_AFTER).and_then(|text| retry_after(&text, SystemTime::now()));
    Err(match after {
        _ if is_final => Failure::permanent(reason),
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

    fn excerpt(text: &str) -> Excerpt {
        let mut excerpt = Excerpt::default();
        text.as_bytes().chunks(100).for_each(|chunk| excerpt.add(chunk));
        excerpt
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_says_so() {
        assert_eq!(excerpt(&"x".repeat(EXCERPT)).line(), "x".repeat(EXCERPT));
        let line = excerpt(&"ü".repeat(EXCERPT)).line();
        assert_eq!(line, format!("{} … (cut)", "ü".repeat(EXCERPT / 2)));
        assert_eq!(excerpt(&format!("short\n{}", "x".repeat(EXCERPT))).line(), "short");
    }

    #[test]
    fn the_reason_is_the_first_line_without_what_a_terminal_obeys() {
        let said = excerpt("\r\n \u{1b}[2Jno such\tuser\r\nmore");
        let failure =
            judge("http://a", StatusCode::NOT_FOUND, &HeaderMap::new(), &said, &Rules::default()).unwrap_err();
        assert_eq!(failure.reason(), "--post http://a: 404 Not Found:  [2Jno such user");
        assert!(failure.is_permanent());
    }

    #[test]
    fn what_passes_is_tried_again_and_the_rest_is_dead() {
        let none = HeaderMap::new();
        let verdict =
            |code: u16| judge("x", StatusCode::from_u16(code).unwrap(), &none, &Excerpt::default(), &Rules::default());
        for code in 100..1000 {
            let verdict = verdict(code);
            if (200..300).contains(&code) {
                assert_eq!(verdict, Ok(()), "{code}");
                continue;
            }
            let failure = verdict.unwrap_err();
            let passes = [408, 425, 429].contains(&code) || code >= 500;
            assert_eq!(failure.is_permanent(), !passes, "{code}");
            assert!(failure.reason().starts_with(&format!("--post x: {code}")), "{}", failure.reason());
        }
    }
}
