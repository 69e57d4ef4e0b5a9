//! Replays commands and odd input over one connection or three.

use std::collections::BTreeMap;

use swarm_gateway::Gateway;
use swarm_tests::UPSTREAM;
use tokio_tungstenite::tungstenite::Message;

use crate::compare::{Precision, same, without_order};
use crate::differences::Differences;
use crate::door::Door;
use crate::http;
use crate::pace::Pace;
use crate::recording::{self, Step, episodes};

/// Starts a gateway with an empty store.
pub(crate) async fn gateway() -> Gateway {
    Gateway::builder().dialect(UPSTREAM).start().await.unwrap()
}

/// Returns answers in a form to read.
pub(crate) fn shown(answers: &[Vec<u8>]) -> String {
    const LONGEST: usize = 500;
    let text: Vec<_> = (answers.iter())
        .map(|answer| format!("\"{}\"", answer.escape_ascii()))
        .collect();
    let mut text = text.join(" ");
    text.truncate(LONGEST);
    text
}

fn report(differences: &mut Differences, step: &Step, peer: &str, what: &str) {
    let mut kind = format!("{} {}", step.door, step.command());
    if !peer.is_empty() && peer != step.sender {
        kind += " (others)";
    }
    let place = format!("{} {} {}", step.door, step.seed, step.number);
    differences.add(kind, place, format!("{} {what}", shown(&step.send)));
}

fn agree(step: &Step, expected: &[Vec<u8>], found: &[Vec<u8>]) -> bool {
    if step.volatile && step.command() == "BACKENDMETA" {
        // The recorded server had no metadata; null or not, it is one answer.
        return expected.len() == found.len();
    }
    let precision = if step.volatile {
        Precision::Shape
    } else {
        Precision::Exact
    };
    if step.command() == "PUBSUB" {
        let sorted = |answers: &[Vec<u8>]| vec![without_order(&answers.concat())];
        return same(&sorted(expected), &sorted(found), precision);
    }
    same(expected, found, precision)
}

pub(crate) async fn replay_one(differences: &mut Differences) {
    for episode in episodes(differences.file()) {
        let mut pace = Pace::default();
        let builder = Gateway::builder().dialect(UPSTREAM);
        let gateway = builder.clock(pace.clock()).start().await.unwrap();
        let mut door = Door::open(&gateway, &episode[0].door).await;
        for step in &episode {
            differences.compared();
            let expected = &step.received[""];
            let answers = async {
                if let Door::Http(address) = &door {
                    return vec![http::command(address, &step.send).await];
                }
                door.command(&step.send).await;
                door.answers(expected).await
            };
            let mut found = pace.within_block(step, answers).await;
            pace.follow(step);
            if step.end.is_some() || !agree(step, expected, &found) {
                found.extend(door.rest().await);
            } else {
                found.extend(door.arrived());
            }
            if !agree(step, expected, &found) {
                let what = format!(
                    "\n          {}\n          {}",
                    shown(expected),
                    shown(&found)
                );
                report(differences, step, "", &what);
            } else if step.end.as_deref() == Some("closed") && !door.is_closed().await {
                report(differences, step, "", "is not the end of the connection");
            }
        }
    }
}

pub(crate) async fn replay_three(differences: &mut Differences) {
    for episode in episodes(differences.file()) {
        let gateway = gateway().await;
        let mut doors = BTreeMap::new();
        for name in ["A", "B", "C"] {
            doors.insert(name, Door::open(&gateway, &episode[0].door).await);
        }
        let last = episode.last().map(|step| step.number);
        for step in &episode {
            differences.compared();
            let sender = doors.get_mut(step.sender.as_str()).unwrap();
            sender.command(&step.send).await;
            let mut found = BTreeMap::new();
            for (name, door) in &mut doors {
                found.insert(*name, door.answers(&step.received[*name]).await);
            }
            let same =
                (found.iter()).all(|(name, answers)| agree(step, &step.received[*name], answers));
            for (name, door) in &mut doors {
                let more = if same && Some(step.number) != last {
                    door.arrived()
                } else {
                    door.rest().await
                };
                found.entry(name).or_default().extend(more);
            }
            for (name, answers) in &found {
                let expected = &step.received[*name];
                if !agree(step, expected, answers) {
                    let (expected, found) = (shown(expected), shown(answers));
                    let what = format!("{name}:\n          {expected}\n          {found}");
                    report(differences, step, name, &what);
                }
            }
        }
    }
}

pub(crate) async fn replay_frames(differences: &mut Differences) {
    for line in recording::lines(differences.file()) {
        differences.compared();
        let (name, door_name) = (
            line["name"].as_str().unwrap(),
            line["door"].as_str().unwrap(),
        );
        let gateway = gateway().await;
        let mut door = Door::open(&gateway, door_name).await;
        let received = line["recv"].as_array().unwrap().iter();
        let kind = || format!("{door_name} {name}");
        for (input, expected) in recording::texts(&line["send"]).iter().zip(received) {
            let expected = recording::texts(expected);
            match (&mut door, door_name) {
                (Door::Tcp(tcp), _) => tcp.send(input).await,
                (Door::Ws(ws), "ws text") => {
                    let text = String::from_utf8(input.clone()).unwrap();
                    ws.send(Message::text(text)).await;
                }
                (Door::Ws(ws), _) => ws.send(Message::binary(input.clone())).await,
                (Door::Http(_), _) => unreachable!("recorded for other listeners"),
            }
            let mut found = door.answers(&expected).await;
            found.extend(door.rest().await);
            if found.concat() != expected.concat() {
                let (expected, found) = (shown(&expected), shown(&found));
                let what = format!(
                    "\"{}\"\n          {expected}\n          {found}",
                    input.escape_ascii()
                );
                differences.add(kind(), kind(), what);
                break;
            }
        }
        if line["end"] == "closed" && !door.is_closed().await {
            let what = "is not the end of the connection".to_owned();
            differences.add(kind(), kind(), what);
        }
    }
}
