//! Scans the elements of one key, on the node that has it.

use std::sync::Arc;

use super::super::handle::Handle;
use super::super::machine::NodeId;
use super::super::refusal::Refusal;
use super::super::routed::behind_asking;
use super::super::router::{only, timing};
use super::pages::Walk;
use super::{FIRST_DELAY, LONGEST_DELAY, not_found};
use crate::command::Command;
use crate::commands::ScanItems;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{Requests, Retry};
use crate::runtime::{Instant, sleep};

/// Creates the command that reads the page at a cursor.
pub(super) type Build<T> = Box<dyn Fn(u64) -> Command<ScanItems<T>> + Send + Sync>;

/// Scans the elements of one key. Begins again if the key moves, because no other node understands
/// a cursor.
pub(super) struct Elements<T> {
    handle: Arc<Handle>,
    slot: u16,
    build: Build<T>,
    place: Option<Place>,
    is_done: bool,
}

/// Where a scan is.
#[derive(Clone, Copy)]
struct Place {
    node: NodeId,
    /// Whether the node does not own the slot yet, but has the key.
    asking: bool,
    cursor: u64,
}

/// What a node answers.
enum Answer<T> {
    Page(ScanItems<T>),
    Refused(Refusal, Error),
}

impl<T> Elements<T> {
    pub(super) fn new(handle: &Arc<Handle>, slot: u16, build: Build<T>) -> Self {
        Self {
            handle: Arc::clone(handle),
            slot,
            build,
            place: None,
            is_done: false,
        }
    }

    /// Returns where to go on.
    fn place(&self) -> Result<Place> {
        let router = &self.handle.router;
        let owner = router.look(|machine| machine.owner(self.slot));
        if let Some(place) = self
            .place
            .filter(|place| place.asking || owner == Some(place.node))
        {
            return Ok(place);
        }
        let node = owner.ok_or_else(|| Error::no_owner(self.slot))?;
        Ok(Place {
            node,
            asking: false,
            cursor: 0,
        })
    }

    async fn ask(&self, place: Place, until: Instant) -> Result<Answer<T>> {
        let router = &self.handle.router;
        let client = router.client(place.node).ok_or_else(Error::closed)?;
        let from = router.announced(place.node).ok_or_else(Error::closed)?;
        let mut command = (self.build)(place.cursor);
        if let Some(error) = command.take_rejection() {
            return Err(error);
        }
        let name = command.builder.name;
        let requests = Requests::one(command.builder.request.build(), command.builder.marks);
        let requests = match place.asking {
            true => behind_asking(&requests),
            false => requests,
        };
        let timeout = until.saturating_duration_since(Instant::now());
        let answers = client
            .connection()
            .call_batch(requests, timing(timeout), Retry::ReadOnly);
        let failed = |failure| Error::from_failure(failure).for_command(name.clone());
        match only(answers.await) {
            Ok(frame) => {
                let page = command.decode.read(frame).map_err(Error::convert);
                Ok(Answer::Page(
                    page.map_err(|error| error.for_command(name.clone()))?,
                ))
            }
            Err(Failure::Server(error)) => match Refusal::of(&error, &from) {
                Some(refusal) => Ok(Answer::Refused(refusal, failed(Failure::Server(error)))),
                None => Err(failed(Failure::Server(error))),
            },
            Err(failure) => Err(failed(failure)),
        }
    }
}

impl<T: Send + 'static> Walk for Elements<T> {
    type Item = T;

    async fn page(&mut self) -> Result<Option<Vec<T>>> {
        if self.is_done {
            return Ok(None);
        }
        let router = Arc::clone(&self.handle.router);
        let until = Instant::now() + router.options().client().request_timeout;
        let mut delay = FIRST_DELAY;
        loop {
            let place = self.place()?;
            let error = match self.ask(place, until).await {
                Ok(Answer::Page(page)) => {
                    self.is_done = page.cursor == 0;
                    self.place = Some(Place {
                        cursor: page.cursor,
                        ..place
                    });
                    return Ok(Some(page.items));
                }
                Ok(Answer::Refused(refusal, error)) => {
                    match refusal {
                        Refusal::Moved(slot, address) if slot == self.slot => {
                            self.place = None;
                            router.learn(slot, &address);
                        }
                        Refusal::Ask(slot, address) if slot == self.slot => {
                            self.place = router.node_at(&address).map(|node| Place {
                                node,
                                asking: true,
                                cursor: 0,
                            });
                        }
                        _ => router.request_refresh(),
                    }
                    error
                }
                // The node has left the cluster.
                Err(error) if error.is_closed() && !router.is_closed() => {
                    self.place = None;
                    router.request_refresh();
                    not_found("the scan")
                }
                Err(error) => {
                    if place.asking {
                        self.place = None;
                    }
                    return Err(error);
                }
            };
            let now = Instant::now();
            if now >= until {
                return Err(error);
            }
            sleep(delay.min(until.saturating_duration_since(now))).await;
            delay = (2 * delay).min(LONGEST_DELAY);
        }
    }
}
