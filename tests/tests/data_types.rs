//! Redis' data types against the embedded store and a real Redis in both protocols: what the checks
//! of single commands do not show.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use swarm_gateway::{Dialect, Gateway};
use swarm_keydb::{
    BitField, BitGets, BitOffset, BitOverflow, BitType, Bytes, Client, ClientKill, ClientOptions,
    Error, ErrorKind, GeoAddOptions, GeoPoint, GeoSearch, GeoUnit, GetEx, KeyType, LPosOptions,
    Outcome, ProtocolVersion, Reply, ScanOptions, ZAddOptions, ZCombineOptions, ZRange, blocking,
};
use swarm_tests::{Redis, connected, gateway, within};

/// The servers with all data types: a gateway with its embedded store, and Redis, if installed.
struct Servers {
    gateway: Gateway,
    redis: Option<Redis>,
}

impl Servers {
    async fn start() -> Self {
        Self {
            gateway: gateway(Dialect::STANDARD).await,
            redis: Redis::start(),
        }
    }

    fn urls(&self) -> Vec<String> {
        let redis = self.redis.iter().map(Redis::url);
        redis.chain([self.gateway.tcp_url().to_string()]).collect()
    }

    /// Returns a client of each server and each protocol.
    async fn clients(&self) -> Vec<Client> {
        let mut clients = Vec::new();
        for url in self.urls() {
            for protocol in [ProtocolVersion::Resp2, ProtocolVersion::Auto] {
                let options = ClientOptions::new(&url).protocol(protocol);
                clients.push(within(Client::connect(options)).await.unwrap());
            }
        }
        clients
    }
}

/// Returns a client for each protocol, connected to the same server.
async fn clients(redis: &Redis) -> [Client; 2] {
    let connect = |protocol| {
        let options = ClientOptions::new(redis.url()).protocol(protocol);
        async { within(Client::connect(options)).await.unwrap() }
    };
    [
        connect(ProtocolVersion::Resp2).await,
        connect(ProtocolVersion::Auto).await,
    ]
}

#[tokio::test]
async fn element_streams_yield_every_element_once_the_key_is_still() {
    let servers = Servers::start().await;
    for client in servers.clients().await {
        client.flushall().await.unwrap();
        let numbers = || (0..1500).map(|n| (format!("n{n}"), n));
        client.hset("h", numbers()).await.unwrap();
        client.zadd("z", numbers()).await.unwrap();
        let members: Vec<_> = numbers().map(|(name, _)| name).collect();
        client.sadd("s", members).await.unwrap();
        let options = || ScanOptions::new().matching("n*").count(70);

        let fields: BTreeMap<Bytes, Bytes> =
            within(client.hscan_stream("h", options()).try_collect())
                .await
                .unwrap();
        assert_eq!(fields.len(), 1500);
        assert!(fields.iter().all(|(name, value)| name.ends_with(value)));
        let scores: BTreeMap<Bytes, f64> =
            within(client.zscan_stream("z", options()).try_collect())
                .await
                .unwrap();
        assert_eq!(scores.len(), 1500);
        assert!(
            scores
                .iter()
                .all(|(name, score)| name == &format!("n{score}"))
        );

        let mut stream = client.sscan_stream("s", options());
        let mut found = std::collections::BTreeSet::new();
        found.insert(within(stream.next()).await.unwrap().unwrap());
        // Goes on in another stream; what was fetched and not taken is not fetched again.
        let cursor = stream.cursor().expect("there are more pages");
        let mut rest = client.sscan_stream("s", options()).from_cursor(cursor);
        while let Some(member) = within(rest.next()).await {
            found.insert(member.unwrap());
        }
        assert_eq!(rest.cursor(), None);
        while let Some(member) = within(stream.next()).await {
            found.insert(member.unwrap());
        }
        assert_eq!(found.len(), 1500);

        let mut missing = client.hscan_stream("missing", ScanOptions::new());
        assert!(within(missing.next()).await.is_none());
        client.set("text", "v").await.unwrap();
        let mut wrong = client.sscan_stream("text", ScanOptions::new());
        let error = within(wrong.next()).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        let mut zero = client.zscan_stream("z", ScanOptions::new().count(0));
        let error = within(zero.next()).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(
            within(zero.next()).await.is_none(),
            "a permanent error is the last item"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn element_iterators_yield_every_element() {
    let servers = Servers::start().await;
    let urls = servers.urls();
    let work = move || {
        for url in urls {
            let client = blocking::Client::connect(url).unwrap();
            let numbers = || (0..700).map(|n| (format!("n{n}"), n));
            client.hset("h", numbers()).unwrap();
            client.zadd("z", numbers()).unwrap();
            let members: Vec<_> = numbers().map(|(name, _)| name).collect();
            client.sadd("s", members).unwrap();
            let all = || ScanOptions::new().count(50);
            assert_eq!(
                client.hscan_iter("h", all()).filter_map(Result::ok).count(),
                700
            );
            assert_eq!(
                client.sscan_iter("s", all()).filter_map(Result::ok).count(),
                700
            );
            let mut scores = client.zscan_iter("z", all());
            let sum: f64 = scores.by_ref().map(|item| item.unwrap().1).sum();
            assert!((sum - 244_650.0).abs() < 1e-9, "{sum}");
            assert_eq!(scores.cursor(), None);
        }
    };
    within(tokio::task::spawn_blocking(work)).await.unwrap();
}

/// Waits until this many clients are blocked, as the server sees it.
async fn until_blocked(client: &Client, count: u64) {
    within(async { while blocked(client).await != count {} }).await;
}

async fn blocked(client: &Client) -> u64 {
    let info = client.info_section("clients").await.unwrap();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("blocked_clients:"));
    line.unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_blocking_pop_waits_for_a_push_and_delays_nobody() {
    let Some(redis) = Redis::start() else { return };
    for client in clients(&redis).await {
        let minute = Duration::from_secs(60);
        let popper = client.clone();
        let pop = tokio::spawn(async move { popper.blpop_as::<u32>(["a", "b"], minute).await });
        let other = client.clone();
        let best = tokio::spawn(async move { other.bzpopmax("z", None).await });
        until_blocked(&client, 2).await;
        // Both are blocked, and this connection is not.
        assert_eq!(within(client.rpush("b", 7)).await.unwrap(), 1);
        assert_eq!(within(pop).await.unwrap().unwrap(), Some(("b".into(), 7)));
        within(client.zadd("z", [("m", 0.1)])).await.unwrap();
        assert_eq!(
            within(best).await.unwrap().unwrap(),
            Some(("z".into(), "m".into(), 0.1))
        );
    }
}

#[tokio::test]
async fn a_dropped_blocking_pop_takes_nothing_from_a_later_push() {
    let Some(redis) = Redis::start() else { return };
    let [client, _] = clients(&redis).await;
    let popper = client.clone();
    let pop = tokio::spawn(async move { popper.blpop("jobs", None).await });
    until_blocked(&client, 1).await;
    pop.abort();
    until_blocked(&client, 0).await;
    within(client.rpush("jobs", "one")).await.unwrap();
    assert_eq!(within(client.lrange("jobs", ..)).await.unwrap(), ["one"]);
}

#[tokio::test]
async fn a_blocked_connection_is_unblocked_by_its_id() {
    let Some(redis) = Redis::start() else { return };
    let [client, _] = clients(&redis).await;
    let exclusive = within(client.exclusive()).await.unwrap();
    let id = within(exclusive.client_id()).await.unwrap();
    let wait = tokio::spawn(async move { exclusive.blpop("k", None).await });
    until_blocked(&client, 1).await;
    assert!(within(client.client_unblock_error(id)).await.unwrap());
    let error = within(wait).await.unwrap().unwrap_err();
    let code = error.server_error().map(|error| error.code().to_owned());
    assert_eq!(code.as_deref(), Some("UNBLOCKED"));
}

#[tokio::test]
async fn wait_counts_the_replicas_that_have_the_writes_of_its_connection() {
    // By default, the server lets a replica wait for others for five seconds.
    let options = ["--repl-diskless-sync-delay", "0"];
    let Some(redis) = Redis::start_with(&options) else {
        return;
    };
    let port = redis.url().rsplit(':').next().unwrap().to_owned();
    let Some(_replica) = Redis::start_with(&["--replicaof", "127.0.0.1", &port]) else {
        return;
    };
    let [client, _] = clients(&redis).await;
    let exclusive = within(client.exclusive()).await.unwrap();
    within(exclusive.set("k", "v")).await.unwrap();
    // The replica is connected once it has received everything.
    let one = async { while exclusive.wait(1, Duration::from_secs(1)).await.unwrap() < 1 {} };
    within(one).await;
    let short = within(exclusive.wait(2, Duration::from_millis(10)))
        .await
        .unwrap();
    assert_eq!(short, 1, "fewer than requested when the time is over");
    let zero = within(exclusive.wait(1, Duration::ZERO)).await.unwrap_err();
    assert_eq!(zero.kind(), ErrorKind::Argument);
    within(exclusive.ping()).await.unwrap();
}

#[tokio::test]
async fn the_types_of_keys_have_names() {
    let servers = Servers::start().await;
    for client in servers.clients().await {
        client.flushall().await.unwrap();
        client.hset("hash", [("f", 1)]).await.unwrap();
        client.rpush("list", 1).await.unwrap();
        client.sadd("set", 1).await.unwrap();
        client
            .geoadd("sorted", [("m", GeoPoint::new(1.0, 2.0))])
            .await
            .unwrap();
        client.pfadd("string", "x").await.unwrap();
        for (key, expected) in [
            ("hash", KeyType::Hash),
            ("list", KeyType::List),
            ("set", KeyType::Set),
            ("sorted", KeyType::SortedSet),
            ("string", KeyType::String),
            ("missing", KeyType::Missing),
        ] {
            assert_eq!(within(client.key_type(key)).await.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn values_of_any_bytes_return_unchanged() {
    let Some(redis) = Redis::start() else { return };
    let binary = [0_u8, 255, 13, 10, 36, 45];
    for client in clients(&redis).await {
        client.flushall().await.unwrap();
        let bytes = Bytes::copy_from_slice(&binary);
        client.hset("h", [(&binary, &binary)]).await.unwrap();
        let hash = client.hgetall("h").await.unwrap();
        assert_eq!(hash.get(&binary[..]), Some(&bytes));
        client.rpush("l", binary).await.unwrap();
        let popped = client.blpop("l", Duration::from_secs(1)).await.unwrap();
        assert_eq!(popped, Some(("l".into(), bytes.clone())));
        client.sadd("s", binary).await.unwrap();
        assert_eq!(client.smembers("s").await.unwrap(), [&bytes]);
        client
            .zadd("z", [(&binary, f64::NEG_INFINITY)])
            .await
            .unwrap();
        let members = client
            .zrange_withscores("z", ZRange::ranks(..))
            .await
            .unwrap();
        assert_eq!(members, [(bytes.clone(), f64::NEG_INFINITY)]);
        let dump = client.dump("h").await.unwrap().unwrap();
        client.restore("copy", Duration::ZERO, dump).await.unwrap();
        assert_eq!(client.hget("copy", binary).await.unwrap(), Some(bytes));
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    visits: u64,
    email: Option<String>,
    level: Option<f64>,
}

fn user(email: Option<&str>, level: Option<f64>) -> User {
    User {
        name: "ann\r\n".to_owned(),
        visits: u64::MAX,
        email: email.map(str::to_owned),
        level,
    }
}

#[tokio::test]
async fn structs_are_stored_as_hashes_and_read_again() {
    let servers = Servers::start().await;
    for c in servers.clients().await {
        c.flushall().await.unwrap();
        assert_eq!(within(c.hget_struct::<User>("u")).await.unwrap(), None);
        let ann = user(Some("a@b"), Some(0.1));
        assert_eq!(within(c.hset_struct("u", &ann)).await.unwrap(), 4);
        assert_eq!(within(c.hget_struct("u")).await.unwrap(), Some(ann));
        // What is `None` now must not be read again as it was.
        c.expire("u", Duration::from_secs(60)).await.unwrap();
        c.hset("u", [("other", "kept")]).await.unwrap();
        let less = user(None, Some(2.0));
        assert_eq!(within(c.hset_struct("u", &less)).await.unwrap(), 0);
        assert_eq!(within(c.hget_struct("u")).await.unwrap(), Some(less));
        assert_eq!(
            c.hget_as::<String>("u", "other").await.unwrap().as_deref(),
            Some("kept")
        );
        assert!(
            c.ttl("u").await.unwrap().remaining().is_some(),
            "the time to live is kept"
        );

        let pipeline = c.pipeline();
        let none = user(None, None);
        let handles = (
            pipeline.hset_struct("p", &none),
            pipeline.hget_struct::<User>("p"),
        );
        let (new, read) = within(pipeline.send(handles)).await;
        assert_eq!((new.unwrap(), read.unwrap()), (2, Some(none.clone())));
        let tx = c.transaction();
        let handles = (tx.hset_struct("u", &none), tx.hget_struct::<User>("u"));
        let (new, read) = within(tx.exec(handles)).await.unwrap();
        assert_eq!((new.unwrap(), read.unwrap()), (0, Some(none)));

        c.set("text", "v").await.unwrap();
        let error = within(c.hset_struct("text", &user(None, None)))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        let code = error.server_error().map(|error| error.code().to_owned());
        assert_eq!(code.as_deref(), Some("WRONGTYPE"));
        c.hset("broken", [("name", "bob"), ("visits", "many")])
            .await
            .unwrap();
        let error = within(c.hget_struct::<User>("broken")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedReply);
        assert_eq!(error.outcome(), Some(Outcome::Ran));
    }
}

/// Awaits a command that must be rejected before it is sent, and returns the text.
async fn refused<T: std::fmt::Debug>(reply: Reply<T>) -> String {
    let error: Error = within(reply).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    assert_eq!(error.outcome(), Some(Outcome::NotSent), "{error}");
    error.to_string()
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_refused_before_they_are_sent() {
    let (_gateway, c) = connected().await;
    let nothing: [&str; 0] = [];
    let texts = [
        refused(c.hset("k", Vec::<(&str, &str)>::new())).await,
        refused(c.hmget("k", nothing)).await,
        refused(c.lpush("k", ())).await,
        refused(c.zadd("k", Vec::<(&str, f64)>::new())).await,
        refused(c.zadd("k", [("m", f64::NAN)])).await,
        refused(c.zcount("k", f64::NAN..)).await,
        refused(c.zrange("k", ZRange::scores(..f64::NAN))).await,
        refused(c.zrange("k", ZRange::ranks(..).limit(0, 1))).await,
        refused(c.zadd_with("k", [("m", 1)], ZAddOptions::new().nx().gt())).await,
        refused(c.zadd_with("k", [("m", 1)], ZAddOptions::new().gt().lt())).await,
        refused(c.zadd_with("k", [("m", 1)], ZAddOptions::new().nx().xx())).await,
        refused(c.zunionstore_with("to", "k", ZCombineOptions::new().weights([f64::NAN]))).await,
        refused(c.lpos_with("k", "e", LPosOptions::new().rank(0))).await,
        refused(c.blpop("k", Duration::ZERO)).await,
        refused(c.bzpopmin(nothing, None)).await,
        refused(c.getex("k", GetEx::Ttl(Duration::ZERO))).await,
        refused(c.bitfield("k", BitField::new())).await,
        refused(c.bitfield("k", BitField::new().overflow(BitOverflow::Fail))).await,
        refused(c.bitfield_ro(
            "k",
            BitGets::new().get(BitType::unsigned(64), BitOffset::Bit(0)),
        ))
        .await,
        refused(c.geoadd_with(
            "k",
            [("m", GeoPoint::new(0.0, 0.0))],
            GeoAddOptions::new().nx().xx(),
        ))
        .await,
        refused(c.geosearch("k", GeoSearch::radius("m", 1.0, GeoUnit::Miles).count(0))).await,
        refused(c.client_kill(ClientKill::new())).await,
        refused(c.hexpire("k", "f", Duration::ZERO)).await,
    ];
    for text in texts {
        let (_, text) = text.split_once(": ").expect("the command is named");
        assert!(
            text.contains(';') || text.contains("pass"),
            "no remedy: {text}"
        );
    }
    within(c.ping()).await.unwrap();
}
