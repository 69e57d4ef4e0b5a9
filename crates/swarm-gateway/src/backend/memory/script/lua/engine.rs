//! Runs one script in an interpreter.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use mlua::{Error, Function, IntoLuaMulti, Table, Value};
use swarm_resp::{Frame, RespVersion, encode_frame};

use super::super::super::call::Reply;
use super::super::super::reject::Reject;
use super::super::{LibraryId, Profile, Purpose, Registered, Source, Stop};
use super::interpreter::Interpreter;
use super::port::Port;
use super::shared::Failure;
use super::{convert, raised};

/// Largest result of a script on SwarmKeyDb, in bytes.
const MAX_SWARM_OUTPUT: usize = 10 << 20;

/// The interpreter of a thread, which runs one script after another.
#[derive(Default)]
pub(in super::super) struct Engine {
    interpreter: Option<Interpreter>,
    /// The libraries that the interpreter has loaded.
    libraries: Vec<Library>,
}

/// A library that is loaded.
struct Library {
    id: LibraryId,
    functions: Vec<(Registered, Function)>,
}

/// A compiled script.
pub(in super::super) struct Compiled<'a> {
    interpreter: &'a Interpreter,
    libraries: &'a mut Vec<Library>,
    /// `None` if it is a library that is loaded.
    script: Option<Function>,
    purpose: Purpose,
    label: Bytes,
    /// Keys and arguments, for a function of a library.
    args: (Table, Table),
}

impl Engine {
    /// Compiles a script.
    ///
    /// # Errors
    ///
    /// Its first syntax error.
    pub(in super::super) fn compile(
        &mut self,
        source: Source,
        port: &Rc<Port>,
    ) -> Result<Compiled<'_>, Reject> {
        let what = match source.purpose {
            Purpose::Script => "script (new function)",
            Purpose::Load | Purpose::Call { .. } => "function",
        };
        self.compiled(source, port).map_err(|error| {
            let text = match &error {
                Error::SyntaxError { message, .. } => message.clone(),
                error => error.to_string(),
            };
            let text = text.lines().next().unwrap_or_default().to_owned();
            Reject::new(format!("ERR Error compiling {what}: {text}"))
        })
    }

    fn compiled(&mut self, source: Source, port: &Rc<Port>) -> mlua::Result<Compiled<'_>> {
        let profile = source.profile;
        // The others have been deleted or replaced.
        self.libraries.retain(|library| library.id.is_in_use());
        let kept = self.interpreter.take();
        let interpreter = match kept.filter(|kept| kept.suits(profile)) {
            Some(kept) => kept,
            None => {
                self.libraries.clear();
                Interpreter::new(profile)?
            }
        };
        let interpreter = self.interpreter.insert(interpreter);
        let args = interpreter.begin(&source, port)?;
        let is_loaded = match &source.purpose {
            Purpose::Call { library, .. } => {
                self.libraries.iter().any(|known| known.id == *library)
            }
            _ => false,
        };
        let script = match is_loaded {
            true => None,
            false => Some(interpreter.compile(&source.text, &source.purpose)?),
        };
        Ok(Compiled {
            interpreter,
            libraries: &mut self.libraries,
            script,
            purpose: source.purpose,
            label: source.label,
            args,
        })
    }

    /// Ends a script.
    pub(in super::super) fn end(&mut self) {
        self.interpreter.take_if(|interpreter| !interpreter.end());
    }

    /// Ends the call of a function. The interpreter keeps all libraries that still exist.
    pub(in super::super) fn end_function(&mut self) {
        if let Some(interpreter) = &self.interpreter {
            interpreter.end_function();
        }
    }
}

impl Compiled<'_> {
    /// Runs the script to its end.
    pub(in super::super) fn run(&mut self) -> Stop {
        match self.purpose.clone() {
            Purpose::Script => {
                let ended = self.script.as_ref().map(|script| self.call(script, ()));
                Stop::Done(self.result(ended.unwrap_or(Ok(Value::Nil))))
            }
            Purpose::Load => match self.load() {
                Err(failure) => {
                    let text = [b"ERR Error registering functions: ", &failure.text[..]].concat();
                    Stop::Done(Err(Reject::new(text)))
                }
                Ok(functions) => {
                    Stop::Loaded(functions.into_iter().map(|(known, _)| known).collect())
                }
            },
            Purpose::Call { library, function } => {
                Stop::Done(self.call_function(&library, &function))
            }
        }
    }

    const fn profile(&self) -> Profile {
        self.interpreter.profile
    }

    /// Runs a library, which registers its functions.
    fn load(&self) -> Result<Vec<(Registered, Function)>, Failure> {
        let shared = &self.interpreter.shared;
        if let Some(script) = &self.script {
            shared.is_loading.set(true);
            let loaded = self.call(script, ());
            shared.is_loading.set(false);
            loaded?;
        }
        Ok(shared.registry.take())
    }

    fn call_function(&mut self, id: &LibraryId, name: &[u8]) -> Reply {
        if self.script.is_some() {
            let functions = self.load().map_err(|failure| self.reject(failure))?;
            self.libraries.push(Library {
                id: id.clone(),
                functions,
            });
        }
        let mut libraries = self.libraries.iter();
        let library = libraries.find(|library| library.id == *id);
        let mut functions = library.into_iter().flat_map(|library| &library.functions);
        let Some((_, function)) = functions.find(|(known, _)| known.is_called(name)) else {
            return Err(Reject::text("ERR Function not found"));
        };
        self.result(self.call(function, self.args.clone()))
    }

    /// Calls a function of the script.
    fn call(&self, function: &Function, args: impl IntoLuaMulti) -> Result<Value, Failure> {
        let Interpreter {
            lua, run, shared, ..
        } = self.interpreter;
        let args = args.into_lua_multi(lua).unwrap_or_default();
        let ended = run.call::<(bool, Value)>((function, args));
        // An error in the error handler is a lack of memory, for one.
        let (is_done, value) = ended.unwrap_or_else(|error| (false, Value::Error(Box::new(error))));
        if is_done {
            return Ok(value);
        }
        Err(shared.failure.take().unwrap_or_else(|| Failure {
            text: raised::reply(&value),
            line: None,
        }))
    }

    fn result(&self, ended: Result<Value, Failure>) -> Reply {
        let value = ended.map_err(|failure| self.reject(failure))?;
        let resp = self.interpreter.shared.resp.get();
        let frame = convert::frame(&value, resp, self.profile())?;
        if self.profile().swarm && length(&frame) > MAX_SWARM_OUTPUT {
            return Err(Reject::text("ERR script output too large"));
        }
        Ok(frame)
    }

    fn reject(&self, failure: Failure) -> Reject {
        let Failure { mut text, line } = failure;
        if let Some(line) = line
            && !self.profile().swarm
        {
            let label = String::from_utf8_lossy(&self.label);
            let chunk = self.purpose.chunk();
            text.extend(format!(" script: {label}, on @{chunk}:{line}.").bytes());
        }
        match self.profile().swarm {
            true => Reject::new(text),
            false => Reject::quoting(&[&text]),
        }
    }
}

/// Length of a frame on the wire.
fn length(frame: &Frame) -> usize {
    let mut wire = BytesMut::new();
    encode_frame(&mut wire, frame, RespVersion::Resp2);
    wire.len()
}
