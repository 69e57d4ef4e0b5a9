//! Emits what each command writes.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, ensure};

use super::spec::{Command, Family, Kind, Retry, Writes};

/// The rules by the words of a name, a name of two words before the same of one.
pub(super) fn emit(families: &[Family]) -> Result<String> {
    let mut rules = BTreeMap::new();
    for command in families.iter().flat_map(|family| &family.commands) {
        let rule = rule(command);
        for name in [Some(&command.name), command.precise.as_ref()]
            .into_iter()
            .flatten()
        {
            let (first, second) = name.split_once(' ').unwrap_or((name, ""));
            let other = rules.insert((first, Reverse(second)), rule.clone());
            ensure!(
                other.is_none_or(|other| other == rule),
                "the rows of {name} write different keys; say the same in `writes`"
            );
        }
    }
    let mut code =
        "//! What each command writes. Generated from `spec`.\n\nuse crate::effect::Rule;\n\n\
        /// The words of each name in order, and what the command writes.\n\
        pub(crate) const RULES: &[(&str, &str, Rule)] = &[\n"
            .to_owned();
    for ((first, Reverse(second)), rule) in rules {
        writeln!(code, "(\"{first}\", \"{second}\", Rule::{rule}),").ok();
    }
    code.push_str("];\n");
    Ok(code)
}

fn rule(command: &Command) -> String {
    let is = |kind| {
        command
            .args
            .iter()
            .filter(move |arg| arg.kind == kind)
            .count()
    };
    match command.writes {
        Some(Writes::Keys(keys)) => format!("Keys({keys})"),
        Some(Writes::Named(rule)) => rule.name().to_owned(),
        None if command.retry == Retry::ReadOnly => "Reads".to_owned(),
        None if is(Kind::Keys) > 0 => "EachKey".to_owned(),
        None if is(Kind::Pairs) > 0 => "EachPair".to_owned(),
        None if is(Kind::Streams) > 0 => "EachStream".to_owned(),
        None => format!("Keys({})", is(Kind::Key)),
    }
}
