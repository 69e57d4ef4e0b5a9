//! Rejects commands without a method that a connection must not carry, depending on its use.

use std::time::Duration;

use swarm_resp::RequestArgs;
use swarm_transport::facts::{Session, facts};

use super::model::{self, ServerInfo};
use crate::command::{Blocking, Builder, Command};
use crate::error::Error;

/// Use of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Shared by any number of tasks.
    Shared,
    /// Owned by one handle, so that commands may change the session.
    Exclusive,
    /// Commands between `MULTI` and `EXEC`.
    Transaction,
}

/// Rejects a command without a method if a connection in this use must not carry it. Every executor
/// calls this function first. Commands with a method are allowed on all connections.
#[inline]
pub(crate) fn vet<R>(command: &mut Command<R>, used: Use) {
    if command.builder.raw {
        vet_raw(&mut command.builder, used);
    }
}

fn vet_raw(builder: &mut Builder, used: Use) {
    let args = builder.request.written();
    let session = facts(&args).session;
    let blocks = builder.blocking == Blocking::No && facts(&args).blocks(&args);
    let reason = if blocks {
        Some("blocking command would delay every task that shares the connection; use raw_blocking")
    } else {
        refusal(&args, session, used)
    };
    if let Some(reason) = reason {
        builder.reject(Error::argument(reason));
    } else if matches!(session, Session::Login | Session::Protocol | Session::End) {
        // The gateway replies to AUTH ahead of pending replies, and drops unanswered commands that
        // precede QUIT.
        builder.alone = true;
    }
}

/// Returns why a connection in this use must not carry a command that changes the session like
/// this.
fn refusal(args: &RequestArgs<'_>, session: Session, used: Use) -> Option<&'static str> {
    match (session, used) {
        (Session::Unchanged, _) => None,
        (Session::Unordered, _) => Some(unordered(facts(args).words.0)),
        (_, Use::Transaction) => Some(
            "session commands are not allowed in a transaction; send it before the transaction",
        ),
        (Session::Transaction, Use::Exclusive) => {
            Some("later commands would get replies of another type; use transaction")
        }
        // HELLO without a version does not change the session.
        (Session::Protocol, Use::Exclusive) if args.clone().nth(1).is_some() => {
            Some("some servers send an unreadable reply; use hello_with")
        }
        (_, Use::Exclusive) => None,
        (_, Use::Shared) => Some(shared(facts(args).words)),
    }
}

/// Returns the text for a command whose replies do not match requests one to one, with the method
/// to use instead.
const fn unordered(name: &str) -> &'static str {
    macro_rules! text {
        ($remedy:literal) => {
            concat!(
                "replies would no longer match requests on this connection; ",
                $remedy
            )
        };
    }
    match name.as_bytes() {
        b"SUBSCRIBE" => text!("use subscribe"),
        b"PSUBSCRIBE" => text!("use psubscribe"),
        b"UNSUBSCRIBE" | b"PUNSUBSCRIBE" => text!("use unsubscribe of the subscription"),
        _ => text!("no handle supports this command (for Pub/Sub, use subscribe)"),
    }
}

/// Returns the text for a command that changes the session of a shared connection, with the method
/// to use instead.
const fn shared((name, subcommand): (&str, &str)) -> &'static str {
    macro_rules! text {
        ($remedy:literal) => {
            concat!(
                "session command would affect every task that shares the connection; ",
                $remedy
            )
        };
    }
    match (name.as_bytes(), subcommand.as_bytes()) {
        (b"AUTH", _) => text!("use the method auth or the option password"),
        (b"AUTHADDR", _) => text!("use the option auth_addr"),
        (b"AUTHDID", _) => text!("use the option auth_did"),
        (b"HELLO", _) => text!("use the option protocol, or hello_with of an exclusive handle"),
        (b"SELECT", _) => text!(
            "write the database into the address, as in redis://host/1, or use an exclusive handle"
        ),
        (b"CLIENT", b"SETNAME") => text!("use the option client_name, or an exclusive handle"),
        (b"MULTI" | b"EXEC" | b"DISCARD", _) => text!("use transaction"),
        (b"WATCH" | b"UNWATCH", _) => text!("use transact, or watch of an exclusive handle"),
        (b"QUIT", _) => text!("use close"),
        _ => text!("use an exclusive handle or an option"),
    }
}

/// HELLO with a version, which changes the session.
pub(crate) fn hello_command(version: u8) -> Command<ServerInfo> {
    Builder::new("HELLO")
        .alone()
        .arg(u64::from(version))
        .build_with(model::server_info)
}

/// WAIT, which concerns the writes of its own connection.
pub(crate) fn wait_command(replicas: u64, timeout: Duration) -> Command<u64> {
    let mut builder = Builder::new("WAIT").arg(replicas).milliseconds(timeout);
    builder.blocking = Blocking::For(timeout);
    if timeout.is_zero() {
        builder.reject(Error::argument(
            "the timeout is zero, which servers take for forever; pass a longer one",
        ));
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use swarm_resp::{Frame, ToArgs};

    use super::*;

    fn refused(name: &'static str, args: impl ToArgs, used: Use) -> bool {
        let mut command: Command<Frame> = Builder::raw(name).args(args).build();
        vet(&mut command, used);
        command.is_rejected()
    }

    #[test]
    fn commands_that_change_the_session_are_rejected_on_shared_connections() {
        for (name, args) in [
            ("AUTH", &["x"][..]),
            ("AUTHADDR", &["x"]),
            ("authdid", &["x"]),
            ("SELECT", &["1"]),
            ("CLIENT", &["SETNAME", "x"]),
            ("CLIENT SETINFO", &["LIB-NAME", "x"]),
            ("CLIENT", &["NEW-SUBCOMMAND"]),
            ("RESET", &[]),
            ("QUIT", &[]),
            ("HELLO", &[]),
            ("WATCH", &["k"]),
        ] {
            assert!(refused(name, args, Use::Shared), "{name}");
            assert!(refused(name, args, Use::Transaction), "{name}");
            assert!(!refused(name, args, Use::Exclusive), "{name}");
        }
        for (name, args) in [
            ("MULTI", &[][..]),
            ("EXEC", &[]),
            ("discard", &[]),
            ("HELLO", &["3"]),
            ("SUBSCRIBE", &["c"]),
            ("MONITOR", &[]),
            ("CLIENT", &["REPLY", "OFF"]),
            ("SCRIPT", &["DEBUG", "YES"]),
            ("REPLCONF", &["ACK", "0"]),
            ("BLPOP", &["k", "0"]),
            ("WAIT", &["0", "0"]),
            ("XREAD", &["block", "0", "STREAMS", "s", "$"]),
            // A group may have the name of an option.
            (
                "XREADGROUP",
                &["GROUP", "streams", "c", "BLOCK", "0", "STREAMS", "s", ">"],
            ),
        ] {
            assert!(refused(name, args, Use::Shared), "{name}");
            assert!(refused(name, args, Use::Exclusive), "{name}");
            assert!(refused(name, args, Use::Transaction), "{name}");
        }
        for (name, args) in [
            ("GET", &["AUTH"][..]),
            ("CLIENT", &["GETNAME"]),
            ("NEW.COMMAND", &["x"]),
            ("XREADGROUP", &["GROUP", "block", "c", "STREAMS", "s", ">"]),
        ] {
            assert!(!refused(name, args, Use::Shared), "{name}");
        }
    }

    #[test]
    fn login_and_quit_commands_are_sent_alone() {
        let alone = |name: &'static str| {
            let mut command: Command<Frame> = Builder::raw(name).args("x").build();
            vet(&mut command, Use::Exclusive);
            command.builder.alone
        };
        assert!(alone("AUTH") && alone("AUTHADDR"));
        assert!(alone("QUIT"), "SwarmKeyDb drops commands ahead of it");
        assert!(!alone("GET") && !alone("SELECT"));
    }
}
