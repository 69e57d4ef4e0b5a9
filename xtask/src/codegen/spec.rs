//! The command table as it is written down: `crates/swarm-keydb/spec/*.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// One file of the table: one family of commands, which becomes one trait.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Family {
    /// The name of the file without its ending, and of the module that is made of it.
    #[serde(skip)]
    pub(super) module: String,
    #[serde(rename = "trait")]
    pub(super) name: String,
    pub(super) summary: String,
    #[serde(rename = "command")]
    pub(super) commands: Vec<Command>,
}

/// One method of a family.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    /// What is sent; each word is an argument.
    pub(super) name: String,
    pub(super) method: String,
    pub(super) summary: String,
    /// The command to use instead when a duration is not whole seconds.
    pub(super) precise: Option<String>,
    /// What is sent behind the name, in this order.
    #[serde(default)]
    pub(super) args: Vec<Arg>,
    /// The order of the method's parameters, where it is another.
    pub(super) parameters: Option<Vec<String>>,
    /// The type of the reply.
    pub(super) reply: String,
    /// What the reply means.
    pub(super) returns: String,
    /// The function of `commands::model` that reads the reply, unless its type can.
    pub(super) decode: Option<String>,
    /// The type of the reply of a second method, `…_as`, that is generic in `T`.
    pub(super) typed: Option<String>,
    /// When the server answers an error.
    pub(super) errors: Option<String>,
    /// How the servers differ in what the command guarantees.
    pub(super) servers: Option<String>,
    /// Lines that show the method at work, on a `client`.
    pub(super) example: Option<String>,
    #[serde(default)]
    pub(super) retry: Retry,
    /// Whether nothing else may be in flight with it.
    #[serde(default)]
    pub(super) alone: bool,
    /// Whether the reply may repeat text that SwarmKeyDb does not escape, so that a fence must follow.
    #[serde(default)]
    pub(super) fenced: bool,
    /// Facts that do not follow from the row. They hold for the command, so one of its methods states them.
    pub(super) facts: Option<Facts>,
    /// Whether the newest SwarmKeyDb has it.
    #[serde(default = "yes")]
    pub(super) swarmkeydb: bool,
    /// Whether Redis has it.
    #[serde(default = "yes")]
    pub(super) redis: bool,
    /// Calls, and what they must send to the byte.
    pub(super) wire: Vec<Wire>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arg {
    /// The name of the parameter; a token has none.
    #[serde(default)]
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The parameter's type, for options and positions; the word itself, for a token.
    #[serde(rename = "type")]
    pub(super) ty: Option<String>,
}

/// What an argument is, which decides its type and how it is checked.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Key,
    Keys,
    /// Keys behind their number.
    CountedKeys,
    /// Any text, bytes or number.
    Arg,
    /// Any number of those.
    Args,
    /// Text that the server may echo in an error, so without line breaks.
    Echoed,
    /// A channel of Pub/Sub: not empty, without line breaks.
    Channel,
    /// Any number of those.
    Channels,
    /// A pattern of channels that the server can read.
    Pattern,
    Pairs,
    I64,
    U64,
    F64,
    /// A time to live, in seconds, or in the unit of the more precise command.
    Ttl,
    TtlMilliseconds,
    TimeSeconds,
    Options,
    /// A fixed word.
    Token,
    /// A time in milliseconds, which may be zero.
    Milliseconds,
    /// `COUNT` and how many.
    Count,
    /// Names and values of a stream entry.
    Fields,
    /// IDs of stream entries.
    Ids,
    /// An ID, or a sign that may stand for one there.
    Position,
    /// The ends of a range of IDs, first to last or last to first.
    Range,
    RangeReversed,
    /// `STREAMS`, keys, and a position in each.
    Streams,
}

/// Whether a command may be sent again when its reply was lost.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Retry {
    ReadOnly,
    /// It writes, but twice is as once, its reply included.
    Idempotent,
    #[default]
    Never,
}

/// Facts about a command, whatever its arguments.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    /// What it reads or changes on the server.
    pub(super) access: Option<Access>,
    /// What it changes on its connection.
    pub(super) session: Option<Session>,
    /// `always`, or the option that makes it block.
    pub(super) blocking: Option<String>,
    /// False if it is about its connection, so that it means nothing over HTTP.
    pub(super) http: Option<bool>,
    /// Where its keys stand.
    pub(super) keys: Option<Vec<String>>,
    /// Where further names stand that the server may repeat in an error.
    pub(super) names: Option<Vec<String>>,
    /// Options among its arguments.
    pub(super) options: Option<Options>,
    /// How many keys it writes.
    pub(super) writes: Option<Writes>,
    /// Whether it runs code.
    #[serde(default)]
    pub(super) script: bool,
    /// Whether the reply may repeat text that SwarmKeyDb does not escape.
    #[serde(default)]
    pub(super) fenced: bool,
    /// Whether it acts in several steps, so that an error may follow after some of them.
    #[serde(default)]
    pub(super) steps: bool,
    /// Whether the reply may be a list that begins with arbitrary text.
    pub(super) texts: Option<bool>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Access {
    Read,
    Write,
    /// Changes something other than keys.
    Act,
    /// Changes only its connection.
    Session,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Session {
    State,
    End,
    Login,
    Protocol,
    Transaction,
    Watch,
    Unordered,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// Position of the first one.
    pub(super) at: u8,
    /// Each option and how many values follow it; `*` if nothing behind it is an option.
    pub(super) words: Vec<String>,
}

/// How many keys a command writes.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
pub(super) enum Writes {
    Keys(u32),
    #[serde(deserialize_with = "value_and_ttl")]
    ValueAndTtl,
}

fn value_and_ttl<'de, D: serde::Deserializer<'de>>(text: D) -> Result<(), D::Error> {
    match <&str>::deserialize(text)? {
        "value-and-ttl" => Ok(()),
        _ => Err(serde::de::Error::custom("a number, or `value-and-ttl`")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    pub(super) call: String,
    pub(super) sends: Vec<String>,
}

const fn yes() -> bool {
    true
}

/// The whole table.
pub(super) struct Spec {
    pub(super) families: Vec<Family>,
    /// Facts about commands without a method, by name.
    pub(super) without_methods: BTreeMap<String, Facts>,
}

impl Spec {
    /// The facts that a method of the command states.
    pub(super) fn facts_of(&self, name: &str) -> Option<&Facts> {
        let commands = self.families.iter().flat_map(|family| &family.commands);
        commands
            .filter(|command| command.name == name)
            .find_map(|command| command.facts.as_ref())
    }

    /// Fails if two methods of a command state facts.
    fn check(&self) -> Result<()> {
        let commands = self.families.iter().flat_map(|family| &family.commands);
        let mut stated = BTreeMap::new();
        for command in commands.filter(|command| command.facts.is_some()) {
            if let Some(other) = stated.insert(&command.name, &command.method) {
                bail!(
                    "{other} and {} both state the facts of {}",
                    command.method,
                    command.name
                );
            }
        }
        Ok(())
    }
}

/// The file of commands without a method.
const WITHOUT_METHODS: &str = "without_methods.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithoutMethods {
    facts: BTreeMap<String, Facts>,
}

/// Reads the whole table, family by family.
pub(super) fn read(folder: &Path) -> Result<Spec> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    paths.retain(|path| !path.ends_with(WITHOUT_METHODS));
    let families = paths
        .iter()
        .map(|path| family(path).with_context(|| path.display().to_string()))
        .collect::<Result<_>>()?;
    let without: WithoutMethods =
        toml::from_str(&fs::read_to_string(folder.join(WITHOUT_METHODS))?)
            .context(WITHOUT_METHODS)?;
    let spec = Spec {
        families,
        without_methods: without.facts,
    };
    spec.check()?;
    Ok(spec)
}

fn family(path: &Path) -> Result<Family> {
    let mut family: Family = toml::from_str(&fs::read_to_string(path)?)?;
    family.module = path
        .file_stem()
        .context("no name")?
        .to_string_lossy()
        .into_owned();
    for command in &family.commands {
        ensure!(
            !command.wire.is_empty(),
            "{} has no wire test",
            command.method
        );
        let mut named: Vec<_> = command.args.iter().map(|arg| &arg.name).collect();
        let mut ordered: Vec<_> = command.parameters.iter().flatten().collect();
        named.retain(|name| !name.is_empty());
        named.sort();
        ordered.sort();
        ensure!(
            command.parameters.is_none() || named == ordered,
            "{} has other parameters than arguments",
            command.method
        );
    }
    Ok(family)
}
