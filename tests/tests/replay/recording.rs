//! Reads the recordings: one JSON object a line, in whose strings each character is one byte.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

/// Connections by name; a single connection has the empty name.
pub(crate) type Received = BTreeMap<String, Vec<Vec<u8>>>;

/// A command, and what each connection received.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) door: String,
    pub(crate) seed: u64,
    pub(crate) number: u64,
    pub(crate) sender: String,
    pub(crate) send: Vec<Vec<u8>>,
    pub(crate) received: Received,
    /// `closed` or `silence`.
    pub(crate) end: Option<String>,
    pub(crate) volatile: bool,
}

impl Step {
    fn parse(line: &Value) -> Self {
        let received = match &line["recv"] {
            Value::Object(peers) => (peers.iter())
                .map(|(name, received)| (name.clone(), texts(received)))
                .collect(),
            received => BTreeMap::from([(String::new(), texts(received))]),
        };
        Self {
            door: text(&line["door"]),
            seed: line["seed"].as_u64().unwrap(),
            number: line["step"].as_u64().unwrap(),
            sender: line["who"].as_str().unwrap_or_default().to_owned(),
            send: texts(&line["send"]),
            received,
            end: line["end"].as_str().map(str::to_owned),
            volatile: line["volatile"].as_bool().unwrap(),
        }
    }

    /// Returns the name of the command in upper case.
    pub(crate) fn command(&self) -> String {
        String::from_utf8_lossy(&self.send[0]).to_uppercase()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Returns the bytes of a text.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.chars()
        .map(|char| u8::try_from(u32::from(char)).unwrap())
        .collect()
}

/// Returns the bytes of each text of a list.
pub(crate) fn texts(list: &Value) -> Vec<Vec<u8>> {
    let list = list.as_array().unwrap().iter();
    list.map(|item| bytes(item.as_str().unwrap())).collect()
}

/// Returns the set that replaces the repository's, if there is one.
pub(crate) fn other_set() -> Option<PathBuf> {
    std::env::var_os("RECORDED").map(PathBuf::from)
}

/// Reads the lines of a file; none if another set lacks the file.
pub(crate) fn lines(file: &str) -> Vec<Value> {
    let ours = || concat!(env!("CARGO_MANIFEST_DIR"), "/recorded").into();
    let path = other_set().unwrap_or_else(ours).join(file);
    if other_set().is_some() && !path.exists() {
        return Vec::new();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    (text.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Reads the episodes of a file: consecutive steps of one listener and seed.
pub(crate) fn episodes(file: &str) -> Vec<Vec<Step>> {
    let mut episodes: Vec<Vec<Step>> = Vec::new();
    for line in lines(file) {
        let step = Step::parse(&line);
        let same = |last: &Step| last.door == step.door && last.seed == step.seed;
        match episodes.last_mut() {
            Some(episode) if episode.last().is_some_and(same) => episode.push(step),
            _ => episodes.push(vec![step]),
        }
    }
    episodes
}
