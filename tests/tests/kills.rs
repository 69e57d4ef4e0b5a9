//! A server that is killed while a client has many connections to it.

use std::path::Path;

use swarm_tests::{Killed, kill_repeatedly, within_secs};

// As many workers as a busy server of 64 connections needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_leaves_two_commands_per_connection_in_doubt_and_runs_none_twice() {
    let program = Path::new(env!("CARGO_BIN_EXE_kills"));
    // Each kill is followed by a reconnection and by the growth to 64 connections.
    let killed = within_secs(120, kill_repeatedly(program, 4)).await.unwrap();
    let Some(killed) = killed else { return };
    assert!(killed.faults.is_empty(), "{killed}: {:#?}", killed.faults);
    for in_doubt in &killed.may_have_run {
        // At least one per connection was in flight, or the server was not busy.
        assert!((1..=Killed::MAX_IN_DOUBT).contains(in_doubt), "{killed:?}");
    }
    assert!(killed.delivered > 1000, "{killed}");
}
