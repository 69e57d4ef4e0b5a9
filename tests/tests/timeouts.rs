//! What the error of a timeout tells about a real server: what the command waited for, at which
//! address, and after how many attempts.

use std::error::Error as _;
use std::time::Duration;

use swarm_keydb::{Client, ClientOptions, ErrorKind, Outcome, blocking};
use swarm_tests::{connected, connected_with, within};
use tokio::net::TcpListener;

const SHORT: Duration = Duration::from_millis(50);

/// Returns the URL of a port that nobody listens on, with a secret.
async fn closed_port() -> (ClientOptions, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    let options = ClientOptions::new(format!("ws://{host}/?token=s3cret"))
        .http_fallback(false)
        .request_timeout(Duration::from_millis(700))
        .reconnect_base_delay(Duration::from_millis(10))
        .reconnect_max_delay(Duration::from_millis(100));
    (options, format!("ws://{host}/?***"))
}

#[track_caller]
fn assert_is_unreachable(error: &swarm_keydb::Error, address: &str) {
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
    assert_eq!(error.address(), Some(address));
    assert_eq!(error.elapsed(), Some(Duration::from_millis(700)));
    let attempts = error.attempts().unwrap();
    assert!(attempts >= 3, "{error}");
    let cause = error.transport_error().unwrap();
    assert!(cause.is_refused(), "{error}");
    assert_eq!(error.source().unwrap().to_string(), cause.to_string());
    let text = error.to_string();
    let before = format!("SET: not sent within 700 ms: no connection to {address} ({attempts} ");
    assert!(text.starts_with(&before), "{text}");
    assert!(text.ends_with(&format!(" ms, last: {cause})")), "{text}");
    assert!(!format!("{error:?} {text}").contains("s3cret"), "{text}");
}

#[tokio::test]
async fn an_unreachable_server_is_named_with_the_attempts_and_the_last_error() {
    let (options, address) = closed_port().await;
    let client = Client::connect_lazy(options.clone()).unwrap();
    let error = within(client.set("k", "v")).await.unwrap_err();
    assert_is_unreachable(&error, &address);

    let blocking = tokio::task::spawn_blocking(move || {
        let client = blocking::Client::connect_lazy(options).unwrap();
        client.set("k", "v").unwrap_err()
    });
    assert_is_unreachable(&within(blocking).await.unwrap(), &address);
}

#[tokio::test]
async fn a_missing_reply_is_told_with_its_server_and_time() {
    let (gateway, client) = connected().await;
    let address = gateway.ws_url().trim_end_matches('/');
    for (command, suffix) in [("GET", ""), ("INCR", " (the command may have run)")] {
        let _held = gateway.faults().hold(command);
        let error = match command {
            "GET" => within(client.get("k").timeout(SHORT)).await.map(drop),
            _ => within(client.incr("k").timeout(SHORT)).await.map(drop),
        };
        let error = error.unwrap_err();
        let text = format!("{command}: no reply from {address} within 50 ms{suffix}");
        assert_eq!(error.to_string(), text);
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
        assert_eq!(error.address(), Some(address));
        assert_eq!(error.elapsed(), Some(SHORT));
        assert_eq!(error.attempts(), None);
    }
}

#[tokio::test]
async fn a_full_queue_is_told_with_the_limit_that_was_reached() {
    for (fails, text) in [
        (false, "PING: not sent within 50 ms: the send queue is full"),
        (true, "PING: the send queue is full"),
    ] {
        let (gateway, client) =
            connected_with(|options| options.max_in_flight(2).fail_when_full(fails)).await;
        let hold = gateway.faults().hold("GET");
        let reading = [tokio::spawn(client.get("a")), tokio::spawn(client.get("b"))];
        within(hold.reached(2)).await;
        let error = within(client.ping().timeout(SHORT)).await.unwrap_err();
        let rest = "(2 of 2 commands); send fewer commands at once, or raise max_in_flight";
        assert_eq!(error.to_string(), format!("{text} {rest}"));
        assert_eq!(error.outcome(), Some(Outcome::NotSent));
        hold.release();
        for reply in reading {
            within(reply).await.unwrap().unwrap();
        }
    }
}
