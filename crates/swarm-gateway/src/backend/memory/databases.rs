//! Databases: commands work on the selected one, and the others are parked.

use bytes::Bytes;
use swarm_resp::Frame;

use super::State;
use super::call::{Call, Reply, ok};
use super::keyspace::{Class, Cleared, Expiry, Keyspace, Notice};
use super::link::{Local, Replies};
use super::number;
use super::reject::Reject;

/// Number of databases of Redis.
pub(super) const DATABASES: usize = 16;

pub(super) const OUT_OF_RANGE: Reject = Reject::text("ERR DB index is out of range");
pub(super) const SAME_OBJECT: Reject =
    Reject::text("ERR source and destination objects are the same");

/// The databases that are not selected, and what has happened to all of them.
#[derive(Debug, Default)]
pub(super) struct Databases {
    selected: usize,
    /// Number of databases that may contain keys: the selected ones so far and those before them.
    used: usize,
    /// All databases. The place of the selected one holds an empty one.
    parked: Vec<Keyspace>,
    /// Changes before the last switch, in their order.
    changes: Vec<Changes>,
    /// Events before the last switch, in their order.
    notices: Vec<(usize, Notice)>,
}

/// Changes of one database.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) database: usize,
    pub(super) keys: Vec<Bytes>,
    /// Where all keys have been removed, as parts of `keys`.
    pub(super) cleared: Vec<Cleared>,
}

impl Databases {
    /// Creates the databases beside one that is selected.
    pub(super) fn new(selected: &Keyspace, count: usize) -> Self {
        Self {
            used: 1,
            parked: (0..count).map(|_| selected.another()).collect(),
            ..Self::default()
        }
    }

    pub(super) const fn selected(&self) -> usize {
        self.selected
    }

    pub(super) fn len(&self) -> usize {
        self.parked.len()
    }

    /// Returns the number of databases that may contain keys.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    fn set_observed(&mut self, observed: bool) {
        for parked in &mut self.parked {
            parked.set_observed(observed);
        }
    }

    /// Sets the classes of events to publish.
    pub(super) fn publish(&mut self, classes: u32) {
        for parked in &mut self.parked {
            parked.publish(classes);
        }
    }

    /// Iterates over the databases that are not selected and may contain keys.
    pub(super) fn others(&self) -> impl Iterator<Item = &Keyspace> {
        self.parked.iter().take(self.used)
    }

    fn gather(&mut self, database: usize, keyspace: &mut Keyspace) {
        if !keyspace.has_news() {
            return;
        }
        if let Some((keys, cleared)) = keyspace.take_changed() {
            self.changes.push(Changes {
                database,
                keys,
                cleared,
            });
        }
        let notices = keyspace.take_notices();
        self.notices
            .extend(notices.into_iter().map(|notice| (database, notice)));
    }

    /// Parses the number of a database.
    pub(super) fn parse(&self, text: &[u8]) -> Result<usize, Reject> {
        let number = number::within(text, i32::MIN.into(), i32::MAX.into())?;
        let number = usize::try_from(number).ok();
        number
            .filter(|number| *number < self.len())
            .ok_or(OUT_OF_RANGE)
    }
}

impl State {
    /// Selects the database that commands work on.
    pub(super) fn select(&mut self, database: usize) {
        let databases = &mut self.server.databases;
        if database == databases.selected {
            return;
        }
        databases.gather(databases.selected, &mut self.keyspace);
        let clock = self.keyspace.clock();
        for place in [databases.selected, database] {
            if let Some(parked) = databases.parked.get_mut(place) {
                std::mem::swap(&mut self.keyspace, parked);
            }
        }
        self.keyspace.set_clock(clock);
        databases.selected = database;
        databases.used = databases.used.max(database + 1);
    }

    /// Sets whether anyone must be notified of changes.
    pub(super) fn observe(&mut self, observed: bool) {
        if self.keyspace.is_observed() != observed {
            self.keyspace.set_observed(observed);
            self.server.databases.set_observed(observed);
        }
    }

    /// Returns a database after selecting it.
    pub(super) fn database(&mut self, database: usize) -> &mut Keyspace {
        self.select(database);
        &mut self.keyspace
    }

    /// Removes expired keys of all databases. `watched` sets whether WATCH observes it.
    pub(super) fn expire_due(&mut self, now: i64, watched: bool) {
        self.keyspace.expire_due(now, watched);
        if self.server.databases.used == 1 {
            return;
        }
        for database in 0..self.server.databases.used {
            let parked = self.server.databases.parked.get(database);
            let next = parked.and_then(Keyspace::next_deadline);
            if next.is_some_and(|next| next <= now) {
                self.database(database).expire_due(now, watched);
            }
        }
    }

    /// Returns the first deadline of all keys.
    pub(super) fn next_deadline(&self) -> Option<i64> {
        let others = self.server.databases.others();
        let others = others.filter_map(Keyspace::next_deadline);
        others.chain(self.keyspace.next_deadline()).min()
    }

    /// Returns whether there have been events or changes since they were taken last.
    pub(super) fn has_news(&self) -> bool {
        let databases = &self.server.databases;
        self.keyspace.has_news()
            || !(databases.changes.is_empty() && databases.notices.is_empty())
            || databases.used > 1 && databases.others().any(Keyspace::has_news)
    }

    /// Takes what has changed since the last call, in the order of the changes.
    pub(super) fn take_changes(&mut self) -> Vec<Changes> {
        self.gather();
        std::mem::take(&mut self.server.databases.changes)
    }

    /// Takes the events since the last call, with the numbers of their databases.
    pub(super) fn take_notices(&mut self) -> Vec<(usize, Notice)> {
        self.gather();
        std::mem::take(&mut self.server.databases.notices)
    }

    fn gather(&mut self) {
        let databases = &mut self.server.databases;
        databases.gather(databases.selected, &mut self.keyspace);
        if databases.used > 1 {
            let mut parked = std::mem::take(&mut databases.parked);
            for (database, keyspace) in parked.iter_mut().enumerate() {
                databases.gather(database, keyspace);
            }
            databases.parked = parked;
        }
    }
}

impl Call<'_> {
    /// Records changes from now on, because a client tracks keys.
    pub(super) fn observe(&mut self) {
        self.keyspace.set_observed(true);
        self.server.databases.set_observed(true);
    }

    /// Returns a database, whether or not it is selected.
    pub(super) fn database(&mut self, database: usize) -> &mut Keyspace {
        let databases = &mut self.server.databases;
        if database == databases.selected {
            return self.keyspace;
        }
        databases.used = databases.used.max(database + 1);
        match databases.parked.get_mut(database) {
            Some(parked) => parked,
            None => self.keyspace,
        }
    }

    /// Iterates over the databases that may contain keys, with their numbers.
    pub(super) fn databases(&self) -> impl Iterator<Item = (usize, &Keyspace)> {
        let databases = &self.server.databases;
        let place = |(number, parked)| match number == databases.selected {
            true => (number, &*self.keyspace),
            false => (number, parked),
        };
        databases.others().enumerate().map(place)
    }
}

impl Call<'_> {
    /// Returns the number of keys that have expired.
    pub(super) fn expired(&self) -> u64 {
        let databases = self.databases();
        databases.map(|(_, database)| database.expired()).sum()
    }
}

/// `SELECT database`.
pub(super) fn select(local: &mut Local, state: &mut State, args: &[Bytes], _: i64) -> Replies {
    let number = args.get(1).map_or(&[][..], Bytes::as_ref);
    let database = state.server.databases.parse(number)?;
    local.use_database(state, database);
    Ok(vec![ok()])
}

/// `MOVE key database`.
pub(super) fn move_key(call: &mut Call<'_>) -> Reply {
    let target = call.server.databases.parse(call.arg(2))?;
    if target == call.server.databases.selected {
        return Err(SAME_OBJECT);
    }
    let key = call.arg(1);
    let Some(deadline) = call.keyspace.deadline(key) else {
        return Ok(Frame::integer(0));
    };
    if call.database(target).contains(key) {
        return Ok(Frame::integer(0));
    }
    let origin = call.keyspace.origin(key);
    let Some(value) = call.keyspace.remove(key) else {
        return Ok(Frame::integer(0));
    };
    call.keyspace.notify(Class::GENERIC, "move_from", key);
    let expiry = deadline.map_or(Expiry::Never, Expiry::At);
    let target = call.database(target);
    target.set(key, value, expiry);
    target.set_origin(key, origin);
    target.notify(Class::GENERIC, "move_to", key);
    Ok(Frame::integer(1))
}

/// `SWAPDB database database`.
pub(super) fn swapdb(call: &mut Call<'_>) -> Reply {
    let parse = |text: &[u8], error: &'static str| {
        number::integer(text)
            .ok()
            .and_then(|number| i32::try_from(number).ok())
            .ok_or(Reject::text(error))
    };
    let first = parse(call.arg(1), "ERR invalid first DB index")?;
    let second = parse(call.arg(2), "ERR invalid second DB index")?;
    let inside = |number: i32| {
        let number = usize::try_from(number).ok();
        number.filter(|number| *number < call.server.databases.len())
    };
    let (first, second) = inside(first).zip(inside(second)).ok_or(OUT_OF_RANGE)?;
    if first == second {
        return Ok(ok());
    }
    let mut taken = std::mem::take(call.database(first));
    call.database(second).swap_data(&mut taken);
    *call.database(first) = taken;
    // Clients that wait for a key stay in their database.
    for waiter in &call.server.waiting {
        if [first, second].contains(&waiter.database) {
            let keys = waiter.keys.iter();
            let keys = keys.map(|key| (waiter.database, key.clone()));
            call.server.ready.extend(keys);
        }
    }
    Ok(ok())
}

fn check_flush(options: &[Bytes]) -> Result<(), Reject> {
    match options {
        [] => Ok(()),
        [how] if how.eq_ignore_ascii_case(b"SYNC") || how.eq_ignore_ascii_case(b"ASYNC") => Ok(()),
        _ => Err(Reject::SYNTAX),
    }
}

/// `FLUSHDB [SYNC|ASYNC]`.
pub(super) fn flushdb(call: &mut Call<'_>) -> Reply {
    check_flush(call.rest(1))?;
    call.keyspace.clear();
    call.keyspace.announce_clear();
    Ok(ok())
}

/// `FLUSHALL [SYNC|ASYNC]`.
pub(super) fn flushall(call: &mut Call<'_>) -> Reply {
    check_flush(call.rest(1))?;
    for database in 0..call.server.databases.used {
        call.database(database).clear();
    }
    call.keyspace.announce_clear();
    Ok(ok())
}
