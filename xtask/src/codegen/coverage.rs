//! Emits the table of all commands.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::spec::{Arg, Command, Family, Retry};

/// Where the HTTP wire says what it does not carry.
const REFUSE: &str = "crates/swarm-transport/src/http/refuse.rs";

const INTRODUCTION: &str = "\
# Commands

Generated from the command table by `cargo xtask codegen`. The columns show where each method is available:

- *async*, *blocking*: on the async and the blocking client.
- *pipeline*: in pipelines and transactions. SwarmKeyDb does not accept scripts in a transaction; Redis does.
- *HTTP*: over `http://`, and over the HTTP fallback with `FallbackScope::Stateless`.
- *SwarmKeyDb*, *Redis*: in the newest version of the server.
- *again*: the client retries the command if its reply was lost; *by option*: with `RetryPolicy::Idempotent`.

Atomicity and isolation between clients depend on the server: see
[what each server guarantees](../crates/swarm-keydb/src/guide/guarantees.md).

*Unless it blocks*: with a blocking option, the call runs on a leased connection.

Use `raw` for commands without a method, and `raw_blocking` if they block.
";

const CONCLUSION: &str = "
## Commands with their own handles

Commands that change the state of a connection are not part of a command family. None of them works over HTTP.

- MULTI, EXEC, DISCARD: `transaction`, its `exec` and `discard`.
- WATCH, UNWATCH: `transact`; or `exclusive`, its `watch` and `unwatch`.
- SUBSCRIBE, PSUBSCRIBE: `subscribe`, `psubscribe`, `psubscribe_handler`; UNSUBSCRIBE, PUNSUBSCRIBE: dropping what they gave.
- AUTH, SELECT, CLIENT SETNAME, AUTHADDR, AUTHDID: the options, for every connection; AUTH also by `auth`.
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
