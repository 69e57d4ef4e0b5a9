//! Names of commands without a method, as errors and traces show them.

use std::borrow::Cow;

use swarm_transport::facts::named;

/// Returns the name of a command without arguments that a caller passed as part of the name, which
/// errors and traces must not show. A second word is kept only if it is a known subcommand.
pub(super) fn without_arguments(name: Cow<'static, str>) -> Cow<'static, str> {
    let mut words = name.split_ascii_whitespace();
    let mut word = || words.next().unwrap_or_default();
    let (first, second) = (word(), word());
    if first.len() == name.len() {
        return name;
    }
    let has_subcommand = !named(first.as_bytes(), second.as_bytes())
        .words
        .1
        .is_empty();
    Cow::Owned(if has_subcommand {
        format!("{first} {second}")
    } else {
        first.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use crate::command::Builder;

    /// Callers may pass a whole command as its name, with a password in it.
    #[test]
    fn the_name_of_a_raw_command_has_no_arguments() {
        for (given, name) in [
            ("GET", "GET"),
            ("auth s3cret", "auth"),
            ("CLIENT SETNAME s3cret", "CLIENT SETNAME"),
            ("client\tsetname  s3cret", "client setname"),
            ("SET k s3cret", "SET"),
            ("NEW.COMMAND s3cret", "NEW.COMMAND"),
            (" GET ", "GET"),
        ] {
            let command = Builder::raw(given).arg("x").build::<()>();
            assert_eq!(command.name(), name, "{given}");
            let words = given.split_ascii_whitespace().count();
            assert_eq!(command.request().len(), words + 1, "{given}");
            assert!(!format!("{command:?}").contains("s3cret"), "{given}");
        }
    }
}
