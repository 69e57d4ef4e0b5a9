//! Server error codes, and what each says about the command that failed.

use super::ErrorKind;

/// An error code, the first word of a server's error.
pub(super) struct Code {
    name: &'static str,
    pub(super) kind: ErrorKind,
    /// Whether the same command may succeed later.
    pub(super) is_transient: bool,
    pub(super) proves: Proves,
}

/// For which commands a code alone proves that the command did nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proves {
    /// For all: the server returns the code only before it runs anything.
    Anything,
    /// For all but scripts. A script can return such an error from one of its commands, after
    /// others have written.
    AllButScripts,
    /// For no command with several steps; the text of the error decides.
    Nothing,
}

impl Code {
    /// Looks up a code. Unknown codes say nothing.
    pub(super) fn of(name: &str) -> &'static Self {
        CODES
            .iter()
            .find(|code| code.name == name)
            .unwrap_or(&OTHER)
    }
}

const fn server(name: &'static str, is_transient: bool, proves: Proves) -> Code {
    Code {
        name,
        kind: ErrorKind::Server,
        is_transient,
        proves,
    }
}

const fn auth(name: &'static str, is_transient: bool) -> Code {
    Code {
        kind: ErrorKind::Auth,
        ..server(name, is_transient, Proves::AllButScripts)
    }
}

const OTHER: Code = server("", false, Proves::Nothing);

const CODES: &[Code] = &[
    // The server has lost the identity of an authenticated connection. The next connection
    // authenticates again.
    auth("NOAUTH", true),
    auth("WRONGPASS", false),
    server("LOADING", true, Proves::Anything),
    server("TRYAGAIN", true, Proves::Anything),
    server("CLUSTERDOWN", true, Proves::Anything),
    server("MASTERDOWN", true, Proves::Anything),
    server("MOVED", false, Proves::Anything),
    server("ASK", false, Proves::Anything),
    server("EXECABORT", false, Proves::Anything),
    server("NOSCRIPT", false, Proves::Anything),
    server("READONLY", true, Proves::AllButScripts),
    server("NOPERM", false, Proves::AllButScripts),
    server("MISCONF", false, Proves::AllButScripts),
    server("NOREPLICAS", false, Proves::AllButScripts),
    server("CROSSSLOT", false, Proves::AllButScripts),
    server("DENIED", false, Proves::AllButScripts),
    server("BUSYGROUP", false, Proves::AllButScripts),
    server("NOGROUP", false, Proves::AllButScripts),
    server("WRONGTYPE", false, Proves::AllButScripts),
    server("BUSY", true, Proves::Nothing),
];
