//! Faults in JSON.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::problem::{Code, Problem};
use super::registry::Handle;
use super::reply::Reply;
use crate::fault::Faults;

/// A fault. Command names have no case; a subcommand follows after `|`, as in `CLIENT|ID`, except
/// for `answer`, which applies to a command with all its subcommands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Fault {
    /// Delays every reply to a command, and all that follows it on the connection.
    Delay { command: String, milliseconds: u64 },
    /// Withholds every reply to a command, and all that follows it on the connection. The commands
    /// run.
    Hold { command: String },
    /// Cuts the connection after the next execution of a command, before its reply.
    CutAfter { command: String },
    /// Cuts the connection after this many bytes of the next reply to a command.
    CutWithin { command: String, bytes: usize },
    /// Duplicates the reply to the next execution of a command, which shifts all later ones.
    SurplusReply { command: String },
    /// Omits the reply to the next execution of a command, which shifts all later ones.
    MissingReply { command: String },
    /// Answers the next calls of a command with a reply, without running it.
    Answer {
        command: String,
        reply: Reply,
        /// Number of calls.
        #[serde(default = "once")]
        times: u32,
    },
    /// Withholds every push, such as a published message.
    HoldPushes {},
    /// Loses every push, such as a published message.
    LosePushes {},
    /// Accepts connections, but reads and answers nothing.
    Freeze {},
    /// Closes every new connection immediately.
    Refuse {},
}

const fn once() -> u32 {
    1
}

impl Fault {
    /// Creates the fault, if it is valid.
    pub(super) fn create(&self, faults: &Faults) -> Result<Handle, Problem> {
        if let Some(command) = self.command()
            && (command.is_empty() || command.contains(char::is_whitespace))
        {
            return Err(invalid(
                "`command` must be the name of a command, such as GET or CLIENT|ID",
            ));
        }
        Ok(match self {
            Self::Delay {
                milliseconds: 0, ..
            } => return Err(invalid("`milliseconds` must be at least 1")),
            Self::Delay {
                command,
                milliseconds,
            } => Handle::Planned(faults.delay(command, Duration::from_millis(*milliseconds))),
            Self::Hold { command } => Handle::Hold(faults.hold(command)),
            Self::CutAfter { command } => Handle::Planned(faults.cut_after(command)),
            Self::CutWithin { command, bytes } => {
                Handle::Planned(faults.cut_within(command, *bytes))
            }
            Self::SurplusReply { command } => Handle::Planned(faults.surplus_reply(command)),
            Self::MissingReply { command } => Handle::Planned(faults.missing_reply(command)),
            Self::Answer { times: 0, .. } => return Err(invalid("`times` must be at least 1")),
            Self::Answer {
                command,
                reply,
                times,
            } => Handle::Planned(faults.answer_times(command, reply.frame()?, *times)),
            Self::HoldPushes {} => Handle::Pushes(faults.hold_pushes()),
            Self::LosePushes {} => Handle::Pushes(faults.lose_pushes()),
            Self::Freeze {} => Handle::Freeze(faults.freeze()),
            Self::Refuse {} => Handle::Refuse(faults.refuse()),
        })
    }

    fn command(&self) -> Option<&str> {
        match self {
            Self::Delay { command, .. }
            | Self::Hold { command }
            | Self::CutAfter { command }
            | Self::CutWithin { command, .. }
            | Self::SurplusReply { command }
            | Self::MissingReply { command }
            | Self::Answer { command, .. } => Some(command),
            Self::HoldPushes {} | Self::LosePushes {} | Self::Freeze {} | Self::Refuse {} => None,
        }
    }
}

fn invalid(text: &str) -> Problem {
    Problem::new(Code::InvalidRequest, text)
}
