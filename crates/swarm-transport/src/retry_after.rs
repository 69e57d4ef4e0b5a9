//! Parses the `Retry-After` header of an HTTP response (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

/// Maximum wait, because the value is under the peer's control.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns how long a response asks the client to wait, from its `Retry-After` and `Date` headers.
///
/// `Retry-After` is a number of seconds or a date. A date is compared with the response's own
/// `Date` if there is one, so clock skew between client and server cancels out. A date in the past
/// is a wait of zero. Returns `None` if the header is absent or malformed.
pub(crate) fn wait(retry_after: Option<&[u8]>, date: Option<&[u8]>) -> Option<Duration> {
    let value = str::from_utf8(retry_after?).ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that overflows is a long wait, not a malformed value.
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(MAX));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = date
        .and_then(|date| str::from_utf8(date).ok())
        .and_then(|date| httpdate::parse_http_date(date.trim()).ok())
        .unwrap_or_else(now);
    Some(until.duration_since(now).unwrap_or_default().min(MAX))
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn now() -> SystemTime {
    SystemTime::now()
}

/// The clock of std panics in a browser.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn now() -> SystemTime {
    use web_time::web::SystemTimeExt;
    web_time::SystemTime::now().to_std()
}

#[cfg(test)]
mod tests {
    //! Both forms of the header, malformed values, and the bound.

    use super::*;

    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn parse(value: &str) -> Option<Duration> {
        wait(Some(value.as_bytes()), Some(NOW.as_bytes()))
    }

    #[test]
    fn seconds_and_dates_are_parsed_and_bounded() {
        let cases = [
            ("0", 0),
            (" 120 ", 120),
            ("86401", 86_400),
            ("99999999999999999999999999", 86_400),
            ("Sun, 06 Nov 1994 08:50:07 GMT", 30),
            ("Sunday, 06-Nov-94 08:50:07 GMT", 30),
            ("Sun Nov  6 08:50:07 1994", 30),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ];
        for (value, seconds) in cases {
            assert_eq!(parse(value), Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    #[test]
    fn malformed_values_are_ignored() {
        for value in ["", " ", "-1", "+1", "1.5", "1e3", "soon", "6 Nov 1994", "٣"] {
            assert_eq!(parse(value), None, "{value}");
        }
        assert_eq!(wait(Some(b"\xff"), None), None);
        assert_eq!(wait(None, Some(NOW.as_bytes())), None);
    }

    #[test]
    fn a_date_is_compared_with_the_local_clock_if_the_response_has_no_date() {
        let until = SystemTime::now() + Duration::from_secs(3600);
        let value = httpdate::fmt_http_date(until);
        for date in [None, Some(b"yesterday".as_slice())] {
            let wait = wait(Some(value.as_bytes()), date).unwrap();
            // An HTTP date has no fractions of a second, and a loaded machine may pause here.
            let expected = Duration::from_secs(3000)..=Duration::from_secs(3600);
            assert!(expected.contains(&wait), "{wait:?}");
        }
        let past = wait(Some(NOW.as_bytes()), None);
        assert_eq!(past, Some(Duration::ZERO));
    }
}
