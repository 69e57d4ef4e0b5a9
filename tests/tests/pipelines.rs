//! Pipelines and transactions on the shared connection: one result per command, on every kind of
//! server.

use std::time::Duration;

use swarm_gateway::{Gateway, Quirk};
use swarm_keydb::{Client, ClientOptions, ErrorKind, Outcome};
use swarm_tests::{cancel_after, connected, dialects, targets, within, within_secs};

#[tokio::test]
async fn a_rejected_command_does_not_affect_its_neighbors() {
    for target in targets().await {
        let client = target.connect().await;
        let pipeline = client.pipeline();
        let handles = (
            pipeline.set("text", "no number"),
            pipeline.incr("text"),
            pipeline.incrby("n", 5),
            pipeline.get_as::<String>("text"),
            [pipeline.exists("text"), pipeline.exists("missing")],
        );
        let (set, refused, n, text, exist) = within(pipeline.send(handles)).await;
        let name = &target.name;
        set.unwrap_or_else(|error| panic!("{name}: {error}"));
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Server, "{name}: {refused}");
        assert_eq!(refused.command(), Some("INCR"), "{name}");
        assert_eq!(n.unwrap(), 5, "{name}");
        assert_eq!(text.unwrap().as_deref(), Some("no number"), "{name}");
        assert_eq!(exist.map(Result::unwrap), [1, 0], "{name}");
    }
}

#[tokio::test]
async fn ten_thousand_commands_go_in_one_pipeline() {
    for target in targets().await {
        let client = target.connect().await;
        // Exceeds the queue limit, so it is sent once nothing else is in flight.
        let pipeline = client.pipeline().timeout(Duration::from_secs(60));
        let handles: Vec<_> = (0..10_000).map(|_| pipeline.incr("n")).collect();
        assert_eq!(pipeline.len(), 10_000);
        // Ten thousand commands, with the pipeline's own timeout.
        let counts = within_secs(60, pipeline.send(handles)).await;
        for (at, count) in (1..).zip(counts) {
            assert_eq!(count.unwrap(), at, "{}", target.name);
        }
        assert_eq!(client.stats().in_flight_bytes, 0, "{}", target.name);
    }
}

#[tokio::test]
async fn nothing_is_sent_of_a_pipeline_with_a_refused_argument() {
    let (gateway, client) = connected().await;
    let pipeline = client.pipeline();
    let handles = (pipeline.incr("n"), pipeline.incr(""), pipeline.incr("m"));
    let (before, refused, after) = within(pipeline.send(handles)).await;
    let refused = refused.unwrap_err();
    assert!(refused.to_string().contains("key"), "{refused}");
    for error in [before.unwrap_err(), refused, after.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
        assert_eq!(error.outcome(), Some(Outcome::NotSent), "{error}");
    }
    // The transport would corrupt these bytes.
    let pipeline = client.pipeline();
    let handles = (pipeline.incr("n"), pipeline.set("k", &[0xff_u8][..]));
    let (before, refused) = within(pipeline.send(handles)).await;
    assert_eq!(before.unwrap_err().outcome(), Some(Outcome::NotSent));
    assert!(refused.unwrap_err().to_string().contains("UTF-8"));
    assert_eq!(gateway.executions("INCR"), 0);

    let tx = client.transaction();
    let handles = (tx.incr("n"), tx.set("k", &[0xff_u8][..]));
    let error = within(tx.exec(handles)).await.unwrap_err();
    assert_eq!(error.position(), Some(1), "{error}");
    assert_eq!(error.outcome(), Some(Outcome::NotSent));
    assert_eq!(gateway.executions("MULTI"), 0);
}

#[tokio::test]
async fn a_handle_of_another_pipeline_is_refused_before_anything_is_sent() {
    let (gateway, client) = connected().await;
    let other = client.pipeline();
    let foreign = other.incr("n");
    let pipeline = client.pipeline();
    let own = pipeline.incr("n");
    let (own, foreign) = within(pipeline.send((own, foreign))).await;
    let own = own.unwrap_err();
    assert_eq!(own.command(), Some("INCR"));
    assert_eq!(own.outcome(), Some(Outcome::NotSent), "{own}");
    let foreign = foreign.unwrap_err();
    assert_eq!(foreign.command(), None);
    assert_eq!(foreign.outcome(), None, "{foreign}");
    assert_eq!(gateway.executions("INCR"), 0);
}

#[tokio::test]
async fn a_command_that_must_be_alone_is_rejected() {
    let (_gateway, client) = connected().await;
    let pipeline = client.pipeline();
    let hello = pipeline.hello();
    let error = within(pipeline.send(hello)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
}

#[tokio::test]
async fn a_cut_tells_what_may_have_run() {
    let url: [fn(&Gateway) -> &str; 2] = [Gateway::ws_url, Gateway::tcp_url];
    for url in url {
        let gateway = swarm_gateway::test().await.unwrap();
        let client = within(Client::connect(url(&gateway))).await.unwrap();
        gateway.faults().cut_after("APPEND");
        let pipeline = client.pipeline();
        let handles = (
            pipeline.incr("n"),
            pipeline.append("text", "x"),
            pipeline.incr("n"),
        );
        let (first, cut, behind) = within(pipeline.send(handles)).await;
        assert_eq!(first.unwrap(), 1);
        assert_eq!(cut.unwrap_err().outcome(), Some(Outcome::MayHaveRun));
        assert_ne!(behind.unwrap_err().outcome(), Some(Outcome::Rejected));
        assert_eq!(gateway.executions("APPEND"), 1);
    }
}

#[tokio::test]
async fn a_pipeline_that_only_reads_survives_a_cut() {
    let (gateway, client) = connected().await;
    within(client.mset([("a", "1"), ("b", "2")])).await.unwrap();
    gateway.faults().cut_after("GET");
    let pipeline = client.pipeline();
    let handles = [pipeline.get_as::<i64>("a"), pipeline.get_as::<i64>("b")];
    let values = within(pipeline.send(handles)).await.map(Result::unwrap);
    assert_eq!(values, [Some(1), Some(2)]);
}

#[tokio::test]
async fn a_transaction_gives_typed_replies_on_every_server_with_a_session() {
    for target in targets().await {
        let client = target.connect().await;
        let name = &target.name;
        let tx = client.transaction();
        let handles = (
            tx.set("text", "no number"),
            tx.incr("text"),
            tx.incrby("n", 5),
            tx.mget(["text", "missing"]),
        );
        let replies = within(tx.exec(handles)).await;
        if target.is_http() {
            let error = replies.unwrap_err();
            assert_eq!(error.outcome(), Some(Outcome::NotSent), "{name}: {error}");
            assert!(error.to_string().contains("session"), "{name}: {error}");
            continue;
        }
        let (set, refused, n, values) = replies.unwrap_or_else(|error| panic!("{name}: {error}"));
        set.unwrap();
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Server, "{name}: {refused}");
        assert_eq!(refused.command(), Some("INCR"), "{name}");
        assert_eq!(n.unwrap(), 5, "{name}");
        let values = values.unwrap();
        assert_eq!(
            values[0].as_deref(),
            Some(b"no number".as_slice()),
            "{name}"
        );
        assert_eq!(values[1], None, "{name}");
    }
}

#[tokio::test]
async fn a_command_that_the_server_would_not_take_is_named_and_nothing_runs() {
    for target in targets().await {
        let client = target.connect().await;
        if target.is_http() {
            continue;
        }
        let name = &target.name;
        let tx = client.transaction();
        let handles = (tx.incr("n"), tx.raw("NO-SUCH-COMMAND", "x"), tx.incr("n"));
        let error = within(tx.exec(handles)).await.unwrap_err();
        assert_eq!(error.command(), Some("NO-SUCH-COMMAND"), "{name}: {error}");
        assert_eq!(error.position(), Some(1), "{name}: {error}");
        assert_eq!(error.outcome(), Some(Outcome::Rejected), "{name}: {error}");
        assert_eq!(within(client.get("n")).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_transaction_whose_end_is_cut_off_may_have_run() {
    let (gateway, client) = connected().await;
    gateway.faults().cut_after("EXEC");
    let tx = client.transaction();
    let n = tx.incr("n");
    let error = within(tx.exec(n)).await.unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    assert_eq!(gateway.executions("EXEC"), 1);
    assert_eq!(within(client.incr("n")).await.unwrap(), 2);
}

/// Tasks transfer money between two accounts in transactions, some of them dropped at a random
/// time, while others use the same connection and it is cut now and then. No sum is ever wrong, and
/// no reply is delivered to the wrong caller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_stay_whole_and_apart_from_others() {
    for (name, dialect) in dialects() {
        // The client cannot make commands atomic on a server that interleaves them.
        let dialect = dialect.without(Quirk::TornWrites);
        let gateway = swarm_tests::gateway(dialect).await;
        for url in [gateway.ws_url(), gateway.tcp_url()] {
            let options = ClientOptions::new(url)
                .reconnect_base_delay(Duration::from_millis(5))
                .reconnect_max_delay(Duration::from_millis(20));
            let client = within(Client::connect(options)).await.unwrap();
            let movers = (0..8).map(|_| tokio::spawn(move_money(client.clone())));
            let others = (0..4).map(|task| tokio::spawn(echo(client.clone(), task)));
            let tasks: Vec<_> = movers.chain(others).collect();
            for _ in 0..5 {
                let before = gateway.executions("EXEC");
                gateway.faults().cut_after("EXEC");
                within(gateway.faults().executed("EXEC", before + 1)).await;
            }
            for task in tasks {
                within(task)
                    .await
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
            }
            let (ann, bob) = within(balances(&client)).await;
            assert_eq!(ann + bob, 0, "{name}: {ann} {bob}");
        }
    }
}

async fn balances(client: &Client) -> (i64, i64) {
    let tx = client.transaction();
    let handles = (tx.get_as::<i64>("ann"), tx.get_as::<i64>("bob"));
    let (ann, bob) = tx.exec(handles).await.unwrap();
    (ann.unwrap().unwrap_or(0), bob.unwrap().unwrap_or(0))
}

async fn move_money(client: Client) {
    for _ in 0..100 {
        let amount = fastrand::i64(1..100);
        let tx = client.transaction();
        let handles = (tx.decrby("ann", amount), tx.incrby("bob", amount));
        let polls = if fastrand::bool() { 1 } else { u32::MAX };
        match cancel_after(polls, tx.exec(handles)).await {
            Some(Ok((ann, bob))) => assert_eq!(ann.unwrap() + bob.unwrap(), 0),
            Some(Err(error)) => assert!(error.is_connection(), "{error}"),
            None => tokio::task::yield_now().await,
        }
    }
}

async fn echo(client: Client, task: u32) {
    for round in 0..300 {
        let message = format!("{task}/{round}");
        let pipeline = client.pipeline();
        let handles = (pipeline.echo(&message), pipeline.echo("another"));
        let polls = if fastrand::bool() { 2 } else { u32::MAX };
        let Some((first, second)) = cancel_after(polls, pipeline.send(handles)).await else {
            continue;
        };
        for (echo, expected) in [(first, message.as_str()), (second, "another")] {
            match echo {
                Ok(echo) => assert_eq!(echo, expected),
                Err(error) => assert!(error.is_connection(), "{error}"),
            }
        }
    }
}
