//! Faults that were created through the door.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::problem::{Code, Problem};
use crate::fault::{FreezeGuard, Hold, PlannedFault, PushGuard, RefuseGuard};

/// Number of faults that are remembered. Beyond it, those that no longer apply are forgotten.
const MOST: usize = 1_000;

/// A fault of the library. Dropping it ends the fault, except for a planned one.
pub(super) enum Handle {
    Planned(PlannedFault),
    Hold(Hold),
    Pushes(PushGuard),
    Freeze(#[expect(dead_code, reason = "held until it is dropped")] FreezeGuard),
    Refuse(#[expect(dead_code, reason = "held until it is dropped")] RefuseGuard),
}

impl Handle {
    /// Returns how often the fault has applied, if it counts that.
    fn applied(&self) -> Option<u64> {
        let applied = match self {
            Self::Planned(fault) => fault.applied(),
            Self::Hold(hold) => hold.applied(),
            Self::Pushes(guard) => guard.applied(),
            Self::Freeze(_) | Self::Refuse(_) => return None,
        };
        u64::try_from(applied).ok()
    }

    /// Returns how often the fault will still apply, or `None` if it applies until it is deleted.
    fn remaining(&self) -> Option<u32> {
        match self {
            Self::Planned(fault) => fault.remaining(),
            _ => None,
        }
    }

    /// Returns a future that waits until the fault has applied `count` times.
    fn when_applied(&self, count: usize) -> Option<BoxFuture<'static, ()>> {
        match self {
            Self::Planned(fault) => Some(fault.when_applied(count).boxed()),
            Self::Hold(hold) => Some(hold.when_applied(count).boxed()),
            Self::Pushes(guard) => Some(guard.when_applied(count).boxed()),
            Self::Freeze(_) | Self::Refuse(_) => None,
        }
    }

    fn end(self) {
        if let Self::Planned(fault) = self {
            fault.cancel();
        }
    }
}

/// A fault as the door shows it.
pub(super) struct Seen<T> {
    pub(super) id: u64,
    pub(super) fault: T,
    pub(super) applied: Option<u64>,
    pub(super) remaining: Option<u32>,
}

/// Faults by their IDs, each with its description.
pub(super) struct Registry<T>(Mutex<Table<T>>);

struct Table<T> {
    last: u64,
    faults: BTreeMap<u64, (T, Handle)>,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        let (last, faults) = (0, BTreeMap::new());
        Self(Mutex::new(Table { last, faults }))
    }
}

impl<T: Clone> Registry<T> {
    /// Creates a fault.
    pub(super) fn add(
        &self,
        description: T,
        create: impl FnOnce() -> Result<Handle, Problem>,
    ) -> Result<Seen<T>, Problem> {
        let mut table = self.lock();
        if table.faults.len() >= MOST {
            let mut faults = table.faults.iter();
            let spent = faults.find(|(_, (_, handle))| handle.remaining() == Some(0));
            let text = format!("{MOST} faults are active; delete some");
            let spent = spent.map(|(id, _)| *id);
            let spent = spent.ok_or_else(|| Problem::new(Code::TooManyFaults, text))?;
            table.faults.remove(&spent);
        }
        let fault = (description, create()?);
        table.last += 1;
        let id = table.last;
        let seen = see(id, &fault);
        table.faults.insert(id, fault);
        Ok(seen)
    }

    pub(super) fn list(&self) -> Vec<Seen<T>> {
        let table = self.lock();
        table
            .faults
            .iter()
            .map(|(id, fault)| see(*id, fault))
            .collect()
    }

    pub(super) fn get(&self, id: u64) -> Result<Seen<T>, Problem> {
        let table = self.lock();
        let fault = table.faults.get(&id).ok_or_else(|| no_such(id))?;
        Ok(see(id, fault))
    }

    /// Returns a future that waits until a fault has applied `count` times.
    pub(super) fn when_applied(
        &self,
        id: u64,
        count: usize,
    ) -> Result<BoxFuture<'static, ()>, Problem> {
        let table = self.lock();
        let (_, handle) = table.faults.get(&id).ok_or_else(|| no_such(id))?;
        let text = "this kind of fault does not count what it applies to";
        let uncounted = || Problem::new(Code::NotCountable, text);
        handle.when_applied(count).ok_or_else(uncounted)
    }

    /// Ends a fault.
    pub(super) fn delete(&self, id: u64) -> Result<(), Problem> {
        let removed = self.lock().faults.remove(&id);
        let (_, handle) = removed.ok_or_else(|| no_such(id))?;
        handle.end();
        Ok(())
    }

    /// Ends all faults. Returns their number.
    pub(super) fn delete_all(&self) -> usize {
        let faults = std::mem::take(&mut self.lock().faults);
        let count = faults.len();
        faults.into_values().for_each(|(_, handle)| handle.end());
        count
    }

    fn lock(&self) -> MutexGuard<'_, Table<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn see<T: Clone>(id: u64, (fault, handle): &(T, Handle)) -> Seen<T> {
    Seen {
        id,
        fault: fault.clone(),
        applied: handle.applied(),
        remaining: handle.remaining(),
    }
}

fn no_such(id: u64) -> Problem {
    Problem::new(Code::NoSuchFault, format!("there is no fault {id}"))
}
