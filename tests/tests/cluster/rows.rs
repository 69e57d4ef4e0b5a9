//! Every row of the table of commands reaches the node that owns its keys.

use std::time::Duration;

use swarm_keydb::cluster::Client;
use swarm_keydb::{Client as Node, ErrorKind};
use swarm_tests::{Cluster, within_secs};
use swarm_transport::facts::{self, Blocking, Facts, Place, Session};

/// Arguments of a command with keys of one slot, as many as it needs. `None` if the server does not
/// have the command, or it has no keys.
async fn request(node: &Node, row: &Facts, tag: usize) -> Option<(String, Vec<String>)> {
    let (first, second) = row.words;
    let name = format!("{first} {second}").trim().to_owned();
    let asked = if second.is_empty() {
        first.to_owned()
    } else {
        format!("{first}|{second}")
    };
    let info = node
        .raw("COMMAND INFO", asked.to_lowercase())
        .await
        .unwrap();
    let info = info.view().items()?.next()?;
    let arity = info.items()?.nth(1)?.as_integer()?.unsigned_abs();
    let arity = usize::try_from(arity).ok()?;
    // Positions are counted from the first word.
    let mut args = vec!["1".to_owned(); arity.max(2)];
    let key = |n: usize| format!("{{tag{tag}}}{n}");
    let mut has_keys = false;
    for place in row.key_places() {
        match *place {
            Place::Range { first, last, step } => {
                let first = usize::from(first);
                if args.len() <= first {
                    args.resize(first + 1, "1".to_owned());
                }
                let last = match usize::try_from(last) {
                    Ok(last) => last,
                    Err(_) => args.len() - usize::from(last.unsigned_abs()),
                };
                for at in (first..=last).step_by(step.max(1).into()) {
                    args[at] = key(at);
                    has_keys = true;
                }
            }
            Place::Counted(at) => {
                let at = usize::from(at);
                if args.len() <= at + 1 {
                    args.resize(at + 2, "1".to_owned());
                }
                args[at + 1] = key(at);
                has_keys = true;
            }
            Place::HalfAfter(word) => {
                if first == "XREADGROUP" {
                    args = ["XREADGROUP", "GROUP", "g", "c"].map(str::to_owned).into();
                } else {
                    args.truncate(1);
                }
                args.extend([word.to_owned(), key(0), "0".to_owned()]);
                has_keys = true;
            }
            Place::After(..) => {}
            _ => return None,
        }
    }
    let words = name.split(' ').count();
    has_keys.then(|| (name, args.split_off(words)))
}

#[tokio::test]
async fn every_command_with_keys_reaches_their_node() {
    let Some(cluster) = Cluster::start(3, 0).await else {
        return;
    };
    within_secs(60, async {
        let client = Client::connect(cluster.url()).await.unwrap();
        let any = client.node(&client.primaries()[0]).unwrap();
        let mut rows = 0;
        for (tag, row) in facts::all().iter().enumerate() {
            if row.session != Session::Unchanged || row.words.0 == "MIGRATE" {
                continue;
            }
            let Some((name, args)) = request(&any, row, tag).await else {
                continue;
            };
            // The server finds the same keys.
            let mut words: Vec<_> = name.split(' ').map(str::to_owned).collect();
            words.extend(args.clone());
            if let Ok(keys) = any.raw("COMMAND GETKEYS", words).await {
                for key in keys.view().items().unwrap() {
                    let slot = Client::slot_of(key.as_bytes().unwrap().to_vec());
                    assert_eq!(
                        slot,
                        Client::slot_of(format!("{{tag{tag}}}")),
                        "{name} {args:?}"
                    );
                }
            }
            let result = match row.blocking {
                Blocking::Never => client.raw(name.clone(), args).await,
                _ => {
                    client
                        .raw_blocking(name.clone(), args, Duration::from_secs(1))
                        .await
                }
            };
            if let Err(error) = result {
                assert_eq!(error.kind(), ErrorKind::Server, "{name}: {error}");
                for code in ["CROSSSLOT", "CLUSTERDOWN", "MOVED", "ASK"] {
                    assert!(!error.is_code(code), "{name}: {error}");
                }
            }
            rows += 1;
        }
        assert!(rows > 150, "{rows} rows");
        // A node that does not own the keys would have counted a redirect.
        for primary in client.primaries() {
            let node = client.node(&primary).unwrap();
            let errors = node.raw("INFO", "errorstats").await.unwrap();
            let errors = String::from_utf8_lossy(errors.as_bytes().unwrap()).into_owned();
            assert!(
                !errors.contains("MOVED") && !errors.contains("CROSSSLOT"),
                "{errors}"
            );
        }
    })
    .await;
}
