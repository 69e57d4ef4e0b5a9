//! Subscriptions whose connections break.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway};
use swarm_keydb::{Client, ClientOptions, Event, ProtocolVersion};
use swarm_tests::{Proxy, Redis, connected_with, dialects, gateway, within};
use swarm_transport::{
    BoxFuture, BoxTransport, Connect, Endpoint, TransportError, TransportOptions, connector,
};
use tokio::sync::watch;

use super::hearing::{event, payload};

/// Dials a server directly at first and later through a proxy. Counts these later dials and their
/// failures.
#[derive(Clone)]
struct Dials {
    direct: Arc<dyn Connect>,
    proxy: Arc<dyn Connect>,
    through_door: Arc<AtomicBool>,
    dialed: watch::Sender<u32>,
    failed: watch::Sender<u32>,
}

impl Dials {
    fn new(url: &str, proxy: &str) -> Self {
        let wire = |url: &str| {
            let endpoint = Endpoint::parse(url).unwrap();
            connector(&endpoint, &TransportOptions::new()).unwrap()
        };
        Self {
            direct: wire(url),
            proxy: wire(proxy),
            through_door: Arc::default(),
            dialed: watch::Sender::new(0),
            failed: watch::Sender::new(0),
        }
    }
}

impl Connect for Dials {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async {
            if !self.through_door.load(Ordering::SeqCst) {
                return self.direct.connect().await;
            }
            self.dialed.send_modify(|dialed| *dialed += 1);
            let dialed = self.proxy.connect().await;
            if dialed.is_err() {
                self.failed.send_modify(|failed| *failed += 1);
            }
            dialed
        })
    }
}

/// Returns each kind of server with sessions: its URL, its gateway if it is one, and the protocol.
async fn servers() -> Vec<(
    String,
    String,
    ProtocolVersion,
    Option<Gateway>,
    Option<Redis>,
)> {
    let mut servers = Vec::new();
    for (name, dialect) in dialects() {
        let gateway = gateway(dialect).await;
        let url = gateway.ws_url().to_owned();
        servers.push((
            name.to_owned(),
            url,
            ProtocolVersion::Auto,
            Some(gateway),
            None,
        ));
    }
    for protocol in [ProtocolVersion::Auto, ProtocolVersion::Resp2] {
        let gateway = gateway(Dialect::STANDARD).await;
        let url = gateway.tcp_url().to_owned();
        servers.push((
            format!("tcp {protocol:?}"),
            url,
            protocol,
            Some(gateway),
            None,
        ));
        if let Some(redis) = Redis::start() {
            let url = redis.url();
            servers.push((
                format!("redis {protocol:?}"),
                url,
                protocol,
                None,
                Some(redis),
            ));
        }
    }
    servers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_cuts_two_of_them_with_failing_redials_lose_no_name() {
    for (name, url, protocol, gateway, _redis) in servers().await {
        let mut proxy = Proxy::start(&url).await;
        let (scheme, _) = url.split_once("://").unwrap();
        let dials = Dials::new(&url, &proxy.url(scheme));
        let options = ClientOptions::default()
            .protocol(protocol)
            .reconnect_base_delay(Duration::from_millis(1))
            .reconnect_max_delay(Duration::from_millis(10));
        // The client's own connection bypasses the proxy and persists, so dials through the proxy
        // are those of subscriptions.
        let client = within(Client::connect_with(dials.clone(), options))
            .await
            .unwrap();
        dials.through_door.store(true, Ordering::SeqCst);
        let mut channels = within(client.subscribe(["a", "b"])).await.unwrap();
        let mut both = within(client.subscribe(["b"])).await.unwrap();
        let mut patterns = within(client.psubscribe(["a*", "c*"])).await.unwrap();
        let asked = || {
            let ran = |command| gateway.as_ref().map_or(0, |g| g.executions(command));
            ran("SUBSCRIBE") + ran("PSUBSCRIBE")
        };
        for (round, failing) in (0u32..3).zip([0, 2, 2]) {
            let before = asked();
            proxy.stop().await;
            let failed = *dials.failed.borrow() + failing;
            let mut counting = dials.failed.subscribe();
            within(counting.wait_for(|now| *now >= failed))
                .await
                .unwrap();
            proxy.restart().await;
            for subscription in [&mut channels, &mut both, &mut patterns] {
                let event = event(subscription).await;
                assert_eq!(event, Event::Reconnected { gap: true }, "{name}");
            }
            if gateway.is_some() {
                assert_eq!(asked() - before, 4, "{name}");
            }
            for (channel, heard_by) in [("a", 2), ("b", 1), ("c", 1)] {
                let count = within(client.publish(channel, round)).await.unwrap();
                assert_eq!(count, heard_by, "{name}: {channel}");
            }
            let round = round.to_string();
            assert_eq!(payload(&mut channels).await, round, "{name}");
            assert_eq!(payload(&mut channels).await, round, "{name}");
            assert_eq!(payload(&mut both).await, round, "{name}");
            assert_eq!(payload(&mut patterns).await, round, "{name}");
            assert_eq!(payload(&mut patterns).await, round, "{name}");
        }
        drop((channels, both, patterns));
        super::sharing::subscribers(&client, "b", 0).await;
        let mut again = within(client.subscribe("b")).await.unwrap();
        within(client.publish("b", "again")).await.unwrap();
        assert_eq!(payload(&mut again).await, "again", "{name}");
    }
}

#[tokio::test]
async fn a_black_hole_is_detected_without_traffic() {
    let url: [fn(&Gateway) -> &str; 2] = [Gateway::ws_url, Gateway::tcp_url];
    for (url, protocol) in url
        .into_iter()
        .zip([ProtocolVersion::Auto, ProtocolVersion::Resp2])
    {
        let sound = gateway(Dialect::STANDARD).await;
        let gateway = gateway(Dialect::STANDARD).await;
        // The client's own connection goes to another server, so dials to this one are those of the
        // subscription.
        let dials = Dials::new(sound.ws_url(), url(&gateway));
        let options = ClientOptions::default()
            .protocol(protocol)
            .heartbeat_interval(Duration::from_millis(100))
            .inactivity_timeout(Duration::from_millis(200))
            .connect_timeout(Duration::from_millis(300))
            .reconnect_base_delay(Duration::from_millis(10));
        let client = within(Client::connect_with(dials.clone(), options))
            .await
            .unwrap();
        dials.through_door.store(true, Ordering::SeqCst);
        let mut subscription = within(client.subscribe("a")).await.unwrap();
        let publisher = within(Client::connect(gateway.ws_url())).await.unwrap();
        // Nothing happens while the server answers.
        within(gateway.faults().executed("PING", 3)).await;
        within(publisher.publish("a", "x")).await.unwrap();
        assert_eq!(payload(&mut subscription).await, "x");
        assert_eq!(*dials.dialed.borrow(), 1);
        let mute = gateway.faults().freeze();
        let mut dialed = dials.dialed.subscribe();
        within(dialed.wait_for(|dialed| *dialed > 1)).await.unwrap();
        drop(mute);
        assert_eq!(
            event(&mut subscription).await,
            Event::Reconnected { gap: true }
        );
        within(publisher.publish("a", "y")).await.unwrap();
        assert_eq!(payload(&mut subscription).await, "y");
    }
}

#[tokio::test]
async fn a_cut_before_the_acknowledgment_reconnects() {
    let (gateway, client) =
        connected_with(|options| options.reconnect_base_delay(Duration::from_millis(1))).await;
    gateway.faults().cut_after("SUBSCRIBE");
    gateway.faults().cut_within("PSUBSCRIBE", 9);
    let mut channel = within(client.subscribe("a")).await.unwrap();
    assert_eq!(gateway.executions("SUBSCRIBE"), 2);
    let mut pattern = within(client.psubscribe("a*")).await.unwrap();
    assert_eq!(gateway.executions("PSUBSCRIBE"), 2);
    within(client.publish("a", "x")).await.unwrap();
    assert_eq!(event(&mut channel).await, Event::Reconnected { gap: true });
    assert_eq!(payload(&mut channel).await, "x");
    assert_eq!(payload(&mut pattern).await, "x");
}

#[tokio::test]
async fn subscribing_waits_for_a_server_that_is_not_there_yet() {
    let gateway = gateway(Dialect::STANDARD).await;
    let mut proxy = Proxy::start(gateway.ws_url()).await;
    proxy.stop().await;
    let options = ClientOptions::new(proxy.url("ws"))
        .http_fallback(false)
        .reconnect_base_delay(Duration::from_millis(10));
    let client = Client::connect_lazy(options).unwrap();
    let subscribing = tokio::spawn(client.subscribe("a"));
    proxy.restart().await;
    let mut subscription = within(subscribing).await.unwrap().unwrap();
    within(client.publish("a", "x")).await.unwrap();
    assert_eq!(payload(&mut subscription).await, "x");
}
