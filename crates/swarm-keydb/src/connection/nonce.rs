//! Nonces that the server must echo, to prove that replies still match requests.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use swarm_resp::{Frame, Request};

use crate::runtime::SystemTime;

/// 128 random bits, as text. Authors of scripts or values cannot predict a nonce, so a reply that
/// equals it answers the request that carried it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Nonce([u8; 32]);

impl Nonce {
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // Fallback if the operating system provides no random bytes: the standard library's
            // randomly keyed hasher.
            let hash = || RandomState::new().hash_one(SystemTime::now());
            let (low, high) = (u128::from(hash()), u128::from(hash()));
            bytes = (high << 64 | low).to_ne_bytes();
        }
        let mut text = [0; 32];
        for (digits, byte) in text.chunks_exact_mut(2).zip(bytes) {
            let digit = |half: u8| b"0123456789abcdef".get(usize::from(half)).copied();
            for (place, half) in digits.iter_mut().zip([byte >> 4, byte & 15]) {
                *place = digit(half).unwrap_or_default();
            }
        }
        Self(text)
    }

    /// Returns a request whose reply is the nonce: `ECHO` or `PING`.
    pub(crate) fn request(&self, command: &'static str) -> Request {
        Request::new(command, &self.0[..])
    }

    /// Whether a text equals the nonce, byte for byte.
    pub(crate) fn is(&self, text: &[u8]) -> bool {
        text == self.0
    }

    /// Whether a reply is the nonce and nothing else.
    pub(crate) fn is_echoed_by(&self, reply: &Frame) -> bool {
        reply.as_bytes().is_some_and(|text| self.is(text))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_nonce_is_matched_to_the_byte_and_no_two_are_equal() {
        let nonce = Nonce::new();
        let text = nonce.request("ECHO").args().nth(1).unwrap().to_vec();
        assert_eq!(text.len(), 32);
        assert!(text.iter().all(u8::is_ascii_hexdigit));
        assert!(nonce.is_echoed_by(&Frame::bulk(text.clone())));
        let mut longer = text.clone();
        longer.push(b' ');
        let upper = text.to_ascii_uppercase();
        let nested = Frame::array(&[Frame::bulk(text)]);
        for other in [Frame::bulk(longer), nested, Frame::null(), Frame::bulk("")] {
            assert!(!nonce.is_echoed_by(&other), "{other:?}");
        }
        assert!(!nonce.is(&upper) || upper.iter().all(u8::is_ascii_digit));
        let many: HashSet<_> = (0..1000).map(|_| Nonce::new().0).collect();
        assert_eq!(many.len(), 1000);
    }
}
