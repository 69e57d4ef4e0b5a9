//! FUNCTION: libraries of functions in Lua, which FCALL calls.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder};

use super::super::call::{Call, Reply, count, ok};
use super::super::dump;
use super::super::glob;
use super::super::reject::Reject;
use super::super::table::{self, Run, Spec};
use super::running::Host;
use super::shebang::Flags;
use super::{LibraryId, Profile, Purpose, Registered, Script, Source, Stop, Threads, busy};

/// Time within which a library must have registered its functions.
const LOAD_TIMEOUT: Duration = Duration::from_millis(500);

const BAD_NAME: Reject = Reject::text(
    "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least \
     one character long",
);
const TIMEOUT: Reject = Reject::text("ERR Error registering functions: ERR FUNCTION LOAD timeout");
const BAD_POLICY: Reject = Reject::text(
    "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
);
const TOO_MANY_ARGUMENTS: Reject = Reject::text(
    "ERR unknown subcommand or wrong number of arguments for 'RESTORE'. Try FUNCTION HELP.",
);
const NOT_FOUND: Reject = Reject::text("ERR Library not found");

const HELP: &[&str] = &[
    "FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "LOAD [REPLACE] <FUNCTION CODE>",
    "    Create a new library with the given library name and code.",
    "DELETE <LIBRARY NAME>",
    "    Delete the given library.",
    "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
    "    Return general information on all the libraries.",
    "STATS",
    "    Return information about the current function running.",
    "KILL",
    "    Kill the current running function.",
    "FLUSH [ASYNC|SYNC]",
    "    Delete all the libraries.",
    "DUMP",
    "    Return a serialized payload representing the current libraries.",
    "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
    "    Restore the libraries represented by the given payload.",
    "HELP",
    "    Prints this help.",
];

/// Sorted by name.
pub(in super::super) static COMMANDS: &[Spec] = &[
    table::spec("FCALL", -3, Run::Script),
    table::spec("FCALL_RO", -3, Run::Script),
    table::spec("FUNCTION", -2, Run::Container),
    table::data("FUNCTION|DELETE", 3, delete),
    table::data("FUNCTION|DUMP", 2, dump),
    table::data("FUNCTION|FLUSH", -2, flush),
    table::data("FUNCTION|HELP", 2, help),
    table::data("FUNCTION|KILL", 2, busy::function_kill),
    table::data("FUNCTION|LIST", -2, list),
    table::data("FUNCTION|LOAD", -3, load),
    table::data("FUNCTION|RESTORE", -3, restore),
    table::data("FUNCTION|STATS", 2, stats),
];

/// All libraries, and the thread that runs their functions.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Functions {
    /// By name.
    libraries: BTreeMap<Bytes, Library>,
    host: Host,
}

#[derive(Debug, Clone)]
pub(super) struct Library {
    id: LibraryId,
    code: Bytes,
    functions: Vec<Registered>,
}

impl Library {
    pub(super) fn id(&self) -> LibraryId {
        self.id.clone()
    }

    /// Returns the code to compile. The line with its name is left out, but not its line break.
    pub(super) fn text(&self) -> Result<Bytes, Reject> {
        Ok(parse(&self.code)?.1)
    }
}

impl Functions {
    /// Adds a library, or replaces it.
    fn add(&mut self, name: Bytes, library: Library) -> Result<(), Reject> {
        let others = self.libraries.iter().filter(|(other, _)| **other != name);
        let taken: Vec<_> = others.flat_map(|(_, other)| &other.functions).collect();
        let is_taken = |new: &&Registered| taken.iter().any(|other| other.is_called(&new.name));
        if let Some(taken) = library.functions.iter().find(is_taken) {
            return Err(Reject::joined(&[
                b"ERR Function ",
                &taken.name,
                b" already exists",
            ]));
        }
        self.libraries.insert(name, library);
        Ok(())
    }

    /// Returns the numbers of libraries and of functions.
    pub(in super::super) fn count(&self) -> (usize, usize) {
        let libraries = self.libraries.values();
        let functions = libraries.map(|library| library.functions.len());
        (self.libraries.len(), functions.sum())
    }

    /// Returns the library that has a function, and the flags of the function.
    pub(super) fn find(&self, name: &[u8]) -> Option<(&Library, Flags)> {
        let mut libraries = self.libraries.values();
        libraries.find_map(|library| {
            let mut functions = library.functions.iter();
            let function = functions.find(|function| function.is_called(name))?;
            Some((library, Flags::of_function(&function.flags)))
        })
    }

    /// Prepares the call of a function.
    pub(super) fn call(&mut self, source: Source, threads: &Threads) -> Result<Script, Reject> {
        Script::function(source, threads, &mut self.host)
    }
}

/// Returns the name that the first line of a library gives it, and its text without that line.
fn parse(code: &Bytes) -> Result<(Bytes, Bytes), Reject> {
    let Some(rest) = code.strip_prefix(b"#!") else {
        return Err(Reject::text("ERR Missing library metadata"));
    };
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        return Err(Reject::text("ERR Invalid library metadata"));
    };
    let (line, _) = rest.split_at(end);
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty());
    let engine = words.next().unwrap_or_default();
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(Reject::joined(&[b"ERR Engine '", engine, b"' not found"]));
    }
    let mut name = None;
    for word in words {
        let Some(value) = word.strip_prefix(b"name=") else {
            return Err(Reject::joined(&[
                b"ERR Invalid metadata value given: ",
                word,
            ]));
        };
        if name.replace(value).is_some() {
            return Err(Reject::text(
                "ERR Invalid metadata value, name argument was given multiple times",
            ));
        }
    }
    let name = name.ok_or(Reject::text("ERR Library name was not given"))?;
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.is_empty() || !name.iter().all(is_word) {
        return Err(BAD_NAME);
    }
    Ok((Bytes::copy_from_slice(name), code.slice(2 + end..)))
}

/// Runs a library to learn its functions, on a thread that does not keep it: a library that does
/// not end, or uses up the memory, has no effect on others.
fn register(text: Bytes, profile: Profile, threads: &Threads) -> Result<Vec<Registered>, Reject> {
    let source = Source {
        text,
        purpose: Purpose::Load,
        label: Bytes::new(),
        keys: Vec::new(),
        args: Vec::new(),
        profile,
    };
    let mut script = Script::compile(source, threads)?;
    script.resume(None);
    match script.wait(Instant::now() + LOAD_TIMEOUT) {
        Some(Stop::Loaded(functions)) if functions.is_empty() => {
            Err(Reject::text("ERR No functions registered"))
        }
        Some(Stop::Loaded(functions)) => Ok(functions),
        Some(Stop::Done(Err(reject))) => Err(reject),
        // A library cannot call commands.
        Some(Stop::Done(Ok(_)) | Stop::Call { .. }) | None => Err(TIMEOUT),
    }
}

fn load(call: &mut Call<'_>) -> Reply {
    let (replaces, code) = match call.rest(2) {
        [code] => (false, code),
        [option, code] if option.eq_ignore_ascii_case(b"REPLACE") => (true, code),
        [option, ..] => {
            return Err(Reject::joined(&[b"ERR Unknown option given: ", option]));
        }
        [] => return Err(Reject::SYNTAX),
    };
    let code = Bytes::copy_from_slice(code);
    let (name, text) = parse(&code)?;
    if !replaces && call.server.functions.libraries.contains_key(&name) {
        return Err(Reject::joined(&[
            b"ERR Library '",
            &name,
            b"' already exists",
        ]));
    }
    let functions = register(text, Profile::of(call.client), &call.server.threads)?;
    let library = Library {
        id: LibraryId::default(),
        code,
        functions,
    };
    call.server.functions.add(name.clone(), library)?;
    Ok(Frame::bulk(name))
}

fn dump(call: &mut Call<'_>) -> Reply {
    let libraries = call.server.functions.libraries.values();
    let codes = libraries.map(|library| &library.code);
    Ok(Frame::bulk(dump::libraries(codes)))
}

/// `FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE]`: restores all libraries or none.
fn restore(call: &mut Call<'_>) -> Reply {
    let (flushes, replaces) = match call.rest(3) {
        [] => (false, false),
        [policy] if policy.eq_ignore_ascii_case(b"APPEND") => (false, false),
        [policy] if policy.eq_ignore_ascii_case(b"REPLACE") => (false, true),
        [policy] if policy.eq_ignore_ascii_case(b"FLUSH") => (true, false),
        [_] => return Err(BAD_POLICY),
        _ => return Err(TOO_MANY_ARGUMENTS),
    };
    let mut functions = match flushes {
        true => Functions::default(),
        false => call.server.functions.clone(),
    };
    for code in dump::read_libraries(call.arg(2))? {
        let (name, text) = parse(&code)?;
        if !replaces && functions.libraries.contains_key(&name) {
            return Err(Reject::joined(&[
                b"ERR Library ",
                &name,
                b" already exists",
            ]));
        }
        let registered = register(text, Profile::of(call.client), &call.server.threads)?;
        let library = Library {
            id: LibraryId::default(),
            code,
            functions: registered,
        };
        functions.add(name, library)?;
    }
    call.server.functions = functions;
    Ok(ok())
}

fn delete(call: &mut Call<'_>) -> Reply {
    match call.server.functions.libraries.remove(call.arg(2)) {
        Some(_) => Ok(ok()),
        None => Err(NOT_FOUND),
    }
}

/// Returns whether these are the options of SCRIPT FLUSH or FUNCTION FLUSH.
pub(super) fn is_flush_mode(modes: &[Bytes]) -> bool {
    let is_mode =
        |mode: &Bytes| mode.eq_ignore_ascii_case(b"SYNC") || mode.eq_ignore_ascii_case(b"ASYNC");
    modes.len() <= 1 && modes.iter().all(is_mode)
}

fn flush(call: &mut Call<'_>) -> Reply {
    if !is_flush_mode(call.rest(2)) {
        return Err(Reject::text(
            "ERR FUNCTION FLUSH only supports SYNC|ASYNC option",
        ));
    }
    // Ends the thread, too.
    call.server.functions = Functions::default();
    Ok(ok())
}

fn help(_: &mut Call<'_>) -> Reply {
    Ok(Frame::build(|reply| {
        reply.array(|lines| HELP.iter().for_each(|line| lines.simple(line)));
    }))
}

fn list(call: &mut Call<'_>) -> Reply {
    let (mut pattern, mut with_code) = (None, false);
    let mut options = call.rest(2).iter();
    while let Some(option) = options.next() {
        if !with_code && option.eq_ignore_ascii_case(b"WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && option.eq_ignore_ascii_case(b"LIBRARYNAME") {
            let Some(name) = options.next() else {
                return Err(Reject::text("ERR library name argument was not given"));
            };
            pattern = Some(name.to_ascii_lowercase());
        } else {
            return Err(Reject::joined(&[b"ERR Unknown argument ", option]));
        }
    }
    let is_wanted = |name: &Bytes| {
        let name = name.to_ascii_lowercase();
        (pattern.as_ref()).is_none_or(|pattern| glob::matches(pattern, &name))
    };
    let libraries = &call.server.functions.libraries;
    Ok(Frame::build(|reply| {
        reply.array(|rows| {
            for (name, library) in libraries.iter().filter(|(name, _)| is_wanted(name)) {
                rows.map(|row| put(row, name, library, with_code));
            }
        });
    }))
}

fn put(row: &mut FrameBuilder, name: &[u8], library: &Library, with_code: bool) {
    row.bulk(b"library_name");
    row.bulk(name);
    row.bulk(b"engine");
    row.bulk(b"LUA");
    row.bulk(b"functions");
    row.array(|functions| {
        for function in &library.functions {
            functions.map(|row| {
                row.bulk(b"name");
                row.bulk(&function.name);
                row.bulk(b"description");
                match &function.description {
                    Some(description) => row.bulk(description),
                    None => row.null(),
                }
                row.bulk(b"flags");
                row.set(|flags| function.flags.iter().for_each(|flag| flags.simple(flag)));
            });
        }
    });
    if with_code {
        row.bulk(b"library_code");
        row.bulk(&library.code);
    }
}

fn stats(call: &mut Call<'_>) -> Reply {
    let running = busy::running_function(call)?;
    let (libraries, functions) = call.server.functions.count();
    let numbers = [
        ("libraries_count", libraries),
        ("functions_count", functions),
    ];
    let engine = Frame::build(|reply| {
        reply.map(|engines| {
            engines.bulk(b"LUA");
            engines.map(|engine| {
                for (name, number) in numbers {
                    engine.bulk(name.as_bytes());
                    engine.frame(count(number).view());
                }
            });
        });
    });
    Ok(Frame::map([
        (&Frame::bulk("running_script"), &running),
        (&Frame::bulk("engines"), &engine),
    ]))
}
