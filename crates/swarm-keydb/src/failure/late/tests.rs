//! The texts of calls that did not end in time.

use swarm_transport::TransportErrorKind;

use super::*;

fn late(wait: Wait) -> Late {
    Late {
        sent: false,
        address: Some("ws://h:1".into()),
        waited: Some(Duration::from_millis(700)),
        wait,
    }
}

fn outage(attempts: u32) -> Outage {
    let since = Instant::now();
    let error = TransportError::new(TransportErrorKind::Refused, "connection refused");
    Outage {
        since: Some(since),
        attempts,
        last_attempt: Some(since + Duration::from_millis(650)),
        error: Some(Arc::new(error)),
        on_fallback: false,
    }
}

const LOAD: QueueLoad = QueueLoad {
    commands: 8192,
    max_commands: 8192,
    bytes: 900,
    max_bytes: 1_048_576,
};

/// Pins each text.
#[test]
fn each_wait_has_its_text() {
    let bytes = QueueLoad {
        commands: 8191,
        bytes: 1_048_000,
        ..LOAD
    };
    let on_fallback = Outage {
        on_fallback: true,
        ..outage(1)
    };
    for (wait, text) in [
        (
            Wait::Connection(outage(3), None),
            "no connection to ws://h:1 (3 attempts in 650 ms, last: connection refused)",
        ),
        (
            Wait::Connection(outage(1), None),
            "no connection to ws://h:1 (1 attempt: connection refused)",
        ),
        (
            Wait::Connection(outage(0), None),
            "no connection to ws://h:1 (lost: connection refused)",
        ),
        (Wait::default(), "no connection to ws://h:1"),
        (
            Wait::Connection(on_fallback, None),
            "no connection to ws://h:1 (1 attempt: connection refused); the HTTP fallback is in \
             use, but has not taken the command",
        ),
        (
            Wait::Connection(Outage::default(), Some(LOAD)),
            "no connection to ws://h:1; the send queue is full (8,192 of 8,192 commands); send \
             fewer commands at once, or raise max_in_flight",
        ),
        (
            Wait::Queue(LOAD),
            "the send queue is full (8,192 of 8,192 commands); send fewer commands at once, or \
             raise max_in_flight",
        ),
        (
            Wait::Queue(bytes),
            "the send queue is full (1,048,000 of 1,048,576 bytes); send fewer commands at once, \
             or raise max_in_flight_bytes",
        ),
        (
            Wait::InFlight(12),
            "the connection to ws://h:1 takes no more commands at the moment (12 in flight)",
        ),
        (
            Wait::Alone,
            "a command that must be alone on the connection has not been answered yet",
        ),
        (
            Wait::Drain,
            "the connection to ws://h:1 is being replaced, and earlier replies are pending",
        ),
        (
            Wait::Silent,
            "ws://h:1 does not respond, and a reply is overdue",
        ),
        (
            Wait::Fallback,
            "earlier commands over the HTTP fallback are not answered yet",
        ),
        (
            Wait::Pool,
            "earlier commands with a common key, or on all connections to ws://h:1, are not \
             answered yet",
        ),
        (Wait::Keys, "other commands are writing the same keys"),
        #[cfg(feature = "cluster")]
        (
            Wait::Slot,
            "no node serves the slot, or earlier commands on it have not been answered yet",
        ),
    ] {
        let unsent = late(wait);
        assert_eq!(
            unsent.to_string(),
            format!("not sent within 700 ms: {text}")
        );
        let sent = Late {
            sent: true,
            ..unsent
        };
        let before = "sent over a connection that was lost, and not sent again within 700 ms: ";
        assert_eq!(sent.to_string(), format!("{before}{text}"));
    }
    let reply = late(Wait::Reply);
    assert_eq!(reply.to_string(), "no reply from ws://h:1 within 700 ms");
    let unknown = Late {
        sent: true,
        wait: Wait::Reply,
        ..Late::default()
    };
    let text = "no reply from the server within the timeout";
    assert_eq!(unknown.to_string(), text);
}

#[test]
fn times_and_counts_are_short() {
    for (micros, text) in [
        (0, "0 ms"),
        (1, "1 ms"),
        (700_000, "700 ms"),
        (1_000_000, "1 s"),
        (1_250_000, "1250 ms"),
        (12_340_000, "12.3 s"),
        (3_600_000_000, "3600 s"),
    ] {
        assert_eq!(Time(Duration::from_micros(micros)).to_string(), text);
    }
    for (count, text) in [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (1_048_576, "1,048,576"),
    ] {
        assert_eq!(Count(count).to_string(), text);
    }
}
