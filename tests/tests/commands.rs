//! Every command on every kind of server, with the checks of the live suite.

use swarm_tests::{Check, Finding, Surface, Target, checks, targets, within};
use tokio::runtime::Handle;

/// Documented facts about every command.
const TABLE: &str = include_str!("../../crates/swarm-keydb/src/guide/commands.md");

/// Methods without a check, and the reason.
const LEFT_OUT: &[&str] = &[
    "flushdb",            // removes everything; compared with Redis in the gateway's own tests
    "script_flush",       // removes the scripts of other clients
    "backup",             // writes to the server's storage backend
    "restoredb",          // overwrites the store
    "restoredb_with_key", // overwrites a key of the store
    "rotatekey",          // changes the server's encryption key
    "swarm_resync",       // reloads the server's data
    "flushall",           // removes everything
    "swapdb",             // exchanges the data of all clients
    "save",               // writes to the server's disk
    "bgsave",             // writes to the server's disk
    "bgrewriteaof",       // writes to the server's disk
    "config_rewrite",     // writes to the server's disk
    "acl_save",           // writes to the server's disk
    "acl_load",           // replaces all users
    "function_flush",     // removes the functions of other clients
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_works_on_every_server() {
    let mut faults = Vec::new();
    for target in targets().await {
        let (client, blocking) = (target.connect().await, target.connect_blocking().await);
        for surface in Surface::all(&client, &blocking) {
            if target.is_http() && matches!(surface, Surface::Transaction(_)) {
                continue;
            }
            for check in checks() {
                let found = run(check, &surface).await;
                if !is_expected(&target, &surface, check.methods, &found) {
                    let (target, surface) = (&target.name, surface.name());
                    faults.push(format!(
                        "{target}, {surface}: {:?}: {found:?}",
                        check.methods
                    ));
                }
                if target.is_http() && matches!(surface, Surface::Async(_)) {
                    let carried = !matches!(found, Err(Finding::Unsupported(_)));
                    assert_eq!(carried, http_carries(check.methods), "{:?}", check.methods);
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Returns whether the command table marks the methods as available over HTTP. Methods without a
/// row are.
fn http_carries(methods: &[&str]) -> bool {
    let row = table_rows().find(|cells| names(cells[2]).any(|name| methods.contains(&name)));
    row.is_none_or(|cells| cells[7].trim() != "no")
}

/// Returns the methods in a cell of the table.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Runs a check on a thread where blocking does not stall the servers of this runtime.
async fn run(check: Check, surface: &Surface) -> Result<(), Finding> {
    let surface = surface.clone();
    let runtime = Handle::current();
    let checked = tokio::task::spawn_blocking(move || runtime.block_on(check.run(&surface)));
    within(checked).await.expect("a check does not panic")
}

fn is_expected(
    target: &Target,
    surface: &Surface,
    methods: &[&str],
    found: &Result<(), Finding>,
) -> bool {
    // No gateway carries values that are not UTF-8, which these methods return and take.
    let binary = methods.contains(&"dump") || methods.contains(&"function_dump");
    match found {
        Ok(()) => true,
        Err(Finding::Unsupported(why) | Finding::Differs(why)) if binary => why.contains("UTF-8"),
        // Errors that are arrays look like results to a command that returns one.
        Err(Finding::Differs(why)) if target.name.contains("array-errors") => {
            why.contains("-ERR") || is_missing(&target.name, methods)
        }
        // Redis lacks SwarmKeyDb's commands, and SwarmKeyDb lacks some of Redis's.
        Err(Finding::Refused(_)) => {
            let scripted = methods.contains(&"eval") || methods.contains(&"evalsha");
            let queued =
                matches!(surface, Surface::Transaction(_)) && target.name.contains("upstream");
            is_missing(&target.name, methods) || scripted && queued
        }
        Err(Finding::Unsupported(why)) => {
            let session =
                target.is_http() && (why.contains("session") || why.contains("blocking commands"));
            let queues = matches!(
                surface,
                Surface::Pipeline(_) | Surface::Bulk(_) | Surface::Transaction(_)
            );
            let alone = queues && why.contains("send it on its own");
            session || alone
        }
        Err(_) => false,
    }
}

fn is_missing(target: &str, methods: &[&str]) -> bool {
    if target.contains("redis") {
        return methods.iter().any(|method| !is_marked(method, REDIS));
    }
    // Options that it lacks although it has the command.
    let beyond = ["set_with", "xgroup_createconsumer", "xautoclaim_justid"];
    let lacks = |method: &&str| beyond.contains(method) || !is_marked(method, SWARMKEYDB);
    let upstream = target.contains("upstream") && methods.iter().any(lacks);
    upstream || methods.iter().any(|method| !is_marked(method, EMBEDDED))
}

/// Columns of the command table.
const SWARMKEYDB: usize = 8;
const REDIS: usize = 9;
const EMBEDDED: usize = 11;

/// Returns whether the command table marks a method as available on a server. Methods without a row
/// are. A version is newer than the server of the tests.
fn is_marked(method: &str, column: usize) -> bool {
    let row = table_rows().find(|cells| names(cells[2]).any(|name| name == method));
    row.is_none_or(|cells| cells[column].trim() == "yes")
}

/// Returns the cells of the rows of the command table.
fn table_rows() -> impl Iterator<Item = Vec<&'static str>> {
    let rows = TABLE
        .lines()
        .map(|line| line.split('|').collect::<Vec<_>>());
    rows.filter(|cells| cells.len() > 10)
}

#[test]
fn every_method_has_a_check() {
    let checked: Vec<_> = checks()
        .iter()
        .flat_map(|check| check.methods)
        .copied()
        .collect();
    let rows = table_rows();
    let methods: Vec<_> = rows.flat_map(|cells| names(cells[2])).collect();
    assert!(methods.len() > 40, "the table is read wrongly");
    for method in methods {
        let known = checked.contains(&method) || LEFT_OUT.contains(&method);
        assert!(known, "{method} has no check");
    }
}
