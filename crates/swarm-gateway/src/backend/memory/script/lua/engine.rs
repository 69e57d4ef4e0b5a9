//! The interpreter of one script: compiles it in a sandbox, and runs it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use mlua::chunk::ChunkMode;
use mlua::{Error, Function, HookTriggers, Lua, LuaOptions, StdLib, Table, Value, VmState};
use swarm_resp::{Frame, RespVersion, encode_frame};

use super::super::super::call::Reply;
use super::super::super::reject::Reject;
use super::super::{NAME, Profile, Source};
use super::port::Port;
use super::raised::{self, Raised};
use super::redis::Resp;
use super::{bits, convert, json, pack, redis};

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
    digest: Bytes,
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
        let compiled = Self::compiled(source, port, killed);
        compiled.map_err(|error| {
            let text = match &error {
                Error::SyntaxError { message, .. } => message.clone(),
                error => error.to_string(),
            };
            let text = text.lines().next().unwrap_or_default().to_owned();
            Reject::new(format!("ERR Error compiling script (new function): {text}"))
        })
    }

    fn compiled(source: Source, port: &Rc<Port>, killed: Arc<AtomicBool>) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::new())?;
        lua.set_memory_limit(MAX_MEMORY)?;
        let profile = source.profile;
        let resp: Resp = Rc::new(Cell::new(RespVersion::Resp2));
        let failure = Rc::new(RefCell::new(None));
        let host = host(&lua, &failure, profile)?;
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
        let (globals, visible, run): (Table, Table, Function) =
            sandbox.call((host, libraries, !profile.swarm))?;
        for (name, texts) in [("KEYS", source.keys), ("ARGV", source.args)] {
            let list = lua.create_table()?;
            for text in texts {
                list.raw_push(lua.create_string(&text)?)?;
            }
            globals.raw_set(name, list)?;
        }
        lua.set_globals(visible)?;
        let script = lua
            .load(&source.text[..])
            .set_name(format!("@{NAME}"))
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
            digest: source.digest,
        })
    }

    /// Runs the script to its end.
    pub(in super::super) fn run(&self) -> Reply {
        let (is_done, value): (bool, Value) = match self.run.call(self.script.clone()) {
            Ok(ended) => ended,
            // An error in the error handler, such as a lack of memory.
            Err(error) => (false, Value::Error(Box::new(error))),
        };
        if !is_done {
            let failure = self.failure.take().unwrap_or_else(|| Failure {
                text: raised::reply(&value),
                line: None,
            });
            return Err(self.reject(failure));
        }
        let frame = convert::frame(&value, self.resp.get(), self.profile);
        if self.profile.swarm && length(&frame) > MAX_SWARM_OUTPUT {
            return Err(Reject::text("ERR script output too large"));
        }
        self.lua.gc_stop();
        Ok(frame)
    }

    fn reject(&self, failure: Failure) -> Reject {
        let Failure { mut text, line } = failure;
        if let Some(line) = line
            && !self.profile.swarm
        {
            let digest = String::from_utf8_lossy(&self.digest);
            text.extend(format!(" script: {digest}, on @{NAME}:{line}.").bytes());
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

/// Creates the functions that the sandbox needs.
fn host(
    lua: &Lua,
    failure: &Rc<RefCell<Option<Failure>>>,
    profile: Profile,
) -> mlua::Result<Table> {
    let host = lua.create_table()?;
    host.set("text", lua.create_function(raised::text)?)?;
    host.set("value", lua.create_function(raised::value)?)?;
    let failure = failure.clone();
    let failed = lua.create_function(move |lua, value: Value| {
        let line = line(lua);
        let mut text = raised::reply(&value);
        if let Some(line) = line
            && profile.swarm
            && raised::is_reply(&value)
        {
            // There, an error reply becomes the message of an error of Lua.
            text.splice(..0, format!("ERR {NAME}:{line}: ").bytes());
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
                    .is_some_and(|source| source.strip_prefix('@') == Some(NAME));
                function.current_line().filter(|_| is_script)
            })
        })
        .flatten()
        .next()
}
