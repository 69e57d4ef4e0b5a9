//! The interpreter of one script: compiles it in a sandbox, and runs it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use mlua::chunk::ChunkMode;
use mlua::{
    Error, Function, HookTriggers, IntoLuaMulti, Lua, LuaOptions, StdLib, Table, Value, VmState,
};
use swarm_resp::{Frame, RespVersion, encode_frame};

use super::super::super::call::Reply;
use super::super::super::reject::Reject;
use super::super::{Profile, Purpose, Source, Stop};
use super::library::Registry;
use super::port::Port;
use super::raised::{self, Raised};
use super::redis::Resp;
use super::{bits, convert, json, library, pack, redis};

/// Memory of a script, which Redis does not limit.
const MAX_MEMORY: usize = 256 << 20;

/// Number of instructions after which a script looks whether it has been killed.
const PATIENCE: u32 = 10_000;

/// Largest result of a script on SwarmKeyDb, in bytes.
const MAX_SWARM_OUTPUT: usize = 10 << 20;

const KILLED: &str = "ERR Script killed by user with SCRIPT KILL...";

/// Why a script failed.
struct Failure {
    text: Vec<u8>,
    line: Option<usize>,
}

/// A compiled script.
pub(in super::super) struct Engine {
    lua: Lua,
    script: Function,
    run: Function,
    resp: Resp,
    failure: Rc<RefCell<Option<Failure>>>,
    profile: Profile,
    purpose: Purpose,
    label: Bytes,
    /// Keys and arguments, for a function of a library.
    args: (Table, Table),
    /// Functions of a library.
    registry: Registry,
    /// Whether a library registers its functions.
    is_loading: Rc<Cell<bool>>,
}

impl Engine {
    /// Compiles a script.
    ///
    /// # Errors
    ///
    /// Its first syntax error.
    pub(in super::super) fn new(
        source: Source,
        port: &Rc<Port>,
        killed: Arc<AtomicBool>,
    ) -> Result<Self, Reject> {
        let what = match source.purpose {
            Purpose::Script => "script (new function)",
            Purpose::Load | Purpose::Call(_) => "function",
        };
        let compiled = Self::compiled(source, port, killed);
        compiled.map_err(|error| {
            let text = match &error {
                Error::SyntaxError { message, .. } => message.clone(),
                error => error.to_string(),
            };
            let text = text.lines().next().unwrap_or_default().to_owned();
            Reject::new(format!("ERR Error compiling {what}: {text}"))
        })
    }

    fn compiled(source: Source, port: &Rc<Port>, killed: Arc<AtomicBool>) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::new())?;
        lua.set_memory_limit(MAX_MEMORY)?;
        let profile = source.profile;
        let resp: Resp = Rc::new(Cell::new(RespVersion::Resp2));
        let failure = Rc::new(RefCell::new(None));
        let is_loading = Rc::new(Cell::new(false));
        let host = host(&lua, &failure, &is_loading, profile)?;
        let libraries = lua.create_table()?;
        libraries.set("redis", redis::library(&lua, port, &resp, profile)?)?;
        if !profile.swarm {
            libraries.set("bit", bits::library(&lua)?)?;
            libraries.set("cjson", json::library(&lua)?)?;
            libraries.set("struct", pack::library(&lua)?)?;
        }
        let sandbox = lua
            .load(include_str!("sandbox.lua"))
            .set_name("@sandbox")
            .into_function()?;
        let registry = Registry::default();
        let loading = match source.purpose {
            Purpose::Script => Value::Nil,
            Purpose::Load | Purpose::Call(_) => Value::Table(library::library(&lua, &registry)?),
        };
        let (globals, visible, run): (Table, Table, Function) =
            sandbox.call((host, libraries, !profile.swarm, loading))?;
        let args = (list(&lua, &source.keys)?, list(&lua, &source.args)?);
        if source.purpose == Purpose::Script {
            globals.raw_set("KEYS", &args.0)?;
            globals.raw_set("ARGV", &args.1)?;
        }
        lua.set_globals(visible)?;
        let script = lua
            .load(&source.text[..])
            .set_name(format!("@{}", source.purpose.chunk()))
            .set_mode(ChunkMode::Text)
            .into_function()?;
        let triggers = HookTriggers::new().every_nth_instruction(PATIENCE);
        lua.set_global_hook(triggers, move |_, _| match killed.load(Ordering::Relaxed) {
            true => Err(Raised::reply(KILLED)),
            false => Ok(VmState::Continue),
        })?;
        Ok(Self {
            lua,
            script,
            run,
            resp,
            failure,
            profile,
            purpose: source.purpose,
            label: source.label,
            args,
            registry,
            is_loading,
        })
    }

    /// Runs the script to its end.
    pub(in super::super) fn run(&self) -> Stop {
        match self.purpose.clone() {
            Purpose::Script => Stop::Done(self.result(self.call(&self.script, ()))),
            Purpose::Load => match self.load() {
                Err(failure) => {
                    let text = [b"ERR Error registering functions: ", &failure.text[..]].concat();
                    Stop::Done(Err(Reject::new(text)))
                }
                Ok(()) => {
                    let functions = self.registry.borrow();
                    Stop::Loaded(functions.iter().map(|(known, _)| known.clone()).collect())
                }
            },
            Purpose::Call(name) => Stop::Done(self.call_function(&name)),
        }
    }

    /// Runs a library, which registers its functions.
    fn load(&self) -> Result<(), Failure> {
        self.is_loading.set(true);
        let loaded = self.call(&self.script, ());
        self.is_loading.set(false);
        loaded.map(drop)
    }

    fn call_function(&self, name: &[u8]) -> Reply {
        if let Err(failure) = self.load() {
            return Err(self.reject(failure));
        }
        let registry = self.registry.borrow();
        let function = registry.iter().find(|(known, _)| known.is_called(name));
        let Some((_, function)) = function else {
            return Err(Reject::text("ERR Function not found"));
        };
        self.result(self.call(function, self.args.clone()))
    }

    /// Calls a function of the script.
    fn call(&self, function: &Function, args: impl IntoLuaMulti) -> Result<Value, Failure> {
        let args = args.into_lua_multi(&self.lua).unwrap_or_default();
        let ended = self.run.call::<(bool, Value)>((function, args));
        // An error in the error handler is a lack of memory, for one.
        let (is_done, value) = ended.unwrap_or_else(|error| (false, Value::Error(Box::new(error))));
        if is_done {
            return Ok(value);
        }
        Err(self.failure.take().unwrap_or_else(|| Failure {
            text: raised::reply(&value),
            line: None,
        }))
    }

    fn result(&self, ended: Result<Value, Failure>) -> Reply {
        let value = ended.map_err(|failure| self.reject(failure))?;
        let frame = convert::frame(&value, self.resp.get(), self.profile);
        if self.profile.swarm && length(&frame) > MAX_SWARM_OUTPUT {
            return Err(Reject::text("ERR script output too large"));
        }
        Ok(frame)
    }

    fn reject(&self, failure: Failure) -> Reject {
        let Failure { mut text, line } = failure;
        if let Some(line) = line
            && !self.profile.swarm
        {
            let label = String::from_utf8_lossy(&self.label);
            let chunk = self.purpose.chunk();
            text.extend(format!(" script: {label}, on @{chunk}:{line}.").bytes());
        }
        Reject::new(text)
    }
}

/// Length of a frame on the wire.
fn length(frame: &Frame) -> usize {
    let mut wire = bytes::BytesMut::new();
    encode_frame(&mut wire, frame, RespVersion::Resp2);
    wire.len()
}

fn list(lua: &Lua, texts: &[Bytes]) -> mlua::Result<Table> {
    let list = lua.create_table()?;
    for text in texts {
        list.raw_push(lua.create_string(text)?)?;
    }
    Ok(list)
}

/// Creates the functions that the sandbox needs.
fn host(
    lua: &Lua,
    failure: &Rc<RefCell<Option<Failure>>>,
    is_loading: &Rc<Cell<bool>>,
    profile: Profile,
) -> mlua::Result<Table> {
    let host = lua.create_table()?;
    host.set("text", lua.create_function(raised::text)?)?;
    host.set("value", lua.create_function(raised::value)?)?;
    let is_loading = is_loading.clone();
    let loads = lua.create_function(move |_, ()| Ok(is_loading.get()))?;
    host.set("is_loading", loads)?;
    let failure = failure.clone();
    let failed = lua.create_function(move |lua, value: Value| {
        let line = line(lua);
        let mut text = raised::reply(&value);
        if let Some(line) = line
            && profile.swarm
            && raised::is_reply(&value)
        {
            // There, an error reply becomes the message of an error of Lua.
            text.splice(..0, format!("ERR user_script:{line}: ").bytes());
        }
        failure.replace(Some(Failure { text, line }));
        Ok(())
    })?;
    host.set("failed", failed)?;
    Ok(host)
}

/// Returns the line of the script that runs, in the function that was called last.
fn line(lua: &Lua) -> Option<usize> {
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
