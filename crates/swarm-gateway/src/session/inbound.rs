//! Input that a listener has read.

use bytes::Bytes;
use swarm_resp::Request;

use crate::command_name::CommandName;

/// A command, or the error that answers malformed input.
#[derive(Debug)]
pub(crate) struct Inbound {
    args: Result<Vec<Bytes>, String>,
    /// The command, if it has not been split into arguments.
    request: Option<Request>,
    is_json: bool,
    /// The command repeats an argument that is null.
    pub(super) echoes_null: bool,
}

impl Inbound {
    fn new(args: Result<Vec<Bytes>, String>, is_json: bool) -> Self {
        Self {
            args,
            request: None,
            is_json,
            echoes_null: false,
        }
    }

    /// A command that may be passed on as it is.
    pub(crate) fn request(request: Request) -> Self {
        Self {
            request: Some(request),
            ..Self::new(Ok(Vec::new()), false)
        }
    }

    /// Returns the arguments, or the text of the answer to malformed input.
    pub(super) fn into_args(self) -> Result<Vec<Bytes>, String> {
        match &self.request {
            Some(request) => Ok(split(request)),
            None => self.args,
        }
    }

    /// Returns the arguments of a command that has been split, or the text of the answer to
    /// malformed input.
    pub(super) fn args(&self) -> Result<&[Bytes], &str> {
        self.args.as_deref().map_err(String::as_str)
    }

    /// Returns the command if it has not been split into arguments.
    pub(super) const fn unsplit(&self) -> Option<&Request> {
        self.request.as_ref()
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
        CommandName::new(self.typed_name())
    }

    /// Returns the name of the command as the client has sent it; empty if there is none.
    pub(crate) fn typed_name(&self) -> &[u8] {
        match (&self.request, &self.args) {
            (Some(request), _) => request.name(),
            (None, Ok(args)) => args.first().map_or(&[], Bytes::as_ref),
            (None, Err(_)) => &[],
        }
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
        let is_empty = || self.args.as_ref().is_ok_and(Vec::is_empty);
        self.request.is_some()
            || !self.is_json && !self.echoes_null && self.args.is_ok() && !is_empty()
    }

    /// Returns the name to put into a JSON answer, or `None` if the answer is RESP.
    pub(super) fn json_name<'a>(&self, name: &'a str) -> Option<&'a str> {
        self.is_json.then_some(name)
    }
}

fn split(request: &Request) -> Vec<Bytes> {
    let encoded = request.encoded();
    (request.args()).map(|arg| encoded.slice_ref(arg)).collect()
}

fn protocol_error(what: &str) -> String {
    format!("ERR Protocol error: {what}")
}
