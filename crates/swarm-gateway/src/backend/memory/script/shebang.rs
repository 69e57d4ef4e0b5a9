//! The first line of a script, which can set flags: `#!lua flags=no-writes`.

use bytes::Bytes;

use super::super::reject::Reject;
use super::FLAGS;

/// What the first line says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    /// There is such a line.
    pub(super) are_set: bool,
    /// The script may call no command that writes.
    pub(super) no_writes: bool,
    /// The script may run, and use more memory, when memory is used up.
    pub(super) allow_oom: bool,
}

impl Flags {
    /// The flags of a function, which always has some.
    pub(super) fn of_function(flags: &[&str]) -> Self {
        Self {
            are_set: true,
            no_writes: flags.contains(&"no-writes"),
            allow_oom: flags.contains(&"allow-oom"),
        }
    }

    /// Whether it is declared that the script may write.
    pub(super) const fn may_write(self) -> bool {
        self.are_set && !self.no_writes
    }

    /// Whether the script need not care about memory.
    pub(super) const fn ignores_memory(self) -> bool {
        self.are_set && (self.allow_oom || self.no_writes)
    }
}

/// Returns the flags of a script, and its text without them. The line stays, so that error texts
/// have the right line numbers.
pub(super) fn parse(text: &Bytes) -> Result<(Flags, Bytes), Reject> {
    let mut flags = Flags::default();
    let Some(rest) = text.strip_prefix(b"#!") else {
        return Ok((flags, text.clone()));
    };
    flags.are_set = true;
    let end = rest.iter().position(|byte| *byte == b'\n');
    let Some(end) = end else {
        return Err(Reject::text("ERR Invalid script shebang"));
    };
    let (line, _) = rest.split_at(end);
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    let engine = words.next().unwrap_or_default();
    if engine != "lua" {
        let what = format!("ERR Unexpected engine in script shebang: #!{engine}");
        return Err(Reject::new(what));
    }
    for word in words {
        let Some(names) = word.strip_prefix("flags=") else {
            return Err(Reject::new(format!(
                "ERR Unknown lua shebang option: {word}"
            )));
        };
        for name in names.split(',').filter(|name| !name.is_empty()) {
            if !FLAGS.contains(&name) {
                let what = format!("ERR Unexpected flag in script shebang: {name}");
                return Err(Reject::new(what));
            }
            flags.no_writes |= name == "no-writes";
            flags.allow_oom |= name == "allow-oom";
        }
    }
    Ok((flags, text.slice(2 + end..)))
}
