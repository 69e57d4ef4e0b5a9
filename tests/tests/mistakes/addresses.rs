//! Addresses that are no valid address.

use crate::table::Table;

pub(crate) async fn table() -> Table {
    let mut table = Table::new("Addresses");
    for address in [
        "",
        "localhost:8765",
        "//localhost:8765",
        "://localhost",
        "ftp://localhost:8765",
        "tcp://localhost:6379",
        "valkey://localhost:6379",
        "ws:///",
        "ws:///x",
        "ws://",
        "ws://:8765",
        "redis://:6379",
        "ws://localhost:87650",
        "ws://localhost:port",
        "ws://localhost:0",
        "ws://::1:8765",
        "redis://fe80::1",
        "ws://[::1:8765",
        "ws://256.1.1.1:8765",
        "ws://local host:8765",
        " ws://localhost:8765",
        "ws://localhost:8765\n",
        "ws://user:s3cret@localhost:8765",
        "http://user:s3cret@localhost:8080",
        "http://localhost:8080/?token=s3cret",
        "ws://localhost:8765/#s3cret",
        "redis://localhost/two",
        "redis://localhost/0/1",
        "redis://localhost/99999999999",
        "redis://localhost:6379?db=1",
        "redis://:s3cret/x@localhost:6379",
        "redis://:s3cret?x@localhost:6379",
        "redis://:s3cret#x@localhost:6379",
        "redis://:s3cret@x@localhost:6379/y",
        "redis://user@localhost:6379",
        "redis://:%ff@localhost:6379",
        "redis://:s3cret:6379",
        "rediss://localhost:6379/0?ssl_cert_reqs=none",
        "wss://localhost:8765?token=s3cret#s3cret",
        "unix://",
        "unix://run/redis.sock",
        "redis+unix:///",
        "redis+unix:///run/redis.sock?database=1",
        "redis+unix:///run/redis.sock?db=one",
        "redis+unix:///run/redis.sock?db=1&db=2",
    ] {
        let mistake = match address {
            "" => "Client::connect(\"\")".to_owned(),
            address => format!("{address:?}"),
        };
        table.connect(&mistake, address).await;
    }
    table
}
