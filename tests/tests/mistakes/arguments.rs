//! Arguments that no server accepts, and raw commands that a handle must send.

use std::time::Duration;

use swarm_keydb::SetOptions;
use swarm_tests::{UPSTREAM, connected, connected_to};

use crate::table::Table;

macro_rules! commands {
    ($table:ident, $client:ident: $($method:ident($($arg:expr),* $(,)?)),+ $(,)?) => {$(
        $table
            .run(stringify!($method($($arg),*)), $client.$method($($arg),*))
            .await;
    )+};
}

pub(crate) async fn table() -> Table {
    let mut table = Table::new("Arguments");
    let (_gateway, client) = connected_to(UPSTREAM).await;
    commands!(table, client:
        get(""),
        get("a\nb"),
        get(b"\xff"),
        del(Vec::<String>::new()),
        mget(Vec::<String>::new()),
        mset(Vec::<(&str, &str)>::new()),
        set_with("k", "v", SetOptions::new().nx().xx()),
        set_with("k", "v", SetOptions::new().ex(1).px(1)),
        set_with("k", "v", SetOptions::new().ex(1).keepttl()),
        set_with("k", "v", SetOptions::new().ex(0)),
        expire("k", Duration::ZERO),
        expire("k", Duration::MAX),
        subscribe(Vec::<String>::new()),
        subscribe(""),
        psubscribe("[]"),
        xadd("s", Vec::<(&str, &str)>::new()),
        xgroup_create("s", "g", "x"),
    );
    table
}

pub(crate) async fn raw() -> Table {
    let mut table = Table::new("Raw commands");
    let (_gateway, client) = connected().await;
    commands!(table, client:
        raw("", ()),
        raw("A\r\nB", ()),
        raw("AUTH", "s3cret"),
        raw("HELLO", "3"),
        raw("SELECT", "1"),
        raw("CLIENT", ("SETNAME", "x")),
        raw("CLIENT", ("REPLY", "OFF")),
        raw("MULTI", ()),
        raw("EXEC", ()),
        raw("DISCARD", ()),
        raw("WATCH", "k"),
        raw("UNWATCH", ()),
        raw("SUBSCRIBE", "news"),
        raw("PSUBSCRIBE", "n*"),
        raw("UNSUBSCRIBE", "news"),
        raw("MONITOR", ()),
        raw("QUIT", ()),
        raw("RESET", ()),
        raw("BLPOP", ("k", 0)),
        raw("XREAD", ("BLOCK", 0, "STREAMS", "s", "$")),
    );
    table
}
