//! Calls that fail although they are right: the connection, a limit or a timeout is the reason.

use std::time::Duration;

use swarm_keydb::{Client, ClientOptions, Error, Overflow, State, Subscription};
use swarm_tests::{Proxy, connected, connected_with, within};

use crate::peers::silent;
use crate::table::Table;

const SOON: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_secs(60);

pub(crate) async fn connections() -> Table {
    let mut table = Table::new("Connections");
    let (gateway, client) = connected().await;
    let faults = gateway.faults();
    faults.cut_after("INCR");
    let lost = "incr(\"n\") on a connection that is lost before the reply";
    table.run(lost, client.incr("n")).await;
    faults.cut_after("GET");
    let lost = "get(\"k\").no_retry() on a connection that is lost before the reply";
    table.run(lost, client.get("k").no_retry()).await;
    faults.cut_after("INCR");
    let pipeline = client.pipeline();
    let (get, incr) = (pipeline.get("k"), pipeline.incr("n"));
    let lost = "incr(\"n\") in a pipeline that is lost before the reply";
    let replies = async { within(pipeline.send((get, incr))).await.1 };
    table.run(lost, replies).await;

    let options = ClientOptions::new(gateway.ws_url()).reconnect(false);
    let once = within(Client::connect(options)).await.unwrap();
    let mut states = once.watch_state();
    faults.cut();
    assert!(within(states.reached(State::Closed)).await);
    let lost = "get(\"k\") after a loss, with reconnect(false)";
    table.run(lost, once.get("k")).await;

    let mut proxy = Proxy::start(gateway.ws_url()).await;
    proxy.stop().await;
    let options = ClientOptions::new(proxy.url("ws")).http_url(gateway.http_url());
    let fallback = within(Client::connect(options)).await.unwrap();
    let only = "exclusive() while only the HTTP fallback is reachable";
    table.run(only, fallback.exclusive()).await;

    let client = within(Client::connect(gateway.ws_url())).await.unwrap();
    let hold = faults.hold("INCR");
    let pending = tokio::spawn(client.incr("n"));
    within(hold.reached(1)).await;
    let _closed = within(client.close_within(SOON)).await;
    let closed = "incr(\"n\") without a reply when close_within reaches its limit";
    table.add(closed, within(pending).await.unwrap());
    hold.release();
    table.run("get(\"k\") after close", client.get("k")).await;
    table
}

pub(crate) async fn limits() -> Table {
    let mut table = Table::new("Limits and timeouts");
    // The next attempt is due long after the timeout.
    let options = ClientOptions::new("redis://127.0.0.1:1").reconnect_base_delay(LATE);
    let options = options.reconnect_max_delay(LATE);
    let client = Client::connect_lazy(options).unwrap();
    let unreachable = "get(\"k\").timeout(100 ms) while nothing listens";
    table.run(unreachable, client.get("k").timeout(SOON)).await;

    let (gateway, client) = connected_with(|options| options.max_in_flight(1)).await;
    let hold = gateway.faults().hold("INCR");
    let reply = "incr(\"n\").timeout(100 ms) that takes longer";
    table.run(reply, client.incr("n").timeout(SOON)).await;
    let full = "get(\"k\").timeout(100 ms) with max_in_flight(1) in use";
    table.run(full, client.get("k").timeout(SOON)).await;
    hold.release();
    let _hold = gateway.faults().hold("GET");
    let client = within(Client::connect(gateway.ws_url())).await.unwrap();
    let reply = "get(\"k\").timeout(100 ms) that takes longer";
    table.run(reply, client.get("k").timeout(SOON)).await;

    let (gateway, client) =
        connected_with(|options| options.max_in_flight(1).fail_when_full(true)).await;
    let hold = gateway.faults().hold("INCR");
    let pending = tokio::spawn(client.incr("n"));
    within(hold.reached(1)).await;
    let full = "get(\"k\") with max_in_flight(1) in use and fail_when_full(true)";
    table.run(full, client.get("k")).await;
    hold.release();
    within(pending).await.unwrap().unwrap();

    let options = ClientOptions::new(gateway.ws_url()).max_dedicated_connections(1);
    let options = options.request_timeout(SOON);
    let client = within(Client::connect(options)).await.unwrap();
    let own = within(client.exclusive()).await.unwrap();
    let leased = "exclusive() while all dedicated connections are leased";
    table.run(leased, client.exclusive()).await;
    drop(own);
    table
}

pub(crate) async fn subscriptions() -> Table {
    let mut table = Table::new("Subscriptions and transactions");
    let (gateway, client) = connected().await;
    let hold = gateway.faults().hold("SUBSCRIBE");
    let late = "subscribe(\"news\").timeout(100 ms) that takes longer";
    table
        .run(late, client.subscribe("news").timeout(SOON))
        .await;
    hold.release();

    let small = client.subscribe("news").buffer(1);
    let mut small = within(small.on_overflow(Overflow::Close)).await.unwrap();
    for _ in 0..3 {
        within(client.publish("news", "x")).await.unwrap();
    }
    let lagged = "next() of a subscription with Overflow::Close that is read too slowly";
    table.run(lagged, read_all(&mut small)).await;

    let mut own = within(client.exclusive()).await.unwrap();
    within(own.watch("k")).await.unwrap();
    within(client.set("k", "changed")).await.unwrap();
    let transaction = own.transaction();
    let set = transaction.set("k", "mine");
    let conflict = "exec of a transaction after a watched key has changed";
    table.run(conflict, transaction.exec(set)).await;
    let raw = "exclusive().raw(\"SUBSCRIBE\", \"news\")";
    table.run(raw, own.raw("SUBSCRIBE", "news")).await;

    let (one, other) = (client.pipeline(), client.pipeline());
    let handle = other.get("k");
    let foreign = "send of a handle that belongs to another pipeline";
    table.run(foreign, one.send(handle)).await;

    let over_http = within(Client::connect(gateway.http_url())).await.unwrap();
    let transaction = over_http.transaction();
    let set = transaction.set("k", "v");
    table
        .run("a transaction over http://", transaction.exec(set))
        .await;
    let subscribe = over_http.subscribe("news");
    table
        .run("subscribe(\"news\") over http://", subscribe)
        .await;
    table
        .run("exclusive() over http://", over_http.exclusive())
        .await;
    table
}

/// Reads a subscription to its end.
async fn read_all(subscription: &mut Subscription) -> Result<(), Error> {
    while let Some(event) = subscription.next().await {
        event?;
    }
    Ok(())
}

/// Mistakes with the runtime. Each needs a thread without one.
pub(crate) async fn runtimes() -> Table {
    let mut table = Table::new("Runtimes");
    let lazy = || Client::connect_lazy("ws://127.0.0.1:1");
    let outside = std::thread::spawn(lazy).join().unwrap();
    table.add("Client::connect outside of a tokio runtime", outside);
    let client = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { lazy().unwrap() })
    });
    let client = client.join().unwrap();
    let gone = "get(\"k\") after the runtime of the client has shut down";
    table.run(gone, client.get("k")).await;
    table
}

/// Servers that accept connections and say nothing.
pub(crate) async fn silence(table: &mut Table) {
    for scheme in ["redis", "rediss", "ws", "wss", "http"] {
        let options = ClientOptions::new(format!("{scheme}://{}", silent().await))
            .connect_timeout(Duration::from_millis(300));
        let mistake = format!("{scheme}:// to a server that accepts and says nothing");
        let connected = async {
            let client = Client::connect(options).await?;
            client.get("key").await
        };
        table.run(&mistake, connected).await;
    }
}
