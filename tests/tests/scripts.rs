//! Scripts that the server keeps by their digest, and replies that callers convert themselves.

use std::time::Duration;

use swarm_keydb::{Client, ClientOptions, ConvertError, Error, ErrorKind, Outcome, Result, Script};
use swarm_tests::{Redis, connected, targets, within};

/// Increments a counter, and returns an error of any text.
const ANY_ERROR: &str = "redis.call('INCR', KEYS[1]) return redis.error_reply(ARGV[1])";

/// The error of a server that does not have a script.
const NOSCRIPT: &str = "NOSCRIPT No matching script. Please use EVAL.";

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

/// The same script, long enough to be sent by its digest.
fn long(source: &str) -> Script {
    Script::new(format!("{source} --{}", "x".repeat(2000)))
}

/// Returns how often Redis has run a command since its statistics were reset.
async fn calls(admin: &Client, command: &str) -> u64 {
    let stats: String = within(admin.raw_as("INFO", "commandstats")).await.unwrap();
    let name = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn the_source_is_sent_only_if_redis_does_not_have_the_script() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url())).await.unwrap();
    let script = long("return ARGV[1]");
    let loaded = within(client.script_load(script.source())).await.unwrap();
    assert_eq!(script.digest(), loaded);
    within(client.script_flush()).await.unwrap();
    within(client.raw("CONFIG RESETSTAT", ())).await.unwrap();
    let run = async |by_digest, whole| {
        let text: String = within(client.run_script(&script, (), "x")).await.unwrap();
        assert_eq!(text, "x");
        let counts = (
            calls(&client, "evalsha").await,
            calls(&client, "eval").await,
        );
        assert_eq!(counts, (by_digest, whole));
    };
    // The first one shows whether the server permits transactions.
    run(0, 1).await;
    run(1, 1).await;
    run(2, 1).await;
    within(client.script_flush()).await.unwrap();
    run(3, 2).await;
    run(4, 2).await;
    let short = Script::new("return ARGV[1]");
    let text: String = within(client.run_script(&short, (), "y")).await.unwrap();
    assert_eq!((text.as_str(), calls(&client, "eval").await), ("y", 3));
}

/// Catches a script that runs twice because its own reply looks like that of a missing script.
#[tokio::test]
async fn a_script_that_says_noscript_itself_runs_once() {
    for target in targets().await {
        let client = target.connect().await;
        let key = format!("scripts:{}", target.name);
        for (source, arg) in [(ANY_ERROR, NOSCRIPT), (FORGED_LIST, "-NOSCRIPT")] {
            for script in [Script::new(source), long(source)] {
                within(client.script_flush()).await.unwrap();
                for _ in 0..3 {
                    within(client.del(&key)).await.unwrap();
                    let reply = within(client.run_script::<()>(&script, &key, arg)).await;
                    if source == ANY_ERROR {
                        let error = reply.unwrap_err();
                        assert!(error.is_code("NOSCRIPT"), "{}: {error}", target.name);
                        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
                    }
                    let runs = within(client.get_as::<u64>(&key)).await.unwrap();
                    assert_eq!(runs, Some(1), "{}: {script:?}", target.name);
                }
            }
        }
    }
}

/// Another client loads and removes the script all the time, also between two commands.
#[tokio::test]
async fn a_script_runs_once_while_another_client_loads_and_removes_it() {
    let Some(redis) = Redis::start() else { return };
    let client = within(Client::connect(redis.url())).await.unwrap();
    let other = within(Client::connect(redis.url())).await.unwrap();
    let script = long(ANY_ERROR);
    let source = script.source().to_owned();
    let meddler = tokio::spawn(async move {
        loop {
            within(other.script_load(&source)).await.unwrap();
            within(other.script_flush()).await.unwrap();
        }
    });
    const RUNS: u64 = 500;
    for _ in 0..RUNS {
        let error = within(client.run_script::<()>(&script, "runs", NOSCRIPT)).await;
        assert_eq!(error.unwrap_err().outcome(), Some(Outcome::MayHaveRun));
    }
    meddler.abort();
    assert_eq!(within(client.get_as("runs")).await.unwrap(), Some(RUNS));
    let by_digest = calls(&client, "evalsha").await;
    assert!(by_digest >= RUNS - 1, "{by_digest}");
}

fn limited(redis: &Redis) -> ClientOptions {
    ClientOptions::new(redis.url().replace("redis://", "redis://limited:secret@"))
}

/// Missing permissions cost no error, whether they are missing from the start or later.
#[tokio::test]
async fn users_without_permission_for_the_transaction_run_scripts_too() {
    let Some(redis) = Redis::start() else { return };
    let admin = within(Client::connect(redis.url())).await.unwrap();
    let user = async |rule: &'static str| {
        let rules = ("limited", "on", ">secret", "~*", "&*", "+@all", rule);
        within(admin.raw("ACL SETUSER", rules)).await.unwrap();
    };
    let script = long("return redis.call('INCR', KEYS[1])");
    for rule in ["-multi", "-exec", "-script|exists", "-script", "-evalsha"] {
        user(rule).await;
        within(admin.del("runs")).await.unwrap();
        let client = within(Client::connect(limited(&redis))).await.unwrap();
        for expected in 1..=3 {
            within(admin.script_flush()).await.unwrap();
            let runs: u64 = within(client.run_script(&script, "runs", ()))
                .await
                .unwrap();
            assert_eq!(runs, expected, "{rule}");
        }
        // The user may send everything, and then again not.
        user("+@all").await;
        let client = within(Client::connect(limited(&redis))).await.unwrap();
        for expected in 4..=6 {
            let runs: u64 = within(client.run_script(&script, "runs", ()))
                .await
                .unwrap();
            assert_eq!(runs, expected, "{rule}");
        }
        user(rule).await;
        for expected in 7..=9 {
            let runs: u64 = within(client.run_script(&script, "runs", ()))
                .await
                .unwrap();
            assert_eq!(runs, expected, "{rule}");
        }
    }
}

#[tokio::test]
async fn a_script_by_its_digest_ends_within_its_timeout_and_the_next_one_runs() {
    let Some(redis) = Redis::start() else { return };
    let admin = within(Client::connect(redis.url())).await.unwrap();
    let client = within(Client::connect(redis.url())).await.unwrap();
    let script = long("return redis.call('INCR', KEYS[1])");
    for _ in 0..2 {
        within(client.run_script::<i64>(&script, "runs", ()))
            .await
            .unwrap();
    }
    within(admin.raw("CLIENT PAUSE", (60_000, "WRITE")))
        .await
        .unwrap();
    let running = client.run_script::<i64>(&script, "runs", ());
    let error = within(running.timeout(Duration::from_millis(100)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        (error.command(), error.outcome()),
        (Some("EVAL"), Some(Outcome::MayHaveRun))
    );
    within(admin.raw("CLIENT UNPAUSE", ())).await.unwrap();
    // The late reply answers no other command.
    let runs: i64 = within(client.run_script(&script, "runs", ()))
        .await
        .unwrap();
    assert_eq!(runs, 4);
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
