//! Scripts sent by their digest, in a transaction that proves whether they ran.
//!
//! A script can return the error of a server that does not have it, so this error proves nothing,
//! and a script that is sent again because of it could run twice. Proof is `SCRIPT EXISTS` in the
//! same transaction: nobody can load or remove the script between the two commands.

use std::borrow::Cow;
use std::sync::Arc;

use swarm_resp::{Frame, Request};

use super::lease::TimeLimits;
use super::transaction::{decode_exec, transaction_marks};
use crate::error::Result;
use crate::failure::Failure;
use crate::request_reply::{Answers, ConnectionHandle, Requests, Retry};
use crate::runtime::Instant;
use crate::server::{Digests, Learned};

/// The commands within the transaction.
const NAMES: [Cow<'static, str>; 2] = [Cow::Borrowed("SCRIPT EXISTS"), Cow::Borrowed("EVALSHA")];

/// The digest of a script, to be sent instead of its source.
pub(super) struct ByDigest {
    digest: Arc<String>,
    learned: Learned,
}

impl ByDigest {
    pub(super) fn new(digest: Arc<String>, learned: &Learned) -> Self {
        let learned = learned.clone();
        Self { digest, learned }
    }

    /// Whether the digest may be sent. Without a connection, the script may have to use the HTTP
    /// fallback, which has no transactions.
    pub(super) fn is_usable(&self, connection: &ConnectionHandle) -> bool {
        self.learned.digests() != Digests::Unusable && connection.has_session()
    }

    /// Runs the script: by its digest, and as a whole if the server proves that the digest did not
    /// run. `whole` sends the source.
    pub(super) async fn run(
        self,
        connection: ConnectionHandle,
        whole: Requests,
        retry: Retry,
        limits: TimeLimits,
    ) -> Result<Frame> {
        let start = Instant::now();
        if self.learned.digests() == Digests::Usable {
            let requests = self.transaction(&whole);
            let answers = connection.call_batch(requests, limits.timing(), retry);
            if let Some(result) = self.result(answers.await) {
                return result;
            }
        }
        let timing = limits.after(start.elapsed()).timing();
        let is_trial = self.learned.digests() == Digests::Untried;
        let requests = if is_trial { self.trial(&whole) } else { whole };
        let replies = connection.call_batch(requests, timing, retry).await.replies;
        if is_trial {
            self.judge(replies.last());
        }
        let reply = replies.into_iter().next();
        let reply = reply.unwrap_or_else(|| Err(Failure::runtime_gone(true)));
        reply.map_err(Into::into)
    }

    fn exists(&self) -> Request {
        Request::new("SCRIPT EXISTS", self.digest.as_str())
    }

    /// The transaction: MULTI, SCRIPT EXISTS, EVALSHA, EXEC.
    fn transaction(&self, whole: &Requests) -> Requests {
        let mut evalsha = Request::builder("EVALSHA");
        evalsha.arg(self.digest.as_str());
        for arg in whole
            .get(0)
            .into_iter()
            .flat_map(|eval| eval.args().skip(2))
        {
            evalsha.arg(arg);
        }
        let requests = [
            Request::new("MULTI", ()),
            self.exists(),
            evalsha.build(),
            Request::new("EXEC", ()),
        ];
        let marks: Vec<_> = whole.marks().iter().map(|(_, marks)| (1, *marks)).collect();
        Requests::batch(requests.into_iter().collect(), transaction_marks(&marks, 2))
    }

    /// The script as a whole, and a transaction that shows whether the server permits one.
    fn trial(&self, whole: &Requests) -> Requests {
        let eval = whole.get(0).map(|eval| eval.to_request());
        let trial = [
            Request::new("MULTI", ()),
            self.exists(),
            Request::new("EXEC", ()),
        ];
        let requests = eval.into_iter().chain(trial);
        Requests::batch(requests.collect(), whole.marks().to_vec())
    }

    /// Learns from the reply to the EXEC of a trial. A lost connection proves nothing.
    fn judge(&self, exec: Option<&Result<Frame, Failure>>) {
        let digests = match exec {
            Some(Ok(replies)) if replies.convert::<((i64,),)>().is_ok() => Digests::Usable,
            Some(Ok(_) | Err(Failure::Server(_))) => Digests::Unusable,
            _ => return,
        };
        self.learned.note_digests(digests);
    }

    /// Returns the result of the script, or `None` if it certainly did not run.
    fn result(&self, answers: Answers) -> Option<Result<Frame>> {
        let Answers { replies, server } = answers;
        let Ok([multi, _, script, exec]) = <[_; 4]>::try_from(replies) else {
            return Some(Err(Failure::runtime_gone(true).into()));
        };
        if let Err(Failure::Server(_)) = multi {
            // The commands ran one by one, so whatever the digest got is the result.
            self.learned.note_digests(Digests::Unusable);
            return Some(script.map_err(Into::into));
        }
        let exec = match exec {
            Ok(exec) => exec,
            // A command was rejected when it was queued: forbidden, or out of memory.
            Err(Failure::Server(error)) if error.code() == "EXECABORT" => {
                self.learned.note_digests(Digests::Unusable);
                return None;
            }
            // Nothing was sent. The source gets an error of its own.
            Err(Failure::Withheld | Failure::Refused(_) | Failure::Unsupported(_)) => return None,
            // Unless the digest was queued, MULTI may have been rejected.
            Err(failure) => return Some(Err(script.err().unwrap_or(failure).into())),
        };
        let mut replies = match decode_exec(&NAMES, &exec, server) {
            Ok(replies) => replies.into_iter(),
            Err(error) => return Some(Err(error)),
        };
        let (exists, script) = (replies.next()?, replies.next()?);
        let is_missing = exists.is_ok_and(|exists| exists.convert() == Ok((0,)));
        match script {
            Err(Failure::Server(error)) if is_missing && error.code() == "NOSCRIPT" => None,
            result => Some(result.map_err(Into::into)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Outcome;
    use crate::server::{ServerKind, ServerProfile};

    const NOSCRIPT: &str = "NOSCRIPT No matching script. Please use EVAL.";

    fn by_digest() -> ByDigest {
        let learned = Learned::default();
        learned.note_profile(ServerKind::Redis.profile());
        learned.note_digests(Digests::Usable);
        ByDigest::new(Arc::new("digest".into()), &learned)
    }

    fn lost(sent: bool) -> Result<Frame, Failure> {
        Err(Failure::runtime_gone(sent))
    }

    fn error(text: &'static str) -> Result<Frame, Failure> {
        let error = Frame::error(text).as_error();
        Err(Failure::Server(error.expect("it is an error")))
    }

    /// The outcome of the script: what it returned, or the outcome of its error. `None` if the
    /// source must be sent.
    fn outcome(
        replies: [Result<Frame, Failure>; 4],
    ) -> (Option<Result<Frame, Option<Outcome>>>, Digests) {
        let script = by_digest();
        let answers = Answers {
            replies: replies.into(),
            server: ServerProfile::default(),
        };
        let result = script
            .result(answers)
            .map(|result| result.map_err(|error| error.for_command("EVAL".into()).outcome()));
        (result, script.learned.digests())
    }

    fn exec(exists: i64, script: Frame) -> Result<Frame, Failure> {
        Ok(Frame::array(&[
            Frame::array(&[Frame::integer(exists)]),
            script,
        ]))
    }

    /// Catches a script that is sent again although it may have run.
    #[test]
    fn the_source_is_sent_only_if_the_digest_certainly_did_not_run() {
        let ok = || Ok(Frame::simple("OK"));
        let queued = || Ok(Frame::simple("QUEUED"));
        let accepted = |exec| outcome([ok(), queued(), queued(), exec]);
        let (may_have_run, not_sent) = (Some(Outcome::MayHaveRun), Some(Outcome::NotSent));

        let known = accepted(exec(1, Frame::integer(7)));
        assert_eq!(known, (Some(Ok(Frame::integer(7))), Digests::Usable));
        let missing = accepted(exec(0, Frame::error(NOSCRIPT)));
        assert_eq!(missing, (None, Digests::Usable));
        let its_own = accepted(exec(1, Frame::error(NOSCRIPT)));
        assert_eq!(its_own, (Some(Err(may_have_run)), Digests::Usable));
        // A server that does not isolate transactions after all.
        let loaded_between = accepted(exec(0, Frame::integer(7)));
        assert_eq!(
            loaded_between,
            (Some(Ok(Frame::integer(7))), Digests::Usable)
        );

        // A command was rejected when it was queued.
        let abort = "EXECABORT Transaction discarded because of previous errors.";
        let forbidden = outcome([ok(), error("NOPERM x"), queued(), error(abort)]);
        assert_eq!(forbidden, (None, Digests::Unusable));
        // MULTI was rejected, so the script ran by itself, or did not.
        let no_exec = || error("ERR EXEC without MULTI");
        let alone = outcome([error("NOPERM x"), ok(), Ok(Frame::integer(7)), no_exec()]);
        assert_eq!(alone, (Some(Ok(Frame::integer(7))), Digests::Unusable));
        let unproven = outcome([error("NOPERM x"), ok(), error(NOSCRIPT), no_exec()]);
        assert_eq!(unproven, (Some(Err(may_have_run)), Digests::Unusable));

        // The connection was lost.
        let unsent = outcome([lost(false), lost(false), lost(false), lost(false)]);
        assert_eq!(unsent.0, Some(Err(not_sent)));
        let discarded = outcome([ok(), queued(), queued(), lost(false)]);
        assert_eq!(discarded.0, Some(Err(not_sent)));
        let without_proof = outcome([lost(true), lost(true), lost(true), lost(false)]);
        assert_eq!(without_proof.0, Some(Err(may_have_run)));
        let running = outcome([ok(), queued(), queued(), lost(true)]);
        assert_eq!(running.0, Some(Err(may_have_run)));
        // Nothing was sent, and the source gets an error of its own.
        let withheld = || Err(Failure::Withheld);
        let refused = outcome([withheld(), withheld(), withheld(), withheld()]);
        assert_eq!(refused.0, None);
    }
}
