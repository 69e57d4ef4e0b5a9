//! Order of the commands on each key over several connections, by the histories of the keys.

use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, WriteQueue};
use swarm_keydb::{Client, ClientOptions, CommandOrder};
use swarm_tests::{Findings, Load, UPSTREAM, within_secs};

/// Seconds that a load may take: thousands of commands on a busy machine.
const LIMIT: u64 = 120;

/// Runs a load on the deployed server, whose write queue has a short interval.
async fn on_a_serial_server(
    commands: usize,
    options: impl FnOnce(ClientOptions) -> ClientOptions,
) -> Findings {
    let queue = WriteQueue::new().interval(Duration::from_millis(1));
    let gateway = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = gateway.write_queue(queue).start().await.unwrap();
    // Not by growth, which takes a machine that is short of cores for a slow server.
    let options = options(ClientOptions::new(gateway.ws_url()).min_connections(64));
    let client = Client::connect(options).await.unwrap();
    let load = Load {
        commands,
        tasks: 128,
        keys: 100,
    };
    within_secs(LIMIT, load.run(&[client])).await.unwrap()
}

fn assert_correct(findings: &Findings) {
    assert!(findings.swapped.is_empty(), "{:#?}", findings.swapped);
    let wrong = &findings.not_linearizable;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_a_key_run_in_the_order_of_their_first_polls() {
    let findings = on_a_serial_server(20_000, |options| options).await;
    assert_correct(&findings);
    assert!(findings.connections >= 32, "{findings}");
    assert!(findings.answered >= 18_000, "{findings}");
    assert!(findings.canceled >= 200, "{findings}");
}

/// Shows that the test above can fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_order_commands_of_a_key_overtake_each_other() {
    let none = |options: ClientOptions| options.ordering(CommandOrder::None);
    let findings = on_a_serial_server(5_000, none).await;
    assert!(findings.swapped.len() > 10, "{findings}");
    // Each of them still runs while its caller waits for it.
    let wrong = &findings.not_linearizable;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_two_clients_are_linearizable() {
    let gateway = Gateway::builder().dialect(UPSTREAM).start().await.unwrap();
    let options = || ClientOptions::new(gateway.ws_url()).min_connections(8);
    let clients = [
        Client::connect(options()).await.unwrap(),
        Client::connect(options()).await.unwrap(),
    ];
    let load = Load {
        commands: 5_000,
        tasks: 64,
        keys: 20,
    };
    let findings = within_secs(LIMIT, load.run(&clients)).await.unwrap();
    assert_correct(&findings);
    assert!(findings.connections >= 8, "{findings}");
}
