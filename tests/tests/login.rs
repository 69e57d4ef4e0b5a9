//! Credentials that change while the client runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use swarm_gateway::Gateway;
use swarm_keydb::{Client, ClientOptions, Credentials, Error, Outcome, State};
use swarm_tests::{Redis, targets, within};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const PASSWORD: &str = "s3cret";

/// Returns the URL of one of a gateway's listeners.
type Url = fn(&Gateway) -> &str;
const URLS: [Url; 3] = [Gateway::ws_url, Gateway::tcp_url, Gateway::http_url];

async fn guarded() -> Gateway {
    let builder = Gateway::builder().password(PASSWORD).ws("127.0.0.1:0");
    let builder = builder.tcp("127.0.0.1:0").http("127.0.0.1:0");
    within(builder.start()).await.unwrap()
}

#[tokio::test]
async fn a_client_without_credentials_can_authenticate_later() {
    for url in URLS {
        let gateway = guarded().await;
        let options =
            ClientOptions::new(url(&gateway)).reconnect_max_delay(Duration::from_millis(250));
        let client = Client::connect_lazy(options).unwrap();
        let error = within(client.get("k")).await.unwrap_err();
        assert!(error.is_auth(), "{error}");
        let error = within(client.auth("a guess")).await.unwrap_err();
        assert!(error.is_auth(), "{error}");
        assert!(!format!("{error} {error:?}").contains("guess"), "{error:?}");
        assert!(within(client.get("k")).await.is_err());
        within(client.auth(PASSWORD)).await.unwrap();
        // The next connection uses the new credentials.
        within(async { while client.get("k").await.is_err() {} }).await;
    }
}

#[tokio::test]
async fn a_wrong_password_leaves_the_old_one_in_use() {
    for url in URLS {
        let gateway = guarded().await;
        let options = ClientOptions::new(url(&gateway)).password(PASSWORD);
        let client = within(Client::connect(options)).await.unwrap();
        let error = within(client.auth("a guess")).await.unwrap_err();
        assert!(error.is_auth(), "{error}");
        within(client.set("k", "v")).await.unwrap();
        gateway.faults().cut_after("INCR");
        let error = within(client.incr("n")).await.unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
        within(client.set("k", "v")).await.unwrap();
    }
}

#[tokio::test]
async fn auth_is_alone_on_the_wire() {
    let gateway = guarded().await;
    let options = ClientOptions::new(gateway.ws_url()).password(PASSWORD);
    let client = within(Client::connect(options)).await.unwrap();
    let hold = gateway.faults().hold("INCR");
    let first = tokio::spawn(client.incr("n"));
    within(hold.reached(1)).await;
    let auth = tokio::spawn({
        let client = client.clone();
        async move { client.auth(PASSWORD).await }
    });
    within(async {
        while client.stats().queued < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(gateway.executions("AUTH"), 1, "only the handshake's");
    hold.release();
    assert_eq!(within(first).await.unwrap().unwrap(), 1);
    within(auth).await.unwrap().unwrap();
    assert_eq!(gateway.executions("AUTH"), 2);
}

/// A real server whose password is changed, and which then disconnects all clients.
#[tokio::test]
async fn a_new_password_is_used_by_later_connections() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url())).await.unwrap();
    within(client.config_set("requirepass", PASSWORD))
        .await
        .unwrap();
    within(client.auth(PASSWORD)).await.unwrap();
    let mut states = client.watch_state();
    let kill = ("TYPE", "normal", "SKIPME", "no");
    let _cut_off = within(client.raw("CLIENT KILL", kill)).await;
    assert!(within(states.reached(State::Reconnecting)).await);
    within(client.set("k", "v")).await.unwrap();
    assert_eq!(client.stats().reconnects, 1);
    assert!(within(Client::connect(redis.url())).await.is_err());
}

#[tokio::test]
async fn a_provider_is_asked_at_every_connection() {
    for url in URLS {
        let gateway = guarded().await;
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let options = ClientOptions::new(url(&gateway)).credentials(move || {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, io::Error>(Credentials::password(PASSWORD)) }
        });
        let client = within(Client::connect(options)).await.unwrap();
        let before = asked.load(Ordering::Relaxed);
        assert!(before > 0);
        within(client.set("k", "v")).await.unwrap();
        gateway.faults().cut_after("INCR");
        assert!(within(client.incr("n")).await.is_err());
        within(client.set("k", "v")).await.unwrap();
        assert!(asked.load(Ordering::Relaxed) > before);
    }
}

#[tokio::test]
async fn a_provider_that_fails_or_hangs_is_an_error_in_time() {
    let gateway = guarded().await;
    let fails = || async { Err::<Credentials, _>(io::Error::other("the vault is locked")) };
    let options = ClientOptions::new(gateway.ws_url()).credentials(fails);
    let error = within(Client::connect(options)).await.unwrap_err();
    assert!(error.is_auth(), "{error:?}");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the vault is locked");

    let hangs = std::future::pending::<Result<Credentials, io::Error>>;
    let options = ClientOptions::new(gateway.ws_url()).credentials(hangs);
    let options = options.connect_timeout(Duration::from_millis(100));
    let error = within(Client::connect(options)).await.unwrap_err();
    assert!(error.transport_error().unwrap().is_timeout(), "{error:?}");
}

#[tokio::test]
async fn hello_is_answered_in_every_dialect() {
    for target in targets().await {
        let client = target.connect().await;
        let answer = within(client.hello()).await;
        if target.name.starts_with("http") {
            assert!(answer.is_err(), "{}", target.name);
            continue;
        }
        let info = answer.unwrap_or_else(|error| panic!("{}: {error}", target.name));
        assert!(!info.server.is_empty(), "{}: {info:?}", target.name);
        within(client.ping()).await.unwrap();
    }
}

/// Checks that the error contains the server's own text and does not blame the password.
fn assert_refused(error: &Error, text: &str) {
    assert!(error.is_connection() || error.is_timeout(), "{error:?}");
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(
        error.outcome(),
        error.command().map(|_| Outcome::NotSent),
        "{error:?}"
    );
    assert!(error.to_string().contains(text), "{error}");
    assert!(!error.to_string().contains("password"), "{error}");
}

/// Covers errors about the server's state that are mistaken for wrong credentials or lost: a full
/// server answers every AUTH and HELLO with an error and closes the connection.
#[tokio::test]
async fn a_full_server_is_a_connection_error_with_its_own_text() {
    const FULL: &str = "max number of clients reached";
    for password in [Some("right"), None] {
        let mut options = vec!["--maxclients", "2"];
        options.extend(
            password
                .into_iter()
                .flat_map(|right| ["--requirepass", right]),
        );
        let Some(redis) = Redis::start_with(&options) else {
            return;
        };
        let options =
            ClientOptions::new(redis.url()).reconnect_max_delay(Duration::from_millis(50));
        let options = match password {
            Some(right) => options.password(right),
            None => options,
        };
        let options = options.request_timeout(Duration::from_secs(1));
        let first = within(Client::connect(options.clone())).await.unwrap();
        let second = within(Client::connect(options.clone())).await.unwrap();

        // Repeated, because the close races with the last reply.
        for _ in 0..50 {
            let error = within(Client::connect(options.clone())).await.unwrap_err();
            assert!(error.is_connection(), "{error:?}");
            assert_refused(&error, FULL);
        }
        let third = Client::connect_lazy(options).unwrap();
        let error = within(third.get("k").timeout(Duration::from_millis(500))).await;
        assert_refused(&error.unwrap_err(), FULL);
        // Each of these needs its own connection.
        let error = within(first.exclusive()).await.unwrap_err();
        assert_refused(&error, FULL);
        let error = within(second.subscribe("channel")).await.unwrap_err();
        assert_refused(&error, FULL);

        // The client recovers without a changed configuration once the server has capacity.
        within(second.close()).await;
        let ten_seconds = Duration::from_secs(10);
        within(third.set("k", "v").timeout(ten_seconds))
            .await
            .unwrap();
    }
}

/// Like Redis, the server sends an error and closes the connection before it reads anything.
#[tokio::test]
async fn the_last_error_before_a_close_is_reported() {
    for text in [
        "ERR max number of clients reached",
        "DENIED Redis is running in protected mode",
        "LOADING Redis is loading the dataset in memory",
        "ERR upstream failure",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let line = format!("-{text}\r\n");
                socket.write_all(line.as_bytes()).await.unwrap();
            }
        });
        for options in [
            ClientOptions::new(url.as_str()),
            ClientOptions::new(url.as_str()).password("right"),
        ] {
            for _ in 0..20 {
                let error = within(Client::connect(options.clone())).await.unwrap_err();
                assert_refused(&error, text);
            }
        }
        server.abort();
    }
}
