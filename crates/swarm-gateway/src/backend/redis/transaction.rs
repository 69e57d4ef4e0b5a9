//! What the gateway must know of a client's open transaction, whose commands the Redis queues.

use swarm_resp::Frame;

/// A transaction that MULTI may have opened.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// The names of what is queued.
    queued: Option<Vec<String>>,
    /// The gateway refused a command itself, of which the Redis does not know.
    spoiled: bool,
}

impl Transaction {
    pub(super) const fn is_open(&self) -> bool {
        self.queued.is_some()
    }

    /// Notes that the gateway refused a command itself: EXEC must refuse all.
    pub(super) const fn spoil(&mut self) {
        self.spoiled = self.is_open();
    }

    pub(super) const fn is_spoiled(&self) -> bool {
        self.spoiled
    }

    /// Notes a reply, and returns the names of the commands that ran for it.
    pub(super) fn note(&mut self, name: &str, reply: &Frame) -> Vec<String> {
        let error = reply.as_error().map(|error| error.to_string());
        match (name, &error) {
            ("MULTI", None) => self.queued = Some(Vec::new()),
            ("EXEC", _) | ("DISCARD" | "RESET", None) => {
                let queued = std::mem::take(self).queued.unwrap_or_default();
                if name == "EXEC" && reply.items().is_some() {
                    return [vec![name.to_owned()], queued].concat();
                }
            }
            (_, None) => {
                if let Some(queued) = &mut self.queued {
                    queued.push(name.to_owned());
                    return Vec::new();
                }
            }
            (_, Some(_)) if self.is_open() => return Vec::new(),
            (_, Some(_)) => {}
        }
        match error {
            Some(error) if was_refused(&error) => Vec::new(),
            _ => vec![name.to_owned()],
        }
    }
}

/// Whether an error says that a command was not even tried.
fn was_refused(error: &str) -> bool {
    const REFUSALS: [&str; 7] = [
        "ERR unknown ",
        "ERR wrong number of arguments ",
        "ERR Can't execute ",
        "ERR EXEC without MULTI",
        "ERR DISCARD without MULTI",
        "EXECABORT ",
        "NOPERM ",
    ];
    REFUSALS.iter().any(|refusal| error.starts_with(refusal))
}
