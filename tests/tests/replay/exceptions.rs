//! Differences that are known, with the reason of each.

/// A step that may differ.
pub(crate) struct Exception {
    pub(crate) file: &'static str,
    /// Listener, seed, and number of the step, or the number of the request.
    pub(crate) place: &'static str,
    pub(crate) reason: &'static str,
}

const fn exception(file: &'static str, place: &'static str, reason: &'static str) -> Exception {
    Exception {
        file,
        place,
        reason,
    }
}

const NO_LENGTH: &str = "the HTTP library leaves the length out of a 204, as RFC 9110 demands";

/// Steps that differ for a reason. One that no longer differs must leave the list.
pub(crate) const EXCEPTIONS: &[Exception] = &[
    exception("http.jsonl", "97", NO_LENGTH),
    exception("http.jsonl", "98", NO_LENGTH),
];

/// Number of differences that remain, by file and kind. It must only be lowered.
pub(crate) const REMAINING: &[(&str, &str, usize)] = &[];
