//! The contract of `Transport`, over WebSocket and `fetch`, with a gateway as the peer.

#[path = "../../tests/transport/contract/rules.rs"]
mod rules;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use swarm_transport::{Connect, Endpoint, TransportOptions, connector};
use wasm_bindgen_futures::spawn_local;

use crate::gateway::Gateway;
use crate::time::{pause, within};

/// How the peer behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    /// Reads, and does not answer `ECHO`.
    IsMute,
    /// Reads nothing.
    IsDeaf,
    /// Cuts its connections after three requests.
    Leaves,
}

/// Replies that the store does not have.
const REPLIES: [&str; 2] = [
    r#"{"type":"answer","command":"FAIL","times":9,
        "reply":{"type":"error","value":"ERR as asked"}}"#,
    r#"{"type":"answer","command":"LIST","times":9,
        "reply":{"type":"array","value":[
            {"type":"bulk","value":""}, {"type":"bulk","value":"a"},
            {"type":"bulk","value":""}, {"type":"bulk","value":"\r\n"}]}}"#,
];

struct Peer<const IS_HTTP: bool> {
    gateway: Gateway,
    /// Requests before the test.
    before: u64,
    manner: Manner,
}

impl<const IS_HTTP: bool> Peer<IS_HTTP> {
    async fn new(manner: Manner) -> Self {
        let gateway = Gateway::standard().await;
        for reply in REPLIES {
            gateway.fault(reply).await;
        }
        let before = gateway.executions("ECHO").await;
        match manner {
            Manner::IsMute => gateway.fault(r#"{"type":"hold","command":"ECHO"}"#).await,
            Manner::Leaves => {
                let gateway = gateway.clone();
                spawn_local(async move {
                    gateway.executed("ECHO", before + 3).await;
                    gateway.cut().await;
                });
            }
            Manner::Answers | Manner::IsDeaf => {}
        }
        Self {
            gateway,
            before,
            manner,
        }
    }
}

impl<const IS_HTTP: bool> rules::Peer for Peer<IS_HTTP> {
    const IS_HTTP: bool = IS_HTTP;
    // The browser's limit for a host, over HTTP.
    const AT_ONCE: usize = if IS_HTTP { 6 } else { 30 };
    // Each message is an event.
    const READS_BATCHES: bool = false;

    fn connector(&self, options: TransportOptions) -> Arc<dyn Connect> {
        let url = match IS_HTTP {
            true => &self.gateway.http,
            false => &self.gateway.ws,
        };
        connector(&Endpoint::parse(url).expect("a URL"), &options).expect("valid options")
    }

    async fn dialed(&self) {
        if self.manner == Manner::IsDeaf {
            self.gateway.fault(r#"{"type":"freeze"}"#).await;
        }
    }

    async fn requests(&self) -> usize {
        let requests = self.gateway.executions("ECHO").await - self.before;
        usize::try_from(requests).expect("few")
    }

    async fn ended(&self) {
        // The browser keeps connections for other requests.
        while !IS_HTTP && self.gateway.connections().await > 0 {
            pause(Duration::from_millis(5)).await;
        }
    }

    async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        within(limit, future).await
    }

    async fn turn() {
        pause(Duration::ZERO).await;
    }
}

/// Declares a module with the rules for each transport.
macro_rules! rules {
    ($(mod $module:ident, is_http $is_http:literal);+ => $rules:tt) => {
        $(rules! { @ $module $is_http $rules })+
    };
    (@ $module:ident $is_http:literal { $($rule:ident: $manner:ident),+ $(,)? }) => {
        pub(crate) mod $module {
            use super::{Manner, Peer, rules};

            $(pub(crate) async fn $rule() {
                rules::$rule(&Peer::<$is_http>::new(Manner::$manner).await).await;
            })+
        }
    };
}

rules! { mod ws, is_http false; mod http, is_http true => {
    replies_reach_64_concurrent_senders: Answers,
    values_of_every_size_pass: Answers,
    ten_thousand_requests_in_one_burst: Answers,
    a_flushed_request_arrives_though_nobody_receives: Answers,
    abandoned_polls_lose_nothing: Answers,
    a_peer_that_leaves_ends_the_transport: Leaves,
    closing_delivers_what_was_started: Answers,
    dropping_ends_the_connection: IsMute,
    a_peer_that_does_not_read_stops_the_sender: IsDeaf,
    errors_of_the_server_are_replies: Answers,
    each_dial_is_a_connection_of_its_own: Answers,
}}
