//! Parsed addresses, and the errors for invalid ones.

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;

use super::{Endpoint, Scheme};
use crate::TransportErrorKind;

fn parse(address: &str) -> Endpoint {
    Endpoint::parse(address).unwrap()
}

/// A scheme that is missing in [`Scheme::ALL`] does not compile here, or fails.
#[test]
fn every_scheme_is_listed_and_parsed() {
    let position = |scheme| match scheme {
        Scheme::Ws => 0,
        Scheme::Wss => 1,
        Scheme::Http => 2,
        Scheme::Https => 3,
        Scheme::Redis => 4,
        Scheme::Rediss => 5,
        Scheme::RedisUnix => 6,
    };
    let unknown = Endpoint::parse("gopher://host").unwrap_err().to_string();
    for (at, scheme) in Scheme::ALL.into_iter().enumerate() {
        assert_eq!(position(scheme), at, "{scheme}");
        let host = match scheme {
            Scheme::RedisUnix => "",
            _ => "host",
        };
        assert_eq!(parse(&format!("{scheme}://{host}/1")).scheme(), scheme);
        assert!(unknown.contains(&format!("{scheme}://")), "{unknown}");
    }
}

#[test]
fn web_addresses() {
    let plain = parse("ws://localhost:8765");
    assert_eq!(plain.scheme(), Scheme::Ws);
    assert_eq!((plain.host(), plain.port()), ("localhost", 8765));
    assert_eq!(plain.path(), "/");
    assert_eq!(plain.authority(), "localhost:8765");

    let full = parse("WSS://Gate.Example/db/ws?token=s3cret");
    assert_eq!(full.scheme(), Scheme::Wss);
    assert_eq!((full.host(), full.port()), ("gate.example", 443));
    assert_eq!(full.authority(), "gate.example");
    assert_eq!(full.target(), "/db/ws?token=s3cret");
    assert_eq!(full.to_string(), "wss://gate.example:443/db/ws?***");
    assert!(!format!("{full:?}").contains("s3cret"));

    let six = parse("ws://[::1]:8765/");
    assert_eq!(six.host(), "::1");
    assert_eq!(six.authority(), "[::1]:8765");

    assert_eq!(parse("http://h/base").path(), "/base");
    assert_eq!(parse("https://h").port(), 443);
}

#[test]
fn redis_addresses() {
    let bare = parse("redis://h");
    assert_eq!((bare.port(), bare.database()), (6379, None));
    assert_eq!((bare.user(), bare.password()), (None, None));

    let full = parse("rediss://app:p%40ss%2F@[::1]:7000/15");
    assert_eq!(full.user(), Some("app"));
    assert_eq!(full.password(), Some("p@ss/"));
    assert_eq!(full.database(), Some(15));
    assert_eq!(full.host(), "::1");
    assert_eq!(full.to_string(), "rediss://app:***@[::1]:7000/15");
    assert!(!format!("{full:?}").contains("p@ss"));

    assert_eq!(parse("redis://:pw@h").user(), None);
    assert_eq!(parse("redis://:pw@h").password(), Some("pw"));
    assert_eq!(parse("redis://h/").database(), None);
}

#[test]
fn unix_addresses() {
    let socket = parse("redis+unix:///run/my%20redis.sock?db=3&user=u&pass=p%26w");
    assert_eq!(
        socket.socket_path().unwrap().to_str(),
        Some("/run/my redis.sock")
    );
    assert_eq!(socket.database(), Some(3));
    assert_eq!(socket.password(), Some("p&w"));
    assert_eq!(socket.to_string(), "redis+unix:///run/my redis.sock");
    assert_eq!(parse("unix:///run/r.sock").scheme(), Scheme::RedisUnix);
    assert_eq!(
        Endpoint::unix("/run/r.sock").unwrap(),
        parse("unix:///run/r.sock")
    );
    assert!(Endpoint::unix("relative.sock").is_err());
}

#[test]
fn errors_name_the_part_and_reveal_no_secrets() {
    let cases = [
        ("", "empty"),
        ("localhost:8765", "scheme"),
        ("127.0.0.1:6379", "scheme"),
        ("//host", "scheme"),
        ("ftp://user:s3cret@host", "`ftp://`"),
        ("ws://", "host"),
        ("ws://:8765", "host"),
        ("redis://", "host"),
        ("redis:///0", "host"),
        ("ws://host:port", "port"),
        ("ws://host:70000", "port"),
        ("ws://host:0", "port"),
        ("redis://host:0", "port"),
        ("ws://[::1", "IPv6"),
        ("ws://ho^st", "host"),
        ("ws://host/#s3cret", "fragment"),
        ("redis://:s3cret#@host", "port"),
        ("ws://user:s3cret@host", "user or password"),
        ("https://s3cret@host", "user or password"),
        ("http://host/?token=s3cret", "query"),
        ("redis://host?db=1", "query"),
        ("redis://host/one", "database"),
        ("redis://host/1/2", "database"),
        ("redis://host/+1", "database"),
        ("redis://host/99999999999", "database"),
        ("redis://a%0ab:1", "host"),
        ("redis://h%3aq:1", "host"),
        ("redis://h%00", "host"),
        ("rediss://h%2Fx", "host"),
        ("redis://h%40x", "host"),
        ("redis://h%1b[31m", "host"),
        ("redis://h%c2%9b", "host"),
        ("redis://h%e2%80%ae", "host"),
        ("redis://h%ff", "host"),
        ("redis://h%20x", "host"),
        ("redis+unix:///run/a%0ab", "control character"),
        ("redis+unix:///run/a%1b", "control character"),
        ("redis+unix:///run/a%00", "control character"),
        ("redis+unix:///run/%e2%80%ae", "control character"),
        ("redis+unix:///r.sock?pass=s3cret&pass=b", "pass twice"),
        ("redis+unix:///r.sock?pass=%ff", "password"),
        ("redis://u:%ff@host", "password"),
        ("ws://host\n", "line break"),
        ("ws://ho st", "space"),
        ("unix://host/run/r.sock", "cannot contain a host"),
        ("redis+unix:///", "path"),
        ("redis+unix:///r.sock?timeout=s3cret", "query"),
        ("redis+unix:///r.sock?db=x", "database"),
    ];
    for (address, part) in cases {
        let error = Endpoint::parse(address).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Endpoint, "{address}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(part), "{address}: {text}");
        assert!(!text.contains("s3cret"), "{address}: {text}");
    }
}

/// Guards against schemes that decode credentials differently.
#[test]
fn credentials_are_parsed_alike_in_every_scheme() {
    let cases = [
        ("", "", None, None),
        ("ann", "", Some("ann"), None),
        ("", "a+b", None, Some("a+b")),
        ("ann", "a%2Bb", Some("ann"), Some("a+b")),
        ("a+n%20n", "p%26%3D%3F", Some("a+n n"), Some("p&=?")),
        ("%C3%A9", "%C3%A9", Some("é"), Some("é")),
    ];
    for (user, pass, expected_user, expected_pass) in cases {
        let login = if pass.is_empty() {
            user.to_owned()
        } else {
            format!("{user}:{pass}")
        };
        let addresses = [
            format!("redis://{login}@host/2"),
            format!("rediss://{login}@host/2"),
            format!("redis+unix:///r.sock?user={user}&pass={pass}&db=2"),
            format!("unix:///r.sock?db=2&user={user}&password={pass}"),
        ];
        for address in addresses {
            let endpoint = parse(&address);
            assert_eq!(endpoint.user(), expected_user, "{address}");
            assert_eq!(endpoint.password(), expected_pass, "{address}");
            assert_eq!(endpoint.database(), Some(2), "{address}");
        }
    }
}

/// Guards against control characters of an address in terminals and logs. All schemes accept the
/// same hosts.
#[test]
fn hosts_are_parsed_alike_in_every_scheme() {
    let hosts = [
        "h",
        "H.Example",
        "1.2.3.4",
        "[::1]",
        "m%C3%BCller",
        "my_host",
        "h%2e",
        "a%0ab",
        "h%3aq",
        "%00",
        "h%2F",
        "h%40",
        "h%1b",
        "%e2%80%ae",
        "h%25",
        "1.2.3.4.5",
    ];
    for host in hosts {
        let web = Endpoint::parse(&format!("ws://{host}:7"));
        for scheme in ["redis", "rediss"] {
            let address = format!("{scheme}://{host}:7");
            match (&web, Endpoint::parse(&address)) {
                (Ok(web), Ok(other)) => assert_eq!(web.host(), other.host(), "{address}"),
                (Err(_), Err(_)) => {}
                (web, other) => panic!("{address}: {web:?}, {other:?}"),
            }
        }
    }
}

#[test]
fn displayed_addresses_have_no_control_characters() {
    let endpoint = parse("redis://a%1b%0a%e2%80%ae:pw@h");
    assert_eq!(endpoint.to_string(), "redis://a :***@h:6379");
    assert_eq!(format!("{endpoint:?}"), "Endpoint(redis://a :***@h:6379)");
}

proptest! {
    #[test]
    fn any_text_is_an_address_or_an_error(text in any::<String>(), tail in any::<String>()) {
        for scheme in ["", "ws://", "redis://", "rediss://u:p@", "redis+unix://", "https://"] {
            if let Ok(endpoint) = Endpoint::parse(&format!("{scheme}{text}")) {
                prop_assert!(endpoint.socket_path().is_some() || !endpoint.host().is_empty());
            }
            let _ = Endpoint::parse(&format!("{scheme}{text}:{tail}@host:6379/1"));
        }
    }

    #[test]
    fn passwords_come_back_and_are_never_shown(password in "[^\u{0}-\u{20}\u{7f}-\u{a0}*]{6,20}") {
        let written = percent_encode(password.as_bytes(), NON_ALPHANUMERIC);
        let endpoint = Endpoint::parse(&format!("redis://user:{written}@host/3")).unwrap();
        prop_assert_eq!(endpoint.password(), Some(password.as_str()));
        let shown = format!("{endpoint} {endpoint:?}");
        prop_assert_eq!(shown, "redis://user:***@host:6379/3 Endpoint(redis://user:***@host:6379/3)");
    }
}
