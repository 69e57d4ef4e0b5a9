//! Replies that are errors, or of another type than the caller expects.

use swarm_keydb::{Client, ClientOptions, Json, Limits};
use swarm_tests::{Redis, connected, within};

use crate::table::Table;

pub(crate) async fn table() -> Table {
    let mut table = Table::new("Replies");
    let (gateway, client) = connected().await;
    within(client.set("text", "hello")).await.unwrap();
    within(client.xadd("stream", [("f", "v")])).await.unwrap();
    macro_rules! commands {
        ($($method:ident $(::<$t:ty>)? ($($arg:expr),* $(,)?)),+ $(,)?) => {$(
            let mistake = stringify!($method $(::<$t>)? ($($arg),*));
            table.run(mistake, client.$method $(::<$t>)? ($($arg),*)).await;
        )+};
    }
    commands!(
        get("stream"),
        xadd("text", [("f", "v")]),
        incr("text"),
        get_as::<u64>("text"),
        raw("NOSUCH", ()),
        raw("GET", ()),
        raw_as::<Vec<u64>>("GET", "text"),
        raw_as::<String>("MGET", ("text", "missing")),
        raw_as::<String>("GET", "missing"),
        get_as::<bool>("text"),
        get_as::<Json<u64>>("text"),
        rename("missing", "other"),
        evalsha("0000000000000000000000000000000000000000", (), ()),
        eval("return nonsense(", (), ()),
        xgroup_create("missing", "g", "$"),
        xpending("stream", "missing"),
    );
    let faults = gateway.faults();
    for error in [
        "MOVED 3999 127.0.0.1:6381",
        "ASK 3999 127.0.0.1:6381",
        "CROSSSLOT Keys in request don't hash to the same slot",
        "LOADING Redis is loading the dataset in memory",
        "READONLY You can't write against a read only replica.",
        "MISCONF Redis is configured to save RDB snapshots",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "NOPERM User app has no permissions to run the 'set' command",
        "NOAUTH Authentication required.",
    ] {
        faults.answer_error("SET", error);
        let (code, _) = error.split_once(' ').unwrap();
        let mistake = format!("set(\"k\", \"v\") that gets {code}");
        table.run(&mistake, client.set("k", "v")).await;
    }

    let options = ClientOptions::new(gateway.ws_url())
        .transport(|transport| transport.limits(Limits::new().with_max_frame(1000)));
    within(client.set("large", "x".repeat(2000))).await.unwrap();
    let small = within(Client::connect(options)).await.unwrap();
    table
        .run("get(\"large\") over the limit", small.get("large"))
        .await;
    let options =
        ClientOptions::new(gateway.ws_url()).transport(|transport| transport.max_request(1000));
    let small = within(Client::connect(options)).await.unwrap();
    table
        .run(
            "set(\"large\", value) over the limit",
            small.set("large", "x".repeat(2000)),
        )
        .await;

    let over_tcp = within(Client::connect(gateway.tcp_url())).await.unwrap();
    within(over_tcp.set("bytes", b"\xff")).await.unwrap();
    let over_http = within(Client::connect(gateway.http_url())).await.unwrap();
    table
        .run("get(\"bytes\") over http://", over_http.get("bytes"))
        .await;
    table
}

/// Mistakes that only a real Redis answers.
pub(crate) async fn redis() -> Option<Table> {
    let redis = Redis::start()?;
    let mut table = Table::new("Redis");
    let client = within(Client::connect(redis.url())).await.unwrap();
    within(client.set("text", "hello")).await.unwrap();
    table
        .run(
            "raw(\"LPUSH\", (\"text\", \"v\"))",
            client.raw("LPUSH", ("text", "v")),
        )
        .await;
    table.run("incr(\"text\")", client.incr("text")).await;
    table
        .run("raw(\"NOSUCH\", ())", client.raw("NOSUCH", ()))
        .await;
    table
        .run(
            "setrange(\"k\", 1 << 40, \"v\")",
            client.setrange("k", 1 << 40, "v"),
        )
        .await;
    within(client.raw("RPUSH", ("list", "a", "b")))
        .await
        .unwrap();
    let list = client.raw_as::<String>("LRANGE", ("list", 0, -1));
    table
        .run("raw_as::<String>(\"LRANGE\", (\"list\", 0, -1))", list)
        .await;
    let options = ClientOptions::new(redis.url()).password("s3cret");
    table
        .connect("a password for a server without one", options)
        .await;
    table
        .connect(
            "redis:// with a database that does not exist",
            format!("{}/99", redis.url()),
        )
        .await;

    let guarded = Redis::start_with(&["--requirepass", "right"])?;
    let options = ClientOptions::new(guarded.url());
    table
        .connect(
            "redis:// with a wrong password",
            options.clone().password("s3cret"),
        )
        .await;
    table
        .connect("redis:// without the password", options)
        .await;
    let user = guarded.url().replace("redis://", "redis://ann:s3cret@");
    table.connect("redis:// with an unknown user", user).await;
    Some(table)
}
