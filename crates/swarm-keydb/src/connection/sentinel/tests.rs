//! Tests of what sentinels answer, in both versions of RESP.

use swarm_resp::Frame;
use swarm_transport::{TransportErrorKind, TransportOptions};

use super::ask::{Answer, Asker};
use crate::Credentials;

fn asker() -> Asker {
    Asker {
        name: "m".to_owned(),
        is_tls: false,
        transport: TransportOptions::new(),
        credentials: Some(Credentials::password("s3cret")),
        map: None,
        limit: std::time::Duration::from_secs(1),
    }
}

fn pairs(resp3: bool, pairs: &[(&str, &str)]) -> Frame {
    let text = |text: &str| Frame::bulk(text.to_owned());
    let pairs: Vec<_> = (pairs.iter())
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    match resp3 {
        true => Frame::map(pairs.iter().map(|(name, value)| (name, value))),
        false => Frame::array(pairs.iter().flat_map(|(name, value)| [name, value])),
    }
}

fn address(host: &str, port: &str) -> Frame {
    Frame::array([&Frame::bulk(host.to_owned()), &Frame::bulk(port.to_owned())])
}

#[test]
fn a_primary_is_read_from_either_version_of_resp() {
    for resp3 in [false, true] {
        let state = pairs(
            resp3,
            &[("ip", "::1"), ("port", "1"), ("config-epoch", "7")],
        );
        let sentinel = |port| pairs(resp3, &[("name", "port"), ("ip", "s"), ("port", port)]);
        let others = Frame::array([&sentinel("2"), &sentinel("no port"), &sentinel("3")]);
        for (port, epoch) in [("1", 7), ("9", 8)] {
            let replies = [address("::1", port), state.clone(), others.clone()];
            let Answer::Primary(primary) = asker().answer(&replies).unwrap() else {
                panic!("it is known");
            };
            assert_eq!(primary.address.to_string(), format!("[::1]:{port}"));
            // Another address than in the settled state is that of the next failover.
            assert_eq!(primary.epoch, Some(epoch));
            let others: Vec<_> = (primary.sentinels.iter())
                .map(ToString::to_string)
                .collect();
            assert_eq!(others, ["s:2", "s:3"]);
        }
        // The user may ask for no more.
        let refused = Frame::error("NOPERM x");
        let replies = [address("h", "1"), refused.clone(), refused];
        let Answer::Primary(primary) = asker().answer(&replies).unwrap() else {
            panic!("it is known");
        };
        assert_eq!((primary.epoch, primary.sentinels.len()), (None, 0));
    }
}

#[test]
fn announced_addresses_are_translated() {
    let asker = Asker {
        map: Some(std::sync::Arc::new(|host, port| {
            (host == "inside").then(|| ("outside".to_owned(), port + 1))
        })),
        ..asker()
    };
    let other = pairs(true, &[("ip", "inside"), ("port", "5")]);
    // The state is compared with what was announced.
    let state = pairs(
        true,
        &[("ip", "inside"), ("port", "1"), ("config-epoch", "7")],
    );
    let replies = [address("inside", "1"), state, Frame::array([&other])];
    let Answer::Primary(primary) = asker.answer(&replies).unwrap() else {
        panic!("it is known");
    };
    assert_eq!(primary.address.to_string(), "outside:2");
    assert_eq!(primary.sentinels[0].to_string(), "outside:6");
    assert_eq!(primary.epoch, Some(7));
}

#[test]
fn other_answers_are_told_apart() {
    let unknown = Frame::error("ERR No such master with that name");
    for null in [Frame::null(), Frame::null_array()] {
        let replies = [null, unknown.clone(), unknown.clone()];
        assert_eq!(asker().answer(&replies).unwrap(), Answer::Unknown);
    }
    for (reply, kind, text) in [
        (
            Frame::error("NOPERM x"),
            TransportErrorKind::Auth,
            "ClientOptions::sentinel",
        ),
        (
            Frame::error("ERR unknown command 'SENTINEL'"),
            TransportErrorKind::Protocol,
            "is this the address of a sentinel",
        ),
        (
            address("", "1"),
            TransportErrorKind::Protocol,
            "not one of a sentinel",
        ),
        (
            address("h", "0"),
            TransportErrorKind::Protocol,
            "not one of a sentinel",
        ),
        (
            Frame::integer(1),
            TransportErrorKind::Protocol,
            "not one of a sentinel",
        ),
    ] {
        let replies = [reply, unknown.clone(), unknown.clone()];
        let error = asker().answer(&replies).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}
