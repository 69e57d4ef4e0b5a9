//! Tests of the published state and metrics.

use swarm_transport::TransportErrorKind;

use super::*;

/// Catches a watch that reports unchanged states or never ends.
#[tokio::test(start_paused = true)]
async fn each_change_is_reported_once_and_closed_is_the_last() {
    let status = Status::new(None);
    let mut watch = status.watch();
    for state in [State::Reconnecting, State::Reconnecting] {
        status.set(state);
        status.note_load(1, 0);
    }
    assert_eq!(watch.changed().await, Some(State::Reconnecting));
    // The state has not changed, although other values have.
    status.set(State::Reconnecting);
    let error = TransportError::new(TransportErrorKind::Refused, "connection refused");
    status.note_failed_dial(FailedDial {
        refused: None,
        failure: Failure::Closed { sent: false },
        error: Arc::new(error),
    });
    let second = Duration::from_secs(1);
    assert!(tokio::time::timeout(second, watch.changed()).await.is_err());
    // A state that ended before the receiver looked is not reported.
    status.set(State::Connected);
    status.set(State::Reconnecting);
    assert!(tokio::time::timeout(second, watch.changed()).await.is_err());
    status.set(State::Closed);
    assert_eq!(watch.changed().await, Some(State::Closed));
    for _ in 0..2 {
        assert_eq!(watch.changed().await, None);
    }
    assert_eq!(status.watch().changed().await, None);
    assert!(!watch.reached(State::Connected).await);
    assert!(watch.reached(State::Closed).await);
}

#[test]
fn quantiles_are_upper_bounds() {
    let status = Status::new(None);
    assert_eq!(status.stats(0).round_trips.quantile(0.5), None);
    for micros in [0, 1, 100, 100, 100, 100, 100, 100, 100, 5000] {
        status.note_round_trip(Duration::from_micros(micros));
    }
    status.note_round_trip(Duration::MAX);
    let round_trips = status.stats(0).round_trips;
    assert_eq!(round_trips.count(), 11);
    assert_eq!(round_trips.quantile(0.0), Some(Duration::from_micros(1)));
    assert_eq!(round_trips.quantile(0.5), Some(Duration::from_micros(128)));
    assert_eq!(round_trips.quantile(0.9), Some(Duration::from_micros(8192)));
}
