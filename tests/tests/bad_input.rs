//! Invalid arguments, URLs, and passwords: each is a typed error with a remedy, and nothing hangs.

use std::time::{Duration, SystemTime};

use swarm_gateway::{Dialect, Gateway};
use swarm_keydb::{Client, ClientOptions, Error, ErrorKind, Outcome, SetOptions};
use swarm_tests::{Redis, UPSTREAM, connected, gateway, within};

#[tokio::test]
async fn a_url_of_the_wrong_scheme_names_the_scheme() {
    let error = within(Client::connect("ftp://localhost:8765/"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(text.contains("ftp") && text.contains("ws://"), "{text}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_a_connection_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = within(Client::connect(url)).await.unwrap_err();
    assert!(error.is_connection(), "{error}");
    assert!(
        error
            .transport_error()
            .is_some_and(|error| error.is_refused()),
        "{error:?}"
    );
    assert_eq!(error.outcome(), None);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_peer_that_never_answers_is_a_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let options = ClientOptions::new(url).connect_timeout(Duration::from_millis(200));
    let error = within(Client::connect(options)).await.unwrap_err();
    assert!(
        error
            .transport_error()
            .is_some_and(|error| error.is_timeout()),
        "{error:?}"
    );
}

#[tokio::test]
async fn wrong_and_missing_passwords_are_auth_errors() {
    let builder = Gateway::builder().password("right").ws("127.0.0.1:0");
    let gateway = builder.start().await.unwrap();
    let url = gateway.ws_url();

    let client = within(Client::connect(ClientOptions::new(url).password("right")))
        .await
        .unwrap();
    within(client.ping()).await.unwrap();

    for options in [
        ClientOptions::new(url).password("wrong"),
        ClientOptions::new(url),
    ] {
        let error = within(Client::connect(options)).await.unwrap_err();
        assert!(error.is_auth(), "{error}");
        assert!(error.to_string().contains("password"), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("wrong"), "a password is shown: {shown}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn keys_that_the_server_cannot_take_are_refused_before_they_are_sent() {
    let (gateway, client) = connected().await;
    for key in ["a\r\nb", "a\nb", "\r", ""] {
        let error = within(client.get(key)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{key:?}: {error}");
        assert_eq!(error.outcome(), Some(Outcome::NotSent));
        assert_eq!(error.command(), Some("GET"));
        assert!(within(client.mget(["good", key])).await.is_err());
        assert!(
            within(client.mset([("good", "1"), (key, "2")]))
                .await
                .is_err()
        );
        assert!(within(client.set(key, "value")).await.is_err());
    }
    assert!(within(client.del(Vec::<String>::new())).await.is_err());
    assert!(
        within(client.mset(Vec::<(&str, &str)>::new()))
            .await
            .is_err()
    );
    for command in ["GET", "MGET", "MSET", "SET", "DEL"] {
        assert_eq!(gateway.executions(command), 0, "{command} was sent");
    }
}

#[tokio::test]
async fn values_that_the_gateway_would_change_are_refused_before_they_are_sent() {
    let (gateway, client) = connected().await;
    // A truncated four-byte sequence: the gateway would store U+FFFD instead and reply OK.
    let error = within(client.set("key", b"\xf0\x9f\x92"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
    assert!(error.to_string().contains("UTF-8"), "{error}");
    assert_eq!(gateway.executions("SET"), 0);
    within(client.ping()).await.unwrap();

    // A gateway known to be binary-safe receives any bytes.
    let options =
        ClientOptions::new(gateway.ws_url()).transport(|transport| transport.binary_safe(true));
    let client = within(Client::connect(options)).await.unwrap();
    within(client.set("key", b"\xf0\x9f\x92")).await.unwrap();
    assert_eq!(
        client.get("key").await.unwrap().as_deref(),
        Some(b"\xf0\x9f\x92".as_slice())
    );
}

const BINARY: &[u8] = b"\xff\x00";

fn assert_refused_as_text(what: &str, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Argument, "{what}: {error}");
    assert_eq!(error.outcome(), Some(Outcome::NotSent), "{what}: {error}");
    assert!(!error.is_retryable(), "{what}: {error}");
    let text = error.to_string();
    assert!(text.contains("UTF-8"), "{what}: {text}");
    assert!(text.contains("SwarmKeyDb"), "{what}: {text}");
}

/// SwarmKeyDb decodes keys and other names as UTF-8 on every port, so `\xff` and `\xfe` would be
/// the same key.
#[tokio::test]
async fn names_that_swarmkeydb_would_change_are_refused_where_values_are_any_bytes() {
    let (upstream, fixed) = (gateway(UPSTREAM).await, gateway(Dialect::STANDARD).await);
    for (gateway, options) in [
        (&upstream, ClientOptions::new(upstream.tcp_url())),
        (&fixed, ClientOptions::new(fixed.tcp_url())),
        (
            &fixed,
            ClientOptions::new(fixed.ws_url()).transport(|transport| transport.binary_safe(true)),
        ),
    ] {
        let client = within(Client::connect(options)).await.unwrap();
        within(client.set("key", BINARY)).await.unwrap();
        within(client.mset([("a", BINARY), ("b", BINARY)]))
            .await
            .unwrap();
        assert_eq!(
            within(client.get("key")).await.unwrap().as_deref(),
            Some(BINARY)
        );
        within(client.publish("channel", BINARY)).await.unwrap();
        within(client.xadd("stream", [(BINARY, BINARY)]))
            .await
            .unwrap();
        let before = ["GET", "SET", "EXEC", "SUBSCRIBE"].map(|name| gateway.executions(name));

        macro_rules! refused {
            ($($command:expr),+ $(,)?) => {$(
                let error = within(async { $command.await.map(drop) }).await.unwrap_err();
                assert_refused_as_text(stringify!($command), &error);
            )+};
        }
        refused!(
            client.get(BINARY),
            client.set(BINARY, "value"),
            client.mget([b"good".as_slice(), BINARY]),
            client.mset([(b"good".as_slice(), "1"), (BINARY, "2")]),
            client.del([BINARY]),
            client.incr(BINARY),
            client.publish(BINARY, "text"),
            client.eval("return 1", (), BINARY),
            client.script_load(BINARY),
            client.xadd(BINARY, [("field", "value")]),
            client.xack("stream", BINARY, [swarm_keydb::StreamId::MIN]),
            client.raw("GET", BINARY),
            client.raw("HSET", ("h", "f", BINARY)),
            client.subscribe(BINARY),
            client.psubscribe(BINARY),
            client.subscribe([BINARY, b"good".as_slice()]),
        );
        let mut exclusive = within(client.exclusive()).await.unwrap();
        refused!(exclusive.watch(BINARY), exclusive.get(BINARY));

        // A rejected command withholds its whole batch.
        let pipeline = client.pipeline();
        let commands = (pipeline.set("key", "changed"), pipeline.get(BINARY));
        let (good, bad) = within(pipeline.send(commands)).await;
        let withheld = good.unwrap_err();
        assert_eq!(withheld.outcome(), Some(Outcome::NotSent), "{withheld}");
        assert_refused_as_text("pipeline", &bad.unwrap_err());
        let transaction = client.transaction();
        let good = transaction.set("key", "changed");
        let bad = transaction.set(BINARY, "value");
        let error = within(transaction.exec((good, bad))).await.unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::NotSent), "{error}");

        let after = ["GET", "SET", "EXEC", "SUBSCRIBE"].map(|name| gateway.executions(name));
        assert_eq!(after, before, "nothing of this was sent");
        assert_eq!(
            within(client.get("key")).await.unwrap().as_deref(),
            Some(BINARY)
        );
    }
}

#[tokio::test]
async fn redis_keeps_names_of_any_bytes() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url())).await.unwrap();
    within(client.set(BINARY, "one")).await.unwrap();
    within(client.set(b"\xfe\x00", "two")).await.unwrap();
    assert_eq!(
        within(client.get_as::<String>(BINARY)).await.unwrap(),
        Some("one".to_owned())
    );
    let echoed = within(client.eval("return ARGV[1]", (), BINARY)).await;
    assert_eq!(echoed.unwrap().as_bytes(), Some(BINARY));
    let _subscription = within(client.subscribe(BINARY)).await.unwrap();
    assert_eq!(within(client.publish(BINARY, "text")).await.unwrap(), 1);
}

#[tokio::test]
async fn options_that_make_no_sense_are_named() {
    let url = "ws://127.0.0.1:1/";
    let cases = [
        (
            ClientOptions::new(url).request_timeout(Duration::ZERO),
            "request_timeout",
        ),
        (
            ClientOptions::new(url).connect_timeout(Duration::ZERO),
            "connect_timeout",
        ),
        (ClientOptions::new(url).max_in_flight(0), "max_in_flight"),
        (
            ClientOptions::new(url).max_connections(0),
            "max_connections",
        ),
        (
            ClientOptions::new(url)
                .min_connections(3)
                .max_connections(2),
            "min_connections",
        ),
        (ClientOptions::new(url).password(""), "password"),
    ];
    for (options, name) in cases {
        let error = within(Client::connect(options)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}

#[tokio::test]
async fn contradictions_and_zero_durations_are_refused() {
    let (gateway, client) = connected().await;
    let contradictions = [
        SetOptions::new().nx().xx(),
        SetOptions::new().ex(1).px(1),
        SetOptions::new().ex(1).keepttl(),
        SetOptions::new().ex(1).expire_at(SystemTime::now()),
        SetOptions::new().expire_at(SystemTime::UNIX_EPOCH),
        SetOptions::new().ex(0),
    ];
    for options in contradictions {
        let error = within(client.set_with("key", "value", options))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{options:?}");
    }
    assert!(within(client.expire("key", Duration::ZERO)).await.is_err());
    assert!(within(client.pexpire("key", Duration::ZERO)).await.is_err());
    assert_eq!(gateway.executions("SET") + gateway.executions("EXPIRE"), 0);
}

#[tokio::test]
async fn raw_refuses_what_would_harm_other_tasks() {
    let (gateway, client) = connected().await;
    let harmful = [
        "MULTI",
        "subscribe news",
        "AUTH x",
        "AUTHADDR 0x1",
        "authdid did:example:1",
        "CLIENT SETNAME x",
        "REPLCONF ACK 0",
        "XREADGROUP GROUP streams c BLOCK 0 STREAMS news >",
        "HELLO 3",
        "WATCH k",
        "CLIENT REPLY OFF",
        "QUIT",
        "",
        "A\r\nB",
    ];
    for command in harmful {
        let error = within(client.raw(command, ())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{command}: {error}");
    }
    assert_eq!(
        gateway.executions("AUTHADDR") + gateway.executions("AUTHDID"),
        0
    );
    assert!(
        within(client.raw("CLIENT", ("REPLY", "OFF")))
            .await
            .is_err()
    );
    within(client.ping()).await.unwrap();
}
