//! An interpreter with the sandbox of scripts. Scripts cannot change what the next one finds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use mlua::chunk::ChunkMode;
use mlua::{Function, HookTriggers, Lua, LuaOptions, StdLib, Table, Value, VmState};

use super::super::{Profile, Purpose, Source};
use super::port::{KILLED, Port};
use super::raised::{self, Raised};
use super::shared::{Failure, MAX_MEMORY, Shared, line};
use super::{bits, json, library, msgpack, pack, redis};

/// Memory that an interpreter may keep between scripts.
const MAX_KEPT_MEMORY: usize = 32 << 20;

/// Number of compiled scripts to keep.
const MAX_COMPILED: usize = 100;

/// Number of instructions after which a script looks whether it has been killed.
const PATIENCE: u32 = 10_000;

/// An interpreter.
pub(in super::super) struct Interpreter {
    pub(super) lua: Lua,
    globals: Table,
    /// Calls a function of the script.
    pub(super) run: Function,
    pub(super) shared: Rc<Shared>,
    pub(super) profile: Profile,
    compiled: RefCell<HashMap<Bytes, Function>>,
}

impl Interpreter {
    pub(super) fn new(profile: Profile) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::new())?;
        lua.set_memory_limit(MAX_MEMORY)?;
        let shared = Shared::new();
        let libraries = lua.create_table()?;
        libraries.set("redis", redis::library(&lua, &shared, profile)?)?;
        if !profile.swarm {
            libraries.set("bit", bits::library(&lua)?)?;
            libraries.set("cjson", json::library(&lua)?)?;
            libraries.set("cmsgpack", msgpack::library(&lua)?)?;
            libraries.set("struct", pack::library(&lua)?)?;
        }
        let sandbox = lua
            .load(include_str!("sandbox.lua"))
            .set_name("@sandbox")
            .into_function()?;
        let loading = library::library(&lua, &shared)?;
        let (globals, visible, run): (Table, Table, Function) = sandbox.call((
            host(&lua, &shared, profile)?,
            libraries,
            !profile.swarm,
            loading,
        ))?;
        lua.set_globals(visible)?;
        let triggers = HookTriggers::new().every_nth_instruction(PATIENCE);
        let used = shared.clone();
        lua.set_global_hook(triggers, move |_, _| match used.is_killed() {
            true => Err(Raised::reply(KILLED)),
            false => Ok(VmState::Continue),
        })?;
        Ok(Self {
            lua,
            globals,
            run,
            shared,
            profile,
            compiled: RefCell::default(),
        })
    }

    /// Whether the interpreter can run such a script.
    pub(super) fn suits(&self, profile: Profile) -> bool {
        // What a script of SwarmKeyDb changes, stays changed.
        !profile.swarm && self.profile == profile
    }

    /// Prepares for another script. Returns its keys and arguments.
    pub(super) fn begin(&self, source: &Source, port: &Rc<Port>) -> mlua::Result<(Table, Table)> {
        self.shared.begin(port);
        let args = (self.list(&source.keys)?, self.list(&source.args)?);
        let is_script = source.purpose == Purpose::Script;
        for (name, list) in [("KEYS", &args.0), ("ARGV", &args.1)] {
            let list = is_script.then(|| list.clone());
            self.globals.raw_set(name, list)?;
        }
        Ok(args)
    }

    fn list(&self, texts: &[Bytes]) -> mlua::Result<Table> {
        let list = self.lua.create_table()?;
        for text in texts {
            list.raw_push(self.lua.create_string(text)?)?;
        }
        Ok(list)
    }

    pub(super) fn compile(&self, text: &Bytes, purpose: &Purpose) -> mlua::Result<Function> {
        let compile = || {
            let chunk = self.lua.load(&text[..]);
            let chunk = chunk.set_name(format!("@{}", purpose.chunk()));
            chunk.set_mode(ChunkMode::Text).into_function()
        };
        if *purpose != Purpose::Script {
            return compile();
        }
        let mut compiled = self.compiled.borrow_mut();
        if let Some(known) = compiled.get(text) {
            return Ok(known.clone());
        }
        let function = compile()?;
        if compiled.len() >= MAX_COMPILED {
            compiled.clear();
        }
        compiled.insert(text.clone(), function.clone());
        Ok(function)
    }

    /// Ends a script. Returns whether the interpreter may run another one.
    pub(super) fn end(&self) -> bool {
        let is_killed = self.shared.is_killed();
        self.shared.port.take();
        if self.lua.used_memory() > MAX_KEPT_MEMORY {
            self.compiled.borrow_mut().clear();
            // An error of a finalizer; there is none.
            if self.lua.gc_collect().is_err() {
                return false;
            }
        }
        !is_killed && self.lua.used_memory() <= MAX_KEPT_MEMORY
    }

    /// Ends the call of a function.
    pub(super) fn end_function(&self) {
        self.shared.port.take();
        // Lua itself collects garbage when memory has doubled, which the limit may not allow.
        if self.lua.used_memory() > MAX_MEMORY / 2 {
            // An error of a finalizer; there is none.
            drop(self.lua.gc_collect());
        }
    }
}

/// Creates the functions that the sandbox needs.
fn host(lua: &Lua, shared: &Rc<Shared>, profile: Profile) -> mlua::Result<Table> {
    let host = lua.create_table()?;
    host.set("text", lua.create_function(raised::text)?)?;
    host.set("value", lua.create_function(raised::value)?)?;
    let used = shared.clone();
    let is_loading = lua.create_function(move |_, ()| Ok(used.is_loading.get()))?;
    host.set("is_loading", is_loading)?;
    let used = shared.clone();
    let is_killed = lua.create_function(move |_, ()| Ok(used.is_killed()))?;
    host.set("is_killed", is_killed)?;
    let killed = lua.create_function(|_, ()| Ok(Value::Error(Box::new(Raised::reply(KILLED)))))?;
    host.set("killed", killed)?;
    let used = shared.clone();
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
        used.failure.replace(Some(Failure { text, line }));
        Ok(())
    })?;
    host.set("failed", failed)?;
    Ok(host)
}
