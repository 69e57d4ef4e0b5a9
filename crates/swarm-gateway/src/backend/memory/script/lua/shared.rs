//! What the functions that a script calls share with whoever runs the script.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use mlua::{Function, Lua};
use swarm_resp::{Frame, RespVersion};

use super::super::Registered;
use super::port::Port;

/// Memory of an interpreter, and of what a library creates, which Redis does not limit.
pub(super) const MAX_MEMORY: usize = 256 << 20;

/// State of the script that runs.
pub(super) struct Shared {
    /// Where its commands go.
    pub(super) port: RefCell<Option<Rc<Port>>>,
    /// The version of RESP in which it receives replies, and in which its result is meant.
    pub(super) resp: Cell<RespVersion>,
    /// Why it failed.
    pub(super) failure: RefCell<Option<Failure>>,
    /// Whether a library registers its functions.
    pub(super) is_loading: Cell<bool>,
    /// Functions of a library.
    pub(super) registry: RefCell<Vec<(Registered, Function)>>,
}

/// Why a script failed.
pub(super) struct Failure {
    pub(super) text: Vec<u8>,
    pub(super) line: Option<usize>,
}

impl Shared {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self {
            port: RefCell::default(),
            resp: Cell::new(RespVersion::Resp2),
            failure: RefCell::default(),
            is_loading: Cell::new(false),
            registry: RefCell::default(),
        })
    }

    /// Another script begins.
    pub(super) fn begin(&self, port: &Rc<Port>) {
        self.port.replace(Some(port.clone()));
        self.resp.set(RespVersion::Resp2);
        self.failure.take();
        self.is_loading.set(false);
        self.registry.take();
    }

    /// Whether the script is to end.
    pub(super) fn is_killed(&self) -> bool {
        let port = self.port.borrow();
        port.as_ref().is_some_and(|port| port.is_killed())
    }

    /// Runs a command of the script.
    pub(super) fn call(&self, args: Vec<bytes::Bytes>) -> mlua::Result<Frame> {
        let port = self.port.borrow().clone();
        match port {
            Some(port) => port.call(args, self.resp.get(), false),
            None => Err(mlua::Error::runtime("no script runs")),
        }
    }

    /// Returns whether the user of the script may run a command.
    pub(super) fn may_call(&self, args: Vec<bytes::Bytes>) -> mlua::Result<bool> {
        let port = self.port.borrow().clone();
        match port {
            Some(port) => Ok(port.call(args, self.resp.get(), true)?.as_integer() == Some(1)),
            None => Err(mlua::Error::runtime("no script runs")),
        }
    }
}

/// Returns the line of the script that runs, in the function that was called last.
pub(super) fn line(lua: &Lua) -> Option<usize> {
    (0..)
        .map_while(|level| {
            lua.inspect_stack(level, |function| {
                let is_script = (function.source().source.as_deref())
                    .is_some_and(|source| source.starts_with("@user_"));
                function.current_line().filter(|_| is_script)
            })
        })
        .flatten()
        .next()
}
