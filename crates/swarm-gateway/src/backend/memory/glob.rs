//! Glob matching for keys and channels, as in Redis.

/// Returns whether a key matches a pattern.
pub(super) fn matches_key(pattern: &[u8], key: &[u8]) -> bool {
    pattern == b"*" || matches(pattern, key)
}

/// Returns whether `text` matches a pattern of `*`, `?`, `[a-z]`, `[^a]`, and `\` as an escape.
/// Only the empty pattern matches an empty text.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut pattern, mut text) = (pattern, text);
    // Where to resume when the pattern after the last star fails: one character further.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((pattern, text));
            continue;
        }
        match (pattern.is_empty(), text.split_first()) {
            (true, None) => return true,
            (false, Some((first, rest))) => {
                if let (true, after) = one(pattern, *first) {
                    (pattern, text) = (after, rest);
                    continue;
                }
            }
            (false, None) => return false,
            (true, Some(_)) => {}
        }
        let Some((after_star, [_, from @ ..])) = retry else {
            return false;
        };
        (pattern, text) = (after_star, from);
        retry = Some((after_star, from));
    }
}

/// Matches the first pattern element, which is not a star, against a byte. Returns whether it
/// matches and the rest of the pattern.
fn one(pattern: &[u8], byte: u8) -> (bool, &[u8]) {
    match pattern {
        [b'?', rest @ ..] => (true, rest),
        [b'[', rest @ ..] => class(rest, byte),
        [b'\\', escaped, rest @ ..] => (*escaped == byte, rest),
        [literal, rest @ ..] => (*literal == byte, rest),
        [] => (false, pattern),
    }
}

/// Matches a character class after its `[`. An unclosed class extends to the end of the pattern.
fn class(mut pattern: &[u8], byte: u8) -> (bool, &[u8]) {
    let negated = matches!(pattern, [b'^', ..]);
    if negated {
        pattern = pattern.get(1..).unwrap_or_default();
    }
    let mut found = false;
    loop {
        pattern = match pattern {
            [] => break,
            [b'\\', escaped, rest @ ..] => {
                found |= *escaped == byte;
                rest
            }
            [b']', rest @ ..] => {
                pattern = rest;
                break;
            }
            [start, b'-', end, rest @ ..] => {
                let (low, high) = (start.min(end), start.max(end));
                found |= (low..=high).contains(&&byte);
                rest
            }
            [literal, rest @ ..] => {
                found |= *literal == byte;
                rest
            }
        };
    }
    (found != negated, pattern)
}

#[cfg(test)]
mod tests {
    use super::{matches, matches_key};

    #[test]
    fn as_redis_matches() {
        for (pattern, text) in [
            ("", ""),
            ("*", "a"),
            ("a**", "a"),
            ("h?llo", "hello"),
            ("h*llo", "heeeello"),
            ("*a*b*", "xxaxxbxx"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hbllo"),
            ("h[a-c]llo", "hbllo"),
            ("h[c-a]llo", "hbllo"),
            ("h\\*llo", "h*llo"),
            ("[\\]]", "]"),
            ("[ab", "a"),
        ] {
            assert!(
                matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} {text}"
            );
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("?", ""),
            ("*", ""),
            ("**", ""),
            ("h[^e]llo", "hello"),
            ("*a", "ab"),
            ("[]", "]"),
            ("a*b", "ac"),
        ] {
            assert!(
                !matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_star_lists_the_empty_key() {
        assert!(matches_key(b"*", b""));
        assert!(!matches_key(b"**", b""));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "a*".repeat(60) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(5_000).as_bytes()));
    }
}
