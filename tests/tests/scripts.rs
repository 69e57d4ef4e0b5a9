//! Scripts that the server keeps by their digest, and replies that callers convert themselves.

use swarm_gateway::{Dialect, Quirk};
use swarm_keydb::{ConvertError, Error, ErrorKind, Outcome, Result, Script};
use swarm_tests::{connected, connected_to, targets, within};

/// Increments a counter, and returns an error of any text.
const ANY_ERROR: &str = "redis.call('INCR', KEYS[1]) return redis.error_reply(ARGV[1])";

/// Increments a counter, and returns the error of a server that does not have the script.
const FORGED: &str = "redis.call('INCR', KEYS[1]) \
    return redis.error_reply('NOSCRIPT No matching script. Please use EVAL.')";

/// The same as a list, which some connections cannot tell from an error.
const FORGED_LIST: &str = "redis.call('INCR', KEYS[1]) \
    return {ARGV[1], 'No', 'matching', 'script.', 'Please', 'use', 'EVAL.'}";

#[tokio::test]
async fn a_script_runs_once_on_every_handle_and_server_whether_it_is_loaded_or_not() {
    let incr = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    for target in targets().await {
        let client = target.connect().await;
        let key = format!("scripts:{}", target.name);
        within(client.del(&key)).await.unwrap();
        within(client.script_flush()).await.unwrap();
        for expected in [2, 4] {
            let found: i64 = within(client.run_script(&incr, &key, 2)).await.unwrap();
            assert_eq!(found, expected, "{}", target.name);
        }
        within(client.script_flush()).await.unwrap();
        let pipeline = client.pipeline();
        let handle = pipeline.run_script::<i64>(&incr, &key, 2);
        assert_eq!(within(pipeline.send(handle)).await.unwrap(), 6);
        let bulk = client.bulk();
        let handle = bulk.run_script::<i64>(&incr, &key, 2);
        assert_eq!(within(bulk.send(handle)).await.unwrap(), 8);
        within(client.script_flush()).await.unwrap();
        if let Ok(conn) = within(client.exclusive()).await {
            let found: i64 = within(conn.run_script(&incr, &key, 2)).await.unwrap();
            assert_eq!(found, 10, "{}", target.name);
        }
    }
}

#[tokio::test]
async fn the_source_is_sent_only_if_the_server_does_not_have_the_script() {
    let (gateway, client) = connected().await;
    let script = Script::new("return ARGV[1]");
    assert_eq!(
        script.digest(),
        within(client.script_load("return ARGV[1]")).await.unwrap()
    );
    within(client.script_flush()).await.unwrap();
    for (by_digest, whole) in [(1, 1), (2, 1), (3, 1)] {
        let text: String = within(client.run_script(&script, (), "x")).await.unwrap();
        assert_eq!(text, "x");
        let counts = (gateway.executions("EVALSHA"), gateway.executions("EVAL"));
        assert_eq!(counts, (by_digest, whole));
    }
}

/// Catches a script that runs twice because its own reply looks like that of a missing script.
#[tokio::test]
async fn a_script_that_says_noscript_itself_runs_once() {
    let in_arrays = Dialect::STANDARD.with(Quirk::ArrayErrors);
    for dialect in [Dialect::STANDARD, in_arrays] {
        let (gateway, client) = connected_to(dialect).await;
        for (script, args) in [
            (ANY_ERROR, "NOSCRIPT No matching script."),
            (FORGED, ""),
            (FORGED_LIST, "-NOSCRIPT"),
        ] {
            let script = Script::new(script);
            for _ in 0..2 {
                within(client.del("runs")).await.unwrap();
                let _reply = within(client.run_script::<()>(&script, "runs", args)).await;
                let runs = within(client.get_as::<u64>("runs")).await.unwrap();
                assert_eq!(runs, Some(1), "{script:?}");
            }
        }
        if dialect == in_arrays {
            assert_eq!(gateway.executions("EVALSHA"), 0);
        }
    }
}

#[tokio::test]
async fn the_error_of_a_script_names_eval_and_may_have_run() {
    let (_gateway, client) = connected().await;
    let script = Script::new("return redis.call('INCR', KEYS[1])");
    within(client.set("name", "ann")).await.unwrap();
    for _ in 0..2 {
        let error = within(client.run_script::<i64>(&script, "name", ())).await;
        let error = error.unwrap_err();
        assert_eq!(error.command(), Some("EVAL"));
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    }
}

#[tokio::test]
async fn a_conversion_error_names_command_and_position() {
    let (_gateway, client) = connected().await;
    within(client.mset((("a", 1), ("b", "x")))).await.unwrap();
    let error = within(client.raw_as::<Vec<i64>>("MGET", ["a", "b"])).await;
    let wrong = "unexpected reply: a bulk string that cannot be read as an integer that fits i64";
    let text = format!("MGET: {wrong}, at position 1 of the reply");
    assert_eq!(error.unwrap_err().to_string(), text);

    let pipeline = client.pipeline();
    let handles: Vec<_> = ["a", "b"]
        .map(|key| pipeline.raw_as::<i64>("GET", key))
        .into();
    let replies: Result<Vec<i64>> = within(pipeline.send(handles)).await.into_iter().collect();
    let error = replies.unwrap_err();
    assert_eq!((error.command(), error.position()), (Some("GET"), Some(1)));
    assert_eq!(error.to_string(), format!("GET at position 1: {wrong}"));

    let tx = client.transaction();
    let handles = (tx.raw_as::<i64>("GET", "a"), tx.raw_as::<i64>("GET", "b"));
    let (first, second) = within(tx.exec(handles)).await.unwrap();
    assert_eq!(first.unwrap(), 1);
    assert_eq!(second.unwrap_err().position(), Some(1));
}

#[tokio::test]
async fn a_program_that_converts_a_frame_itself_can_use_the_question_mark() {
    let (_gateway, client) = connected().await;
    let convert = async || -> Result<i64> { Ok(client.raw("ECHO", "x").await?.convert()?) };
    let error: Error = within(convert()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::UnexpectedReply, None)
    );
    fn accepted<E: From<ConvertError>>() {}
    accepted::<Error>();
}
