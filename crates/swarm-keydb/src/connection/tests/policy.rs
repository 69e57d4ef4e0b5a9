//! What follows the end of a connection.

use swarm_resp::ServerError;

use super::*;
use crate::connection::{Disconnect, HandshakeError, Lifetime, Next, Reconnect, Violation};
use crate::failure::Failure;

const SECOND: Duration = Duration::from_secs(1);

fn policy() -> Reconnect {
    Reconnect::new(SECOND, 8 * SECOND)
}

fn refused_credentials() -> Disconnect {
    let error = ServerError::parse(b"WRONGPASS no");
    Violation::Handshake(HandshakeError::Auth(error)).into()
}

#[test]
fn credentials_that_have_been_replaced_are_tried_at_once() {
    for current in [1, 2] {
        let failed = |disconnect| {
            let next = policy()
                .judge(disconnect, Lifetime::Failed, 1, current, false)
                .next;
            matches!(next, Next::Failed(_))
        };
        assert_eq!(failed(refused_credentials()), current == 1);
        assert!(failed(refused().into()), "it is not about the credentials");
        let drained = policy().judge(Disconnect::Drained, Lifetime::Replied, 1, current, false);
        assert_eq!(matches!(drained.next, Next::Drained), current == 1);
    }
}

#[test]
fn another_endpoint_is_tried_at_once_if_the_handshake_with_one_fails() {
    let is_at_once = |disconnect, lifetime, has_alternative| {
        let loss = policy().judge(disconnect, lifetime, 1, 1, has_alternative);
        matches!(loss.next, Next::AtOnce)
    };
    for disconnect in [refused_credentials, || refused().into()] {
        assert!(is_at_once(disconnect(), Lifetime::Failed, true));
        assert!(!is_at_once(disconnect(), Lifetime::Failed, false));
        // It worked, so the others learn of its loss from the attempt to connect again.
        assert!(!is_at_once(disconnect(), Lifetime::Replied, true));
    }
}

#[test]
fn a_server_that_keeps_asking_for_other_connections_gets_one_per_longest_delay() {
    let mut policy = policy();
    let now = Instant::now();
    let may = [0, 1, 7, 8, 9, 16].map(|second| policy.may_drain(now + second * SECOND));
    assert_eq!(may, [true, false, false, true, false, true]);
    assert!(!policy.enabled(false).may_drain(now + 60 * SECOND));
}

#[test]
fn only_a_lost_connection_is_dialed_again() {
    let now = Instant::now();
    let lost = Failure::lost(false, &Arc::new(refused()));
    assert!(policy().dial_delay(&lost, now).is_some());
    assert_eq!(policy().enabled(false).dial_delay(&lost, now), None);
    let closed = Failure::Closed { sent: false };
    assert_eq!(policy().dial_delay(&closed, now), None);
}

#[test]
fn success_makes_delays_short_again() {
    let (mut policy, now) = (policy(), Instant::now());
    // The delays are random; so many are short only after a success.
    for _ in 0..100 {
        for _ in 0..4 {
            policy.retry_delay(None, now);
        }
        policy.succeeded();
        assert!(policy.retry_delay(None, now) <= SECOND);
    }
}
