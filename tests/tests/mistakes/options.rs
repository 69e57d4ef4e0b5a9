//! Options that make no sense.

use std::time::Duration;

use swarm_keydb::{ClientOptions, HttpFallback};

use crate::table::Table;

pub(crate) async fn table() -> Table {
    let mut table = Table::new("Options");
    macro_rules! options {
        ($($method:ident($($arg:expr),*)),+ $(,)?) => {$(
            let mistake = stringify!($method($($arg),*));
            let options = ClientOptions::new("ws://127.0.0.1:1").$method($($arg),*);
            table.connect(mistake, options).await;
        )+};
    }
    options!(
        request_timeout(Duration::ZERO),
        connect_timeout(Duration::ZERO),
        max_in_flight(0),
        max_in_flight_bytes(0),
        max_connections(0),
        max_dedicated_connections(0),
        reconnect_max_delay(Duration::ZERO),
        heartbeat_interval(Duration::ZERO),
        inactivity_timeout(Duration::ZERO),
        password(""),
        http_url("ws://localhost:8080"),
        http_url("localhost:8080"),
        fallback(HttpFallback::new("redis://localhost:6379")),
        transport(|transport| transport.header("Bad Name", "x")),
        transport(|transport| transport.header("X-Token", "s3cret\r\n")),
        transport(|transport| transport.bearer_token("s3cret\n")),
    );
    table
}
