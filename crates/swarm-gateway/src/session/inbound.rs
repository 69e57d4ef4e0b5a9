//! Input that a listener has read.

use bytes::Bytes;

use crate::command_name::CommandName;

/// A command, or the error that answers malformed input.
#[derive(Debug)]
pub(crate) struct Inbound {
    pub(super) args: Result<Vec<Bytes>, String>,
    is_json: bool,
    /// The command repeats an argument that is null.
    pub(super) echoes_null: bool,
}

impl Inbound {
    fn new(args: Result<Vec<Bytes>, String>, is_json: bool) -> Self {
        Self {
            args,
            is_json,
            echoes_null: false,
        }
    }

    /// A command, or a description of malformed input.
    pub(crate) fn resp(args: Result<Vec<Bytes>, String>) -> Self {
        Self::new(args.map_err(|what| protocol_error(&what)), false)
    }

    /// A command in JSON, or a description of malformed input.
    pub(crate) fn json(args: Result<Vec<Bytes>, String>) -> Self {
        Self::new(args.map_err(|what| protocol_error(&what)), true)
    }

    /// Malformed input with the text of its answer.
    pub(crate) fn refused(text: &str) -> Self {
        Self::new(Err(text.to_owned()), false)
    }

    /// Malformed JSON with the text of its answer.
    pub(crate) fn refused_json(text: &str) -> Self {
        Self::new(Err(text.to_owned()), true)
    }

    /// `ECHO` or `PING` with a null argument.
    pub(crate) fn null_echo(args: Vec<Bytes>) -> Self {
        Self {
            echoes_null: true,
            ..Self::new(Ok(args), false)
        }
    }

    /// Returns the name of the command in upper case; empty if there is none.
    pub(crate) fn name(&self) -> CommandName {
        let args = self.args.as_deref().unwrap_or_default();
        CommandName::new(args.first().map_or(&[], Bytes::as_ref))
    }

    /// Returns whether the command is QUIT.
    pub(crate) fn is_quit(&self) -> bool {
        &*self.name() == "QUIT"
    }

    pub(super) const fn is_json(&self) -> bool {
        self.is_json
    }

    /// Returns whether this is a command in RESP that the session need not answer itself.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_json && !self.echoes_null && self.args.as_ref().is_ok_and(|args| !args.is_empty())
    }

    /// Returns the name to put into a JSON answer, or `None` if the answer is RESP.
    pub(super) fn json_name<'a>(&self, name: &'a str) -> Option<&'a str> {
        self.is_json.then_some(name)
    }
}

fn protocol_error(what: &str) -> String {
    format!("ERR Protocol error: {what}")
}
