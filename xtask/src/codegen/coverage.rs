//! Emits the page of the guide that lists all commands.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::facts::{Row, Table};
use super::spec::{Command, Group, Kind, Retry, Session, Spec};
use super::wrap;

const INTRODUCTION: &str = "\
Each command: its method, the handles and transports that support it, and the servers that know it.

Generated from the command specification by `cargo xtask codegen`. The columns show where each
method is available:

- *async*, *blocking*: on the async and the blocking client.
- *pipeline*: in pipelines and transactions. SwarmKeyDb does not accept scripts in a
  transaction; Redis does.
- *HTTP*: over `http://`, and over the HTTP fallback with `FallbackScope::Stateless`.
- *SwarmKeyDb*, *Redis*: in the newest version of the server; for commands of Redis that are newer
  than 7.0, the version.
- *embedded*: in the embedded store of `swarm-gateway`, the server for tests. Where it has no
  command, test against its Redis backend.
- *again*: the client retries the command if its reply was lost; *by option*: with
  `RetryPolicy::Idempotent`.

Atomicity and isolation between clients depend on the server: see
[what each server guarantees](crate::guide::guarantees).

*Unless it blocks*: with a blocking option, the call runs on a leased connection.

For commands without a method, see [any command](#any-command).
";

const CONCLUSION: &str = "
# Commands with their own handles

Commands that change the state of a connection are not part of a command family. None of them
works over HTTP.

- MULTI, EXEC, DISCARD: `transaction`, its `exec` and `discard`.
- WATCH, UNWATCH: `transact`; or `exclusive`, its `watch` and `unwatch`.
- SUBSCRIBE, PSUBSCRIBE: `subscribe`, `psubscribe`, `psubscribe_handler`.
- UNSUBSCRIBE, PUNSUBSCRIBE: drop the subscription or the handler; `unsubscribe` of the handler.
- AUTH, SELECT, CLIENT SETNAME, AUTHADDR, AUTHDID: the options, for every connection; AUTH
  also by `auth`.
- HELLO with a version: `ClientOptions::protocol`; or `exclusive` and its `hello_with`.
- QUIT: `close`, `close_within`.
- WAIT: `exclusive`, its `wait`, which counts the writes of that connection only.
";

const WITHOUT_METHODS: &str = "
# Any command

These methods are on every handle:

| method | sends | reply |
|---|---|---|
| `raw` | any command, except those below | `Frame` |
| `raw_as` | the same | the requested type |
| `raw_blocking` | a command that may block, on a leased connection | `Frame` |
| `run_script` | a `Script`: `EVAL`, or on Redis `EVALSHA` where that is safe | the requested type |

A shared connection cannot carry all commands:

| send with | commands |
|---|---|
";

const REASONS: &str = "
# Not typed

All other commands of Redis have no method, for these reasons:

| not typed, because | commands |
|---|---|
";

const ORDER: &str = "
# Order

On a server that runs the commands of one connection one after another, the client may open several
connections. Commands that name a common key, or publish to a common channel, then stay in order.
Scripts without keys, commands that are not on this page, and the following commands stay in order
with every other command of the client:

";

/// The page of all commands.
pub(super) fn emit(spec: &Spec, facts: &Table) -> Result<String> {
    let mut text = INTRODUCTION.to_owned();
    for family in &spec.families {
        writeln!(text, "\n# `{}`\n", family.name).ok();
        text.push_str(
            "| command | method | reply | async | blocking | pipeline | HTTP | SwarmKeyDb | Redis \
             | again | embedded |\n\
             |---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for command in &family.commands {
            let row = facts.row(&command.name).context("no facts")?;
            line(&mut text, command, row);
        }
    }
    text.push_str(CONCLUSION);
    without_methods(&mut text, facts);
    reasons(&mut text, &spec.without_methods);
    text.push_str(ORDER);
    let barriers = facts.commands().filter(|(_, row)| row.is_barrier());
    let names: Vec<_> = barriers.map(|(name, _)| name).collect();
    let lines = wrap::fill(&format!("{}.", names.join(", ")), 0);
    writeln!(text, "{}", lines.join("\n")).ok();
    Ok(text)
}

/// Lists the commands of the table that have no method, by how to send them.
fn without_methods(text: &mut String, facts: &Table) {
    text.push_str(WITHOUT_METHODS);
    type Is = fn(&Row) -> bool;
    let ways: [(&str, Is); 4] = [
        ("`raw_blocking`", |row| {
            row.session.is_none() && row.blocking.is_some()
        }),
        ("`raw` of an exclusive handle", |row| {
            matches!(
                row.session,
                Some(Session::State | Session::End | Session::Login | Session::Watch)
            )
        }),
        ("only the handles above", |row| {
            matches!(row.session, Some(Session::Transaction | Session::Protocol))
        }),
        ("not available: replies would be out of order", |row| {
            row.session == Some(Session::Unordered)
        }),
    ];
    for (way, is) in ways {
        let names: Vec<_> = facts
            .commands()
            .filter(|(_, row)| !row.method && is(row))
            .map(|(name, _)| name)
            .collect();
        writeln!(text, "| {way} | {} |", names.join(", ")).ok();
    }
}

/// Lists the commands that have no method, by reason.
fn reasons(text: &mut String, groups: &[Group]) {
    text.push_str(REASONS);
    for group in groups {
        let names: Vec<_> = group.facts.keys().map(String::as_str).collect();
        writeln!(text, "| {} | {} |", group.because, names.join(", ")).ok();
    }
}

fn line(text: &mut String, command: &Command, facts: &Row) {
    let names: Vec<_> = std::iter::once(&command.name)
        .chain(&command.precise)
        .collect();
    let names: Vec<_> = names.into_iter().map(String::as_str).collect();
    let typed = command
        .typed
        .as_ref()
        .map(|_| format!(", `{}_as`", command.method));
    let has_options = command.args.iter().any(|arg| arg.kind == Kind::Options);
    let may_block = facts.blocking.is_some() && has_options;
    let yes = |flag| if flag { "yes" } else { "no" };
    let unless_it_blocks = |flag| match flag {
        true if command.blocks() => "no",
        true if may_block => "unless it blocks",
        flag => yes(flag),
    };
    writeln!(
        text,
        "| {} | `{}`{} | `{}` | yes | yes | {} | {} | {} | {} | {} | {} |",
        names.join(", "),
        command.method,
        typed.unwrap_or_default(),
        command.reply,
        unless_it_blocks(!command.alone),
        unless_it_blocks(facts.stateless),
        yes(command.swarmkeydb),
        match &command.since {
            Some(version) => version,
            None => yes(command.redis),
        },
        match command.retry {
            Retry::ReadOnly => "yes",
            Retry::Idempotent => "by option",
            Retry::Never => "no",
        },
        yes(command.embedded),
    )
    .ok();
}
