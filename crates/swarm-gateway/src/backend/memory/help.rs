//! HELP of commands with subcommands, in Redis' words.

use swarm_resp::Frame;

use super::call::{Call, Reply};

/// The lines about each command, below a heading with its name.
const TEXTS: &str = include_str!("help.txt");

/// Returns the lines about a command, in upper case.
fn lines(name: &str) -> impl Iterator<Item = &'static str> {
    let is_heading = move |line: &&str| line.strip_prefix("# ") == Some(name);
    let mut lines = TEXTS.lines();
    lines.find(is_heading);
    lines.take_while(|line| !line.starts_with("# "))
}

/// `HELP` of any command.
pub(super) fn help(call: &mut Call<'_>) -> Reply {
    let name = String::from_utf8_lossy(call.arg(0)).to_ascii_uppercase();
    let first = format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            array.simple(&first);
            lines(&name).for_each(|line| array.simple(line));
            array.simple("HELP");
            array.simple("    Prints this help.");
        });
    }))
}
