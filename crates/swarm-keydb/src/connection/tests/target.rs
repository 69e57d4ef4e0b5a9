//! Tests that each option reaches the settings of the connections.

use swarm_transport::TransportOptions;

use super::*;
use crate::connection::{Settings, Target};
use crate::options::{CommandOrder, ErrorEncoding, FallbackScope, ProtocolVersion, RetryPolicy};
use crate::server::ServerKind;

const SECOND: Duration = Duration::from_secs(1);

/// Returns options none of which has its default, except for those of the transport.
fn options(url: &str) -> ClientOptions {
    ClientOptions::new(url)
        .request_timeout(2 * SECOND)
        .inactivity_timeout(3 * SECOND)
        .drain_timeout(4 * SECOND)
        .heartbeat_interval(5 * SECOND)
        .retry(RetryPolicy::Idempotent)
        .reconnect_on(["BUSY"])
        .protocol(ProtocolVersion::Resp2)
        .error_encoding(ErrorEncoding::Array)
        .server(ServerKind::Redis)
        .ordering(CommandOrder::None)
        .fallback_scope(FallbackScope::Stateless)
        .client_name("name")
}

/// A new setting does not compile without its option.
#[test]
fn every_option_reaches_the_settings() {
    let (connector, _accepted) = Server::default().connector();
    let custom = options("redis://h").target_through(Arc::new(connector));
    let url = options("redis://h/7").target().unwrap();
    for (target, host) in [(custom, ""), (url, "h")] {
        let origin = Arc::clone(&target.origin);
        let Settings {
            address,
            fallback_address,
            credentials,
            session,
            request_timeout,
            silence,
            drain_timeout,
            heartbeat,
            retry,
            protocol,
            error_encoding,
            server,
            order,
            fallback,
            reconnect_on,
            needs_primary,
            learned: _,
        } = target.settings;
        assert_eq!(origin.address, host);
        let expected = (!host.is_empty()).then_some("redis://h:6379/7");
        assert_eq!(address.as_deref(), expected);
        assert_eq!(fallback_address, None);
        assert!(credentials.is_none(), "each dial fetches them");
        let times = [request_timeout, silence, drain_timeout, heartbeat.unwrap()];
        assert_eq!(times, [2, 3, 4, 5].map(|seconds| seconds * SECOND));
        assert_eq!(retry, RetryPolicy::Idempotent);
        assert_eq!(protocol, ProtocolVersion::Resp2);
        assert_eq!(error_encoding, ErrorEncoding::Array);
        assert_eq!(server, Some(ServerKind::Redis));
        assert_eq!(order, CommandOrder::None);
        assert_eq!(fallback, FallbackScope::Stateless);
        assert_eq!(*reconnect_on, ["BUSY".into()]);
        assert!(!needs_primary, "no sentinel names this server");
        let requests: Vec<_> = session.into_iter().map(|(_, request)| request).collect();
        let name = Request::new("CLIENT SETNAME", "name");
        // The database first, because the other requests may depend on it.
        let expected = match host {
            "" => vec![name],
            _ => vec![Request::new("SELECT", 7), name],
        };
        assert_eq!(requests, expected);
    }
}

/// Catches a password or a token in errors and logs.
#[test]
fn addresses_have_no_secrets() {
    for (url, address) in [
        ("ws://h", "ws://h:80"),
        ("ws://h:8765/?token=s3cret", "ws://h:8765/?***"),
        ("ws://h/path/", "ws://h:80/path/"),
        ("redis://ann:s3cret@h", "redis://ann:***@h:6379"),
    ] {
        let settings = ClientOptions::new(url).target().unwrap().settings;
        assert_eq!(settings.address.as_deref(), Some(address));
    }
    let options = ClientOptions::new("ws://h").http_url("http://g");
    let settings = options.target().unwrap().settings;
    assert_eq!(settings.fallback_address.as_deref(), Some("http://g:80"));
}

#[test]
fn traces_name_the_server_as_the_url_and_the_options_do() {
    let origin = |options: ClientOptions| options.target().unwrap().origin;
    let facts = |url: &str| {
        let origin = origin(ClientOptions::new(url));
        let namespace = origin.namespace.clone();
        (
            origin.system(),
            origin.address.clone(),
            origin.port,
            namespace,
        )
    };
    let (host, number) = ("h".to_owned(), Some("7".to_owned()));
    assert_eq!(
        facts("redis://ann:s3cret@h/7"),
        ("redis", host.clone(), Some(6379), number)
    );
    assert_eq!(
        facts("ws://h"),
        ("swarmkeydb", host.clone(), Some(80), None)
    );
    assert_eq!(facts("http://h"), ("swarmkeydb", host, Some(80), None));
    let path = "/tmp/r.sock".to_owned();
    assert_eq!(
        facts("redis+unix:///tmp/r.sock"),
        ("redis", path, None, None)
    );
    let pinned = ClientOptions::new("redis://h").server(ServerKind::SwarmKeyDb);
    assert_eq!(origin(pinned).system(), "swarmkeydb");
    let pinned = ClientOptions::new("ws://h").server(ServerKind::Redis);
    assert_eq!(origin(pinned).system(), "redis");
}

/// Returns whether a target takes an argument that is not valid UTF-8.
fn takes_binary(target: &Target) -> bool {
    let request = Request::new("ECHO", b"\xff");
    target.check(request.view()).is_ok()
}

#[test]
fn binary_arguments_are_rejected_early_for_a_transport_of_text() {
    let (connector, _accepted) = Server::default().connector();
    let custom = ClientOptions::default().target_through(Arc::new(connector));
    assert!(takes_binary(&custom), "a custom transport checks itself");
    let of = |url: &str, change: fn(TransportOptions) -> TransportOptions| {
        let options = ClientOptions::new(url).transport(change);
        takes_binary(&options.target().unwrap())
    };
    assert!(of("redis://h", |options| options));
    assert!(!of("ws://h", |options| options));
    assert!(of("ws://h", |options| options.binary_safe(true)));
}

#[test]
fn only_an_http_url_can_be_a_fallback() {
    let options = ClientOptions::new("ws://h").http_url("ws://h");
    let error = options.target().unwrap_err();
    assert!(error.to_string().contains("another scheme"), "{error}");
    assert!(
        ClientOptions::new("ws://h")
            .http_url("http://h")
            .target()
            .is_ok()
    );
}

#[test]
fn an_address_of_a_cluster_names_the_client_to_use() {
    for url in [
        "redis+cluster://h:1",
        "redis://a rediss+cluster://:s3cret@b",
    ] {
        let error = options(url).target().err().unwrap();
        assert!(error.is_config(), "{error}");
        assert!(error.to_string().contains("cluster::Client"), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
