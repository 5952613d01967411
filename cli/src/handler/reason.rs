//! Reasons of failures, as long as they may be.

/// The greatest length of a reason, in bytes: it goes into dead letters, traces and to all who
/// watch.
const REASON_MAX: usize = 16 * 1024;

/// Returns a reason that is not longer than it may be; one that was cut says so.
pub(super) fn cut(mut reason: String) -> String {
    if reason.len() > REASON_MAX {
        let length = reason.len();
        reason.truncate(reason.floor_char_boundary(REASON_MAX));
        reason.push_str(&format!("… (cut: {length} bytes)"));
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_and_says_so() {
        assert_eq!(cut("short".to_owned()), "short");
        let reason = cut("ö".repeat(1_000_000));
        assert!(reason.len() < REASON_MAX + 100 && reason.ends_with("ö… (cut: 2000000 bytes)"));
        assert_eq!(cut("x".repeat(REASON_MAX)).len(), REASON_MAX);
    }
}
