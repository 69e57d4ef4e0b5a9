//! One method of a command: its signature, its body and its documentation.

use std::fmt::Write;

use super::spec::{Arg, Cached, Command, Kind, Retry};
use super::wrap;

/// A method of a command, which every handle has.
pub(super) struct Method<'a> {
    command: &'a Command,
    /// Whether this is the variant that reads strings as a `T`.
    typed: bool,
}

/// How much documentation a method gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Full,
    /// Everything but the example.
    NoExample,
    /// A summary, and a link to the method of the client.
    Brief,
}

/// All methods of a command.
pub(super) fn methods(command: &Command) -> impl Iterator<Item = Method<'_>> {
    let variants = [false, true].into_iter();
    variants
        .filter(|typed| !typed || command.typed.is_some())
        .map(move |typed| Method { command, typed })
}

impl Method<'_> {
    /// The method's name.
    fn name(&self) -> String {
        let suffix = if self.typed { "_as" } else { "" };
        format!("{}{suffix}", self.command.method)
    }

    /// The signature with a reply wrapped in `output`, up to the body.
    pub(super) fn signature(&self, output: &str) -> String {
        let mut generics = Vec::new();
        let mut reply = self.command.reply.as_str();
        if let (true, Some(typed)) = (self.typed, &self.command.typed) {
            generics.push("T: FromFrame");
            reply = typed;
        }
        let mut parameters = String::new();
        for arg in self.parameters() {
            if let Some(ty) = parameter_type(arg) {
                write!(parameters, ", {}: {ty}", arg.name).ok();
            }
            if matches!(arg.kind, Kind::Pairs | Kind::Fields) {
                generics.push("M");
            }
        }
        let mut generics = generics.join(", ");
        if !generics.is_empty() {
            generics = format!("<{generics}>");
        }
        let name = self.name();
        format!("fn {name}{generics}(&self{parameters}) -> {output}<{reply}>")
    }

    /// The body that builds the command and hands it to the executor.
    pub(super) fn body(&self) -> String {
        format!("self.execute({})", body(self.command))
    }

    /// The body that calls the method of the trait.
    pub(super) fn delegation(&self, family: &str) -> String {
        let mut names = vec!["self"];
        names.extend(
            self.parameters()
                .into_iter()
                .filter(|arg| parameter_type(arg).is_some())
                .map(|arg| arg.name.as_str()),
        );
        format!("{family}::{}({})", self.name(), names.join(", "))
    }

    /// The arguments in the order of the parameters.
    fn parameters(&self) -> Vec<&Arg> {
        let mut args: Vec<&Arg> = self.command.args.iter().collect();
        if let Some(order) = &self.command.parameters {
            args.sort_by_key(|arg| order.iter().position(|name| *name == arg.name));
        }
        args
    }

    /// The documentation.
    pub(super) fn docs(&self, detail: Detail) -> String {
        let command = self.command;
        let mut text = String::new();
        let name = match &command.precise {
            Some(precise) => format!(
                "`{}`, or `{precise}` if the time is not whole seconds",
                command.name
            ),
            None => format!("`{}`", command.name),
        };
        let summary = command.summary.trim().trim_end_matches('.');
        if self.typed {
            let method = &command.method;
            writeln!(
                text,
                "Like [`{method}`](Self::{method}), but converts strings to `T`."
            )
            .ok();
        } else {
            // The first sentence alone is what an index page shows.
            let end = [". ", ".\n"]
                .iter()
                .filter_map(|end| summary.find(end))
                .min();
            let (first, rest) = summary.split_at(end.unwrap_or(summary.len()));
            writeln!(text, "{first} ({name}).").ok();
            let rest = rest.trim_start_matches('.').trim_start();
            if !rest.is_empty() && detail != Detail::Brief {
                writeln!(text, "\n{rest}.").ok();
            }
            if command.returns != "nothing" {
                writeln!(text, "\nReturns {}.", command.returns).ok();
            }
        }
        if detail == Detail::Brief {
            let name = self.name();
            writeln!(
                text,
                "\nSee [`Client::{name}`](crate::Client::{name}) for details."
            )
            .ok();
            return text;
        }
        if command.blocks() && !self.typed {
            writeln!(text, "\n{BLOCKING}").ok();
        }
        let mut errors: Vec<&str> = command.errors.iter().map(String::as_str).collect();
        if self.typed {
            errors = vec![
                "a string cannot be converted to `T` (kind \
                 [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply))",
            ];
        } else if command
            .args
            .iter()
            .any(|arg| matches!(arg.kind, Kind::Ttl | Kind::TtlMilliseconds))
        {
            errors.push(
                "the time to live is zero, because a server would delete the key or return an \
                 error",
            );
        }
        if !errors.is_empty() {
            writeln!(text, "\n# Errors\n\nFails if {}.", errors.join("; ")).ok();
        }
        if command.blocks() && !self.typed {
            writeln!(text, "\n{LOST}").ok();
        }
        let mut servers = Vec::new();
        match (command.swarmkeydb, command.redis) {
            (false, _) => servers.push(
                "Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.".to_owned(),
            ),
            (_, false) => servers.push("SwarmKeyDb only.".to_owned()),
            _ => {}
        }
        if let Some(version) = &command.since {
            servers.push(format!("Redis {version} and later."));
        }
        if let Some(text) = &command.servers {
            let (first, rest) = text.split_at(1);
            let first = first.to_ascii_uppercase();
            servers.push(format!(
                "{first}{rest}. See [what each server guarantees](crate::guide::guarantees)."
            ));
        }
        if !servers.is_empty() && !self.typed {
            writeln!(text, "\n# Servers\n\n{}", servers.join(" ")).ok();
        }
        // Examples run against the embedded store.
        let shows = detail == Detail::Full && command.embedded && !self.typed;
        if let (Some(example), true) = (&command.example, shows) {
            writeln!(
                text,
                "\n# Examples\n\n```\n{BEFORE}{}\n{AFTER}```",
                example.trim()
            )
            .ok();
        }
        text
    }
}

/// Writes documentation as comments, wrapped.
pub(super) fn doc(code: &mut String, text: &str) {
    for line in wrap::markdown(text).lines() {
        writeln!(code, "{}", format!("/// {line}").trim_end()).ok();
    }
}

/// Whether a reply of this type may be a list.
fn is_list(reply: &str) -> bool {
    const SINGLE: &[&str] = &["bool", "u64", "i64", "f64", "Bytes", "String", "KeyType"];
    let inner = reply
        .strip_prefix("Option<")
        .and_then(|inner| inner.strip_suffix('>'));
    !SINGLE.contains(&inner.unwrap_or(reply))
}

fn body(command: &Command) -> String {
    let ttl = command.args.iter().find(|arg| arg.kind == Kind::Ttl);
    let mut chain = match (&command.precise, ttl) {
        (Some(precise), Some(ttl)) => {
            format!(
                "Builder::timed({:?}, {precise:?}, {})",
                command.name, ttl.name
            )
        }
        _ => format!("Builder::new({:?})", command.name),
    };
    match command.retry {
        Retry::ReadOnly => chain.push_str(".read_only()"),
        Retry::Idempotent => chain.push_str(".idempotent()"),
        Retry::Never => {}
    }
    match command.cached {
        Some(Cached::Reply) if is_list(&command.reply) => chain.push_str(".cached_list()"),
        Some(Cached::Reply) => chain.push_str(".cached_reply()"),
        Some(Cached::EachKey) => chain.push_str(".cached_each_key()"),
        None => {}
    }
    if command.alone {
        chain.push_str(".alone()");
    }
    if command.fenced {
        chain.push_str(".fenced()");
    }
    for arg in &command.args {
        let name = &arg.name;
        let call = match arg.kind {
            Kind::Key => format!("key({name})"),
            Kind::Keys => format!("keys({name})"),
            Kind::CountedKeys => format!("counted_keys({name})"),
            Kind::Arg | Kind::I64 | Kind::U64 | Kind::F64 => format!("arg({name})"),
            Kind::Args | Kind::Plain => format!("args({name})"),
            Kind::Values => format!("values({name})"),
            Kind::CountedValues => format!("counted_values({name})"),
            Kind::Timeout => format!("timeout({name})"),
            Kind::TimeMilliseconds => format!("time_milliseconds({name})"),
            Kind::Bit => format!("arg({name})"),
            Kind::Indices => format!("indices({name})"),
            Kind::Scores => format!("scores({name})"),
            Kind::Lex => format!("lex({name})"),
            Kind::Scored => format!("scored({name})"),
            Kind::Places => format!("places({name})"),
            Kind::Echoed => format!("echoed({name})"),
            Kind::Channel => format!("channel({name})"),
            Kind::Channels => format!("channels({name})"),
            Kind::Pattern => format!("pattern({name})"),
            Kind::Pairs => format!("pairs({name})"),
            Kind::Ttl => format!("ttl({name})"),
            Kind::TtlMilliseconds => format!("ttl_milliseconds({name})"),
            Kind::TimeSeconds => format!("time_seconds({name})"),
            Kind::Options => format!("options({name})"),
            Kind::Token => format!("arg({:?})", arg.ty.as_deref().unwrap_or_default()),
            Kind::Milliseconds => format!("milliseconds({name})"),
            Kind::Count => format!("count({name})"),
            Kind::Fields => format!("fields({name})"),
            Kind::Ids => format!("ids({name})"),
            Kind::Position => format!("position::<{}>({name})", arg.ty.as_deref().unwrap_or("_")),
            Kind::Range => format!("range({name})"),
            Kind::RangeReversed => format!("range_reversed({name})"),
            Kind::Streams => {
                format!("streams::<{}, _>({name})", arg.ty.as_deref().unwrap_or("_"))
            }
        };
        write!(chain, ".{call}").ok();
    }
    match &command.decode {
        Some(decode) => format!("{chain}.build_with({decode})"),
        None => format!("{chain}.build()"),
    }
}

fn parameter_type(arg: &Arg) -> Option<String> {
    let ty = match arg.kind {
        Kind::Key | Kind::Channel | Kind::Pattern => "impl ToKey",
        Kind::Keys | Kind::CountedKeys | Kind::Channels => "impl ToKeys",
        Kind::Arg | Kind::Echoed => "impl ToArg",
        Kind::Args | Kind::Values | Kind::CountedValues => "impl ToArgs",
        Kind::Timeout => "impl Into<Option<Duration>>",
        Kind::Bit => "bool",
        Kind::Indices => "impl RangeBounds<i64>",
        Kind::Scores => "impl RangeBounds<f64>",
        Kind::Lex => "impl LexBounds",
        Kind::Scored => "impl IntoIterator<Item = (impl ToArg, impl Into<f64>)>",
        Kind::Places => "impl IntoIterator<Item = (impl ToArg, GeoPoint)>",
        Kind::Pairs => "impl ToPairs<M>",
        Kind::Fields => "impl ToFields<M>",
        Kind::Ids => "impl StreamIds",
        Kind::Range | Kind::RangeReversed => "impl RangeBounds<StreamId>",
        Kind::Position => return Some(format!("impl TryInto<{}>", arg.ty.as_deref()?)),
        Kind::Streams => {
            let position = arg.ty.as_deref()?;
            return Some(format!(
                "impl IntoIterator<Item = (impl ToKey, impl TryInto<{position}>)>"
            ));
        }
        Kind::I64 => "i64",
        Kind::U64 | Kind::Count => "u64",
        Kind::F64 => "f64",
        Kind::Ttl | Kind::TtlMilliseconds | Kind::Milliseconds => "Duration",
        Kind::TimeSeconds | Kind::TimeMilliseconds => "SystemTime",
        Kind::Options | Kind::Plain => arg.ty.as_deref()?,
        Kind::Token => return None,
    };
    Some(ty.to_owned())
}

/// What happens to a command that blocks.
const BLOCKING: &str = "\
The command runs on a leased connection, so it does not delay other commands, and cannot be part of
a pipeline, a bulk or a transaction. Pass `None` to block without a time limit. A time limit of zero
is rejected, because servers take it for forever.";

/// What a command that blocks can lose.
const LOST: &str = "\
# Cancel safety

If the future is dropped, the client closes the leased connection, so the server stops blocking. An
element that the server removes at that moment is lost. The client never retries the command.";

/// Hidden lines around an example: a server, and a client connected to it.
const BEFORE: &str = "# use swarm_keydb::Client;
# #[tokio::main(flavor = \"current_thread\")]
# async fn main() -> Result<(), Box<dyn std::error::Error>> {
# let gateway = swarm_gateway::test().await?;
# let client = Client::connect(gateway.ws_url()).await?;
";
const AFTER: &str = "# Ok(())\n# }\n";
