//! Tracks a client's open transaction; the upstream server queues the commands.

use swarm_resp::Frame;

/// State of a transaction that MULTI may have opened.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Names of the queued commands.
    queued: Option<Vec<String>>,
    /// Set if the gateway itself rejected a command, which the upstream server never saw.
    spoiled: bool,
}

impl Transaction {
    pub(super) const fn is_open(&self) -> bool {
        self.queued.is_some()
    }

    /// Records that the gateway itself rejected a command, so EXEC must fail.
    pub(super) const fn spoil(&mut self) {
        self.spoiled = self.is_open();
    }

    pub(super) const fn is_spoiled(&self) -> bool {
        self.spoiled
    }

    /// Records a reply, and calls `ran` with the names of the commands that it shows to have run.
    pub(super) fn note(&mut self, name: &str, reply: &Frame, mut ran: impl FnMut(&str)) {
        let error = reply.error_bytes();
        match (name, error) {
            ("MULTI", None) => self.queued = Some(Vec::new()),
            ("EXEC", _) | ("DISCARD" | "RESET", None) => {
                let queued = std::mem::take(self).queued.unwrap_or_default();
                if name == "EXEC" && reply.items().is_some() {
                    ran(name);
                    return queued.iter().for_each(|name| ran(name));
                }
            }
            (_, None) => {
                if let Some(queued) = &mut self.queued {
                    return queued.push(name.to_owned());
                }
            }
            (_, Some(_)) if self.is_open() => return,
            (_, Some(_)) => {}
        }
        if !error.is_some_and(was_refused) {
            ran(name);
        }
    }
}

/// Returns whether an error means that the command was not attempted.
fn was_refused(error: &[u8]) -> bool {
    const REFUSALS: [&str; 7] = [
        "ERR unknown ",
        "ERR wrong number of arguments ",
        "ERR Can't execute ",
        "ERR EXEC without MULTI",
        "ERR DISCARD without MULTI",
        "EXECABORT ",
        "NOPERM ",
    ];
    REFUSALS
        .iter()
        .any(|refusal| error.starts_with(refusal.as_bytes()))
}
