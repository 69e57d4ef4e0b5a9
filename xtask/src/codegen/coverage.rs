//! Emits the table of all commands.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::spec::{Arg, Command, Family, Retry};

/// Where the HTTP wire says what it does not carry.
const REFUSE: &str = "crates/swarm-transport/src/http/refuse.rs";

const INTRODUCTION: &str = "\
# Commands

Made of the command table by `cargo xtask codegen`. The columns say where each method may be called, and what becomes of it:

- *async*, *blocking*: the two clients have it.
- *pipeline*: it may be put into a pipeline or a transaction. SwarmKeyDb takes no scripts within a transaction; Redis does.
- *HTTP*: it goes over `http://`, and over the HTTP stand-in by `FallbackScope::Stateless`.
- *SwarmKeyDb*, *Redis*: the newest version of the server has it.
- *again*: it is sent again when its reply was lost; *by option*: by `RetryPolicy::Idempotent`.

*Unless it blocks* is about the options of the call: one that blocks runs on a connection of its own.

A command without a method goes through `raw`, and through `raw_blocking` if the server may keep its reply back.
";

const CONCLUSION: &str = "
## By handles of their own

What acts on a connection has no method in a family. None of it goes over HTTP.

- MULTI, EXEC, DISCARD: `transaction`, its `exec` and `discard`.
- WATCH, UNWATCH: `transact`; or `exclusive`, its `watch` and `unwatch`.
- SUBSCRIBE, PSUBSCRIBE: `subscribe`, `psubscribe`, `psubscribe_handler`; UNSUBSCRIBE, PUNSUBSCRIBE: dropping what they gave.
- AUTH: `auth`. SELECT, CLIENT SETNAME, AUTHADDR, AUTHDID, and AUTH: the options, for every connection.
- HELLO with a version: `Options::protocol`; or `exclusive` and its `hello_with`.
- QUIT: `close`, `close_within`.
";

/// The names of the commands that HTTP does not carry, as the wire lists them.
pub(super) struct Http {
    refused: Vec<String>,
}

impl Http {
    pub(super) fn read() -> Result<Self> {
        let text = fs::read_to_string(REFUSE).context(REFUSE)?;
        let mut refused = Vec::new();
        for list in ["OF_A_SESSION", "THAT_BLOCK"] {
            let (_, rest) = text
                .split_once(&format!("const {list}: "))
                .with_context(|| format!("{REFUSE} has no list {list}"))?;
            let (_, rest) = rest.split_once("= [").context("no list")?;
            let (names, _) = rest.split_once("];").context("a list without an end")?;
            refused.extend(names.split('"').skip(1).step_by(2).map(str::to_owned));
        }
        ensure!(refused.len() > 20, "the lists of {REFUSE} are read wrongly");
        Ok(Self { refused })
    }

    fn carries(&self, command: &Command) -> bool {
        let first = command.name.split(' ').next().unwrap_or_default();
        !self.refused.iter().any(|name| name == first)
    }
}

pub(super) fn emit(families: &[Family], http: &Http) -> String {
    let mut text = INTRODUCTION.to_owned();
    for family in families {
        writeln!(text, "\n## `{}`\n", family.name).ok();
        text.push_str(
            "| command | method | reply | async | blocking | pipeline | HTTP | SwarmKeyDb | Redis | again |\n\
             |---|---|---|---|---|---|---|---|---|---|\n",
        );
        for command in &family.commands {
            row(&mut text, command, http);
        }
    }
    text + CONCLUSION
}

fn row(text: &mut String, command: &Command, http: &Http) {
    let typed = command
        .typed
        .as_ref()
        .map(|_| format!(", `{}_as`", command.method));
    let yes = |flag| if flag { "yes" } else { "no" };
    let unless_it_blocks = |flag| match flag {
        true if may_block(command) => "unless it blocks",
        flag => yes(flag),
    };
    writeln!(
        text,
        "| {} | `{}`{} | `{}` | yes | yes | {} | {} | {} | {} | {} |",
        command.name,
        command.method,
        typed.unwrap_or_default(),
        command.reply,
        unless_it_blocks(!command.alone),
        unless_it_blocks(http.carries(command)),
        yes(command.swarmkeydb),
        yes(command.redis),
        match command.retry {
            Retry::ReadOnly => "yes",
            Retry::Idempotent => "by option",
            Retry::Never => "no",
        },
    )
    .ok();
}

/// Whether there are options that make the command block.
fn may_block(command: &Command) -> bool {
    let blocks = |arg: &Arg| {
        let ty = arg.ty.as_deref();
        matches!(ty, Some("XReadOptions" | "XReadGroupOptions"))
    };
    command.args.iter().any(blocks)
}
