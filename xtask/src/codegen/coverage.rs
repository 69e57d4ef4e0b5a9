//! Emits the table of all commands.

use std::fmt::Write;

use super::spec::{Family, Retry};

pub(super) fn emit(families: &[Family]) -> String {
    let mut text = "# Commands\n\n\
        Made of the command table by `cargo xtask codegen`. *Again* says whether a command whose reply was lost is sent\n\
        again; *SwarmKeyDb* and *Redis* say which servers have it. Any other command goes through `raw`.\n"
        .to_owned();
    let again = |retry| match retry {
        Retry::ReadOnly => "yes",
        Retry::Idempotent => "by option",
        Retry::Never => "no",
    };
    let yes = |flag| if flag { "yes" } else { "no" };
    for family in families {
        writeln!(text, "\n## `{}`\n", family.name).ok();
        writeln!(
            text,
            "| command | method | reply | again | SwarmKeyDb | Redis |"
        )
        .ok();
        writeln!(text, "|---|---|---|---|---|---|").ok();
        for command in &family.commands {
            let typed = command
                .typed
                .as_ref()
                .map(|_| format!(", `{}_as`", command.method));
            writeln!(
                text,
                "| {} | `{}`{} | `{}` | {} | {} | {} |",
                command.name,
                command.method,
                typed.unwrap_or_default(),
                command.reply,
                again(command.retry),
                yes(command.swarmkeydb),
                yes(command.redis),
            )
            .ok();
        }
    }
    text
}
