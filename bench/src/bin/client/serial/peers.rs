//! Other clients on the same server, over TCP.

use fred::clients::Pool;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use fred::types::{ClusterHash, CustomCommand};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};

use super::load::{Commands, Step};
use super::swarm::PATIENCE;

/// Number of clients in fred's pool: as many connections as this client opens at most.
const POOL: usize = 64;

/// Returns the multiplexed connection of redis-rs.
pub async fn redis_rs(url: &str) -> MultiplexedConnection {
    let client = Client::open(url).unwrap();
    // The default of 500 ms is shorter than the queue of this server.
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await.unwrap()
}

/// Returns a pool of fred, which takes its clients in turn.
pub async fn fred(url: &str) -> Pool {
    let pool = Pool::new(Config::from_url(url).unwrap(), None, None, None, POOL).unwrap();
    pool.init().await.unwrap();
    pool
}

impl Commands for MultiplexedConnection {
    async fn run(&self, step: Step<'_>) -> bool {
        let mut command = redis::Cmd::new();
        step.words().into_iter().for_each(|word| {
            command.arg(word);
        });
        let reply: redis::RedisResult<redis::Value> = command.query_async(&mut self.clone()).await;
        reply.is_ok()
    }
}

impl Commands for Pool {
    async fn run(&self, step: Step<'_>) -> bool {
        let words = step.words();
        let (name, args) = words.split_first().unwrap();
        let command = CustomCommand::new((*name).to_owned(), ClusterHash::FirstKey, false);
        let reply: Result<fred::types::Value, _> = self.next().custom(command, args.to_vec()).await;
        reply.is_ok()
    }
}
