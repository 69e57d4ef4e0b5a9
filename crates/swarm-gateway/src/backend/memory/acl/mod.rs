//! ACL: users, and what they may do.

mod commands;
mod keys;
mod log;
mod selector;
mod table;
mod user;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::connection;
use super::server::Server;
use super::table::Spec;
use crate::backend::Client;
use crate::login::{self, WRONG_PASSWORD};
use crate::outbox::Ending;
use log::Log;
use user::User;

pub(super) use log::Event;
pub(super) use selector::Denied;
pub(super) use table::COMMANDS;

/// The user of connections without a login.
pub(super) const DEFAULT: &str = "default";

/// Number of users.
const MOST_USERS: usize = 10_000;

/// All users. Until the first ACL SETUSER or DELUSER, there is only the default one.
#[derive(Debug, Default)]
pub(super) struct Acl {
    users: Option<BTreeMap<Bytes, User>>,
    log: Log,
}

impl Acl {
    /// Returns the users, if any rule has been set.
    const fn changed(&self) -> Option<&BTreeMap<Bytes, User>> {
        self.users.as_ref()
    }

    /// Returns all users. `password` is that of the default user if no rule has been set.
    fn users(&mut self, password: Option<&Bytes>) -> &mut BTreeMap<Bytes, User> {
        self.users.get_or_insert_with(|| {
            let user = User::default_user(password);
            BTreeMap::from([(Bytes::from_static(DEFAULT.as_bytes()), user)])
        })
    }

    pub(super) fn has_user(&self, name: &[u8]) -> bool {
        match self.changed() {
            Some(users) => users.contains_key(name),
            None => name == DEFAULT.as_bytes(),
        }
    }

    /// Returns whether a new connection needs no login.
    pub(super) fn is_open(&self, password: Option<&Bytes>) -> bool {
        match self.changed() {
            Some(users) => users.get(DEFAULT.as_bytes()).is_some_and(User::is_open),
            None => password.is_none(),
        }
    }

    /// Verifies the arguments of AUTH. Returns the user.
    fn authenticate(
        &self,
        password: Option<&Bytes>,
        credentials: &[Bytes],
    ) -> Result<Bytes, String> {
        let default = || Bytes::from_static(DEFAULT.as_bytes());
        let Some(users) = self.changed() else {
            login::authenticate(password, credentials)?;
            return Ok(default());
        };
        let (name, given) = match credentials {
            [given] if !self.is_open(password) => (default(), given),
            [name, given] => (Bytes::copy_from_slice(name), given),
            // Reports the mistake.
            _ => {
                login::authenticate(None, credentials)?;
                return Ok(default());
            }
        };
        match users.get(&name).is_some_and(|user| user.accepts(given)) {
            true => Ok(name),
            false => Err(WRONG_PASSWORD.to_owned()),
        }
    }
}

impl Server {
    /// Logs a connection in. `command` is AUTH or HELLO.
    ///
    /// # Errors
    ///
    /// The text of the error reply.
    pub(super) fn log_in(
        &mut self,
        client: &Client,
        command: &'static str,
        credentials: &[Bytes],
        now: i64,
    ) -> Result<(), String> {
        let authenticated = self.acl.authenticate(client.password.as_ref(), credentials);
        match authenticated {
            Ok(user) => {
                self.set_user(client.id, user);
                Ok(())
            }
            Err(text) => {
                if text == WRONG_PASSWORD {
                    let user = match credentials {
                        [user, _] => user.clone(),
                        _ => Bytes::from_static(DEFAULT.as_bytes()),
                    };
                    let event = Event {
                        reason: "auth",
                        context: "toplevel",
                        object: Bytes::from_static(command.as_bytes()),
                        user,
                    };
                    self.log_denied(client.id, event, now);
                }
                Err(text)
            }
        }
    }

    /// Sets the user of a connection.
    pub(super) fn set_user(&mut self, id: u64, user: Bytes) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.user = user;
        }
    }

    /// Adds an entry to the log.
    fn log_denied(&mut self, id: u64, event: Event, now: i64) {
        let peer = self.peers.get(&id);
        let client = peer.map(|peer| connection::line(self, now, id, peer, 0));
        let client = client.unwrap_or_default().trim_end().to_owned();
        let most = self.config.number("acllog-max-len");
        self.acl.log.add(event, now, client, most);
    }

    /// Returns why the user of a connection may not run a command, after logging it.
    pub(super) fn check_access(
        &mut self,
        id: u64,
        spec: &Spec,
        args: &[Bytes],
        context: &'static str,
        now: i64,
    ) -> Result<(), Denied> {
        let Some(users) = self.acl.changed() else {
            return Ok(());
        };
        let name = self.peers.get(&id).map(|peer| peer.user.clone());
        let name = name.unwrap_or_default();
        // A connection whose user has been deleted is about to end.
        let user = users.get(&name).ok_or(Denied::Command)?;
        if user.is_unlimited() {
            return Ok(());
        }
        let checked = user.check(spec.name, args);
        if let Err(denied) = checked {
            let arg = |at: usize| args.get(at).map(|arg| Bytes::copy_from_slice(arg));
            let (reason, object) = match denied {
                Denied::Command => ("command", Some(spec.name.to_ascii_lowercase().into())),
                Denied::Key(at) => ("key", arg(at)),
                Denied::Channel(at) => ("channel", arg(at)),
            };
            let event = Event {
                reason,
                context,
                object: object.unwrap_or_default(),
                user: name,
            };
            self.log_denied(id, event, now);
        }
        checked
    }

    /// Returns whether the user of a connection may run a command of Redis.
    pub(super) fn may_run(&self, id: u64, args: &[Bytes]) -> bool {
        let user = self.peers.get(&id).map(|peer| &peer.user);
        let user = user.and_then(|user| self.acl.changed()?.get(user));
        let word = |at: usize| args.get(at).map_or(&[][..], Bytes::as_ref);
        let with_sub = [word(0), b"|", word(1)].concat();
        let named = commands::named(&with_sub).or_else(|| commands::named(word(0)));
        match (user, named) {
            (Some(user), Some((_, name))) => user.check(name, args).is_ok(),
            _ => true,
        }
    }

    /// Returns whether the user of a connection may read all keys with a command.
    pub(super) fn reads_everything(&self, id: u64, name: &str, args: &[Bytes]) -> bool {
        let user = self.peers.get(&id).map(|peer| &peer.user);
        let user = user.and_then(|user| self.acl.changed()?.get(user));
        user.is_none_or(|user| {
            let mut selectors = user.selectors.iter();
            selectors.any(|selector| selector.reads_everything(name, args))
        })
    }

    /// Ends the connections of a user for which `ends` returns true. That of the caller ends behind
    /// its reply.
    fn end_connections(&mut self, caller: u64, user: &[u8], ends: impl Fn(&Self, u64) -> bool) {
        let peers = self.peers.iter();
        let ids = peers.filter(|(id, peer)| peer.user == user && ends(self, **id));
        let ids: Vec<u64> = ids.map(|(id, _)| *id).collect();
        for id in ids {
            self.stop_waiting(id);
            if id == caller {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.killed = true;
                }
            } else if let Some(peer) = self.peers.remove(&id) {
                peer.outbox.end(Ending::Killed);
            }
        }
    }

    /// Ends the connections of a user that are subscribed to what the user may not receive.
    fn end_subscribers(&mut self, caller: u64, name: &[u8]) {
        let users = self.acl.changed();
        let Some(user) = users.and_then(|users| users.get(name)).cloned() else {
            return;
        };
        self.end_connections(caller, name, |server, id| {
            let subscribed: BTreeSet<(Bytes, bool)> = server.pubsub.names_of(id).collect();
            user::loses_channel(&user, &subscribed)
        });
    }
}
