//! Starts a Redis Cluster of three primaries and three replicas, and a primary with two replicas
//! and three sentinels, for programs to try. Runs until Ctrl-C.

use swarm_tests::{Cluster, Sentinels};

#[tokio::main]
async fn main() {
    // Before the servers start, so that they are always stopped.
    let stopped = tokio::spawn(tokio::signal::ctrl_c());
    let (Some(cluster), Some(sentinels)) = tokio::join!(Cluster::start(3, 3), Sentinels::start(2))
    else {
        std::process::exit(1);
    };
    println!("cluster    {}", cluster.url());
    println!("sentinel   {}", sentinels.url());
    for (at, server) in sentinels.servers().iter().enumerate() {
        let what = if at == 0 { "primary" } else { "replica" };
        println!("  {what}  {server}");
    }
    println!("They stop with Ctrl-C.");
    let stopped = stopped.await.expect("the task does not panic");
    stopped.expect("signals can be awaited");
}
