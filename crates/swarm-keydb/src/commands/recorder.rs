//! Executor that records the requests of command methods, for tests.

use crate::command::{Command, Executor};

pub(crate) struct Recorder;

impl Executor for Recorder {
    type Output<R> = Vec<String>;

    fn execute<R>(&self, command: Command<R>) -> Vec<String> {
        assert!(!command.is_rejected(), "the arguments are valid");
        let request = &command.builder.request;
        request
            .written()
            .map(|arg| String::from_utf8_lossy(arg).into_owned())
            .collect()
    }
}

/// Returns the arguments that a call sends.
pub(crate) fn sent(call: impl FnOnce(Recorder) -> Vec<String>) -> Vec<String> {
    call(Recorder)
}
