//! Parser of the command specification, `crates/swarm-keydb/spec/*.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// One file of the table: one family of commands, which becomes one trait.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Family {
    /// Stem of the file name and name of the generated module.
    #[serde(skip)]
    pub(super) module: String,
    #[serde(rename = "trait")]
    pub(super) name: String,
    pub(super) summary: String,
    /// Whether the newest SwarmKeyDb has commands of the family.
    #[serde(default = "yes")]
    swarmkeydb: bool,
    /// Whether the embedded store of swarm-gateway has commands of the family.
    #[serde(default = "yes")]
    embedded: bool,
    #[serde(rename = "command")]
    pub(super) commands: Vec<Command>,
}

/// One method of a family.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    /// Name of the command; each word is sent as one argument.
    pub(super) name: String,
    pub(super) method: String,
    pub(super) summary: String,
    /// The command to use instead when a duration is not whole seconds.
    pub(super) precise: Option<String>,
    /// Arguments after the name, in the order in which they are sent.
    #[serde(default)]
    pub(super) args: Vec<Arg>,
    /// Order of the method's parameters, if it differs from the order of the arguments.
    pub(super) parameters: Option<Vec<String>>,
    /// The type of the reply.
    pub(super) reply: String,
    /// What the reply means.
    pub(super) returns: String,
    /// Function of `commands::model` that decodes the reply; by default, `FromFrame` does.
    pub(super) decode: Option<String>,
    /// The type of the reply of a second method, `…_as`, that is generic in `T`.
    pub(super) typed: Option<String>,
    /// Conditions under which the server returns an error.
    pub(super) errors: Option<String>,
    /// How the guarantees of the command differ between servers.
    pub(super) servers: Option<String>,
    /// Example code that calls the method on a `client`.
    pub(super) example: Option<String>,
    #[serde(default)]
    pub(super) retry: Retry,
    /// How a cache may keep the reply: only of a command whose first argument is its only key, or
    /// whose arguments are keys that GET reads, and whose reply depends on nothing else.
    pub(super) cached: Option<Cached>,
    /// Whether no other command may be in flight at the same time.
    #[serde(default)]
    pub(super) alone: bool,
    /// Whether the reply may repeat text that SwarmKeyDb does not escape, so that a fence must
    /// follow.
    #[serde(default)]
    pub(super) fenced: bool,
    /// Facts that do not follow from the row. Only one method of a command may state them, because
    /// they apply to the command.
    pub(super) facts: Option<Facts>,
    /// Whether the newest SwarmKeyDb has the command.
    #[serde(default = "yes")]
    pub(super) swarmkeydb: bool,
    /// Whether Redis has the command.
    #[serde(default = "yes")]
    pub(super) redis: bool,
    /// The first version of Redis that has the command, if it is newer than 7.0.
    pub(super) since: Option<String>,
    /// Whether the embedded store of swarm-gateway has the command.
    #[serde(default = "yes")]
    pub(super) embedded: bool,
    /// Calls and the exact arguments that they must send.
    pub(super) wire: Vec<Wire>,
}

impl Command {
    /// Whether a cache that keeps the reply by the command's first key drops it whenever it
    /// changes.
    pub(super) fn may_be_cached(&self) -> bool {
        let is_key = |arg: &Arg| matches!(arg.kind, Kind::Key | Kind::Keys | Kind::CountedKeys);
        let keys = self.args.iter().filter(|arg| is_key(arg)).count();
        let first = self.args.first().map(|arg| arg.kind);
        let expected = match self.cached {
            None => return true,
            Some(Cached::Reply) => Kind::Key,
            Some(Cached::EachKey) => Kind::Keys,
        };
        self.retry == Retry::ReadOnly && keys == 1 && first == Some(expected)
    }

    /// Whether the command always blocks.
    pub(super) fn blocks(&self) -> bool {
        self.args.iter().any(|arg| arg.kind == Kind::Timeout)
    }
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

/// Kind of an argument, which determines its type and its checks.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Key,
    Keys,
    /// Keys, preceded by their number.
    CountedKeys,
    /// Any text, bytes or number.
    Arg,
    /// Any number of those.
    Args,
    /// At least one of those.
    Values,
    /// The number of those, then those; at least one.
    CountedValues,
    /// A value of a type with a fixed encoding, which is one argument.
    Plain,
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
    /// A time to live, in seconds or in the unit of the `precise` command.
    Ttl,
    TtlMilliseconds,
    TimeSeconds,
    Options,
    /// A fixed word.
    Token,
    /// A time in milliseconds, which may be zero.
    Milliseconds,
    /// `COUNT` and a number.
    Count,
    /// A time for which the command blocks, in seconds with a fraction; `None` means forever.
    Timeout,
    /// A point in time in milliseconds.
    TimeMilliseconds,
    /// A bit.
    Bit,
    /// First and last index of a range of indices.
    Indices,
    /// Minimum and maximum of a range of scores.
    Scores,
    /// Minimum and maximum of a range of texts.
    Lex,
    /// Members and their scores.
    Scored,
    /// Members and their places on the earth.
    Places,
    /// Names and values of the fields of a stream entry or a hash.
    Fields,
    /// IDs of stream entries.
    Ids,
    /// An ID, or a special ID that the command accepts, such as `$`.
    Position,
    /// Bounds of a range of IDs, first to last.
    Range,
    /// Bounds of a range of IDs, last to first.
    RangeReversed,
    /// `STREAMS`, keys, and a position in each.
    Streams,
}

/// Whether the client may retry a command if the reply was lost.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Retry {
    ReadOnly,
    /// The command writes, but running it twice has the same effect and the same reply.
    Idempotent,
    #[default]
    Never,
}

/// How a cache may keep the reply to a command.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Cached {
    /// As a whole.
    Reply,
    /// One element for each key, as the reply to GET.
    EachKey,
}

/// Facts about a command, whatever its arguments.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    /// What the command reads or changes on the server.
    pub(super) access: Option<Access>,
    /// What the command changes on its connection.
    pub(super) session: Option<Session>,
    /// `always`, or the option that makes the command block.
    pub(super) blocking: Option<String>,
    /// False if the command concerns its connection, so that it is meaningless over HTTP.
    pub(super) http: Option<bool>,
    /// Positions of the keys.
    pub(super) keys: Option<Vec<String>>,
    /// Positions of further names that the server may repeat in an error.
    pub(super) names: Option<Vec<String>>,
    /// Options among the arguments.
    pub(super) options: Option<Options>,
    /// Which commands the command stays in order with, if not those that name one of its keys: all
    /// for a command without keys that changes something, none for one that reads.
    pub(super) order: Option<Order>,
    /// Number of keys that the command writes.
    pub(super) writes: Option<Writes>,
    /// Whether the command runs a script.
    #[serde(default)]
    pub(super) script: bool,
    /// Whether the reply may repeat text that SwarmKeyDb does not escape.
    #[serde(default)]
    pub(super) fenced: bool,
    /// Whether the command acts in several steps, so that it may fail after some of them.
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

/// Which commands a command stays in order with, where that does not follow from its keys.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Order {
    /// None.
    Nothing,
    /// Those that publish to its channel, the first argument.
    Channel,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// Position of the first one.
    pub(super) at: u8,
    /// Each option and the number of values after it; `*` if no further option follows.
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
    /// Facts about commands without a method, by reason and name.
    pub(super) without_methods: Vec<Group>,
}

impl Spec {
    /// The facts that a method of the command states.
    pub(super) fn facts_of(&self, name: &str) -> Option<&Facts> {
        let commands = self.families.iter().flat_map(|family| &family.commands);
        commands
            .filter(|command| command.name == name)
            .find_map(|command| command.facts.as_ref())
    }

    /// Fails if two methods of a command state facts, or a reply must not be cached.
    fn check(&self) -> Result<()> {
        let commands = self.families.iter().flat_map(|family| &family.commands);
        if let Some(command) = commands.clone().find(|command| !command.may_be_cached()) {
            bail!("{} has no key by which it can be cached", command.method);
        }
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
    group: Vec<Group>,
}

/// Commands that have no method for one reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// The reason, which completes the sentence "has no method, because …".
    pub(super) because: String,
    pub(super) facts: BTreeMap<String, Facts>,
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
        without_methods: without.group,
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
    for command in &mut family.commands {
        command.swarmkeydb &= family.swarmkeydb;
        command.embedded &= family.embedded;
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
