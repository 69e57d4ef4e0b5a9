//! Emits the methods of each handle, so that they stand on its own page and need no import.

use std::fmt::Write;

use super::method::{Detail, doc, methods};
use super::spec::Family;

/// A handle: its module here, its path, and the type that its methods return.
pub(super) struct Handle {
    pub(super) module: &'static str,
    path: &'static str,
    output: &'static str,
    detail: Detail,
}

const fn handle(module: &'static str, path: &'static str, output: &'static str) -> Handle {
    Handle {
        module,
        path,
        output,
        detail: Detail::Brief,
    }
}

/// Every handle that runs commands. Those of the blocking API come last.
pub(super) const HANDLES: [Handle; 15] = [
    Handle {
        detail: Detail::Full,
        ..handle("client", "crate::client::Client", "crate::client::Reply")
    },
    handle(
        "cached",
        "crate::client::Cached",
        "crate::client::CachedReply",
    ),
    handle(
        "exclusive",
        "crate::client::Exclusive",
        "crate::client::Reply",
    ),
    handle(
        "pipeline",
        "crate::client::Pipeline",
        "crate::client::Queued",
    ),
    handle("bulk", "crate::client::Bulk", "crate::client::Queued"),
    handle(
        "transaction",
        "crate::client::Transaction",
        "crate::client::Queued",
    ),
    handle(
        "cluster_client",
        "crate::cluster::Client",
        "crate::cluster::Reply",
    ),
    handle(
        "cluster_pipeline",
        "crate::cluster::Pipeline",
        "crate::client::Queued",
    ),
    handle(
        "cluster_transaction",
        "crate::cluster::Transaction",
        "crate::client::Queued",
    ),
    handle(
        "blocking_client",
        "crate::blocking::Client",
        "crate::error::Result",
    ),
    handle(
        "blocking_cached",
        "crate::blocking::Cached",
        "crate::error::Result",
    ),
    handle(
        "blocking_exclusive",
        "crate::blocking::Exclusive",
        "crate::error::Result",
    ),
    handle(
        "blocking_pipeline",
        "crate::blocking::Pipeline",
        "crate::client::Queued",
    ),
    handle(
        "blocking_bulk",
        "crate::blocking::Bulk",
        "crate::client::Queued",
    ),
    handle(
        "blocking_transaction",
        "crate::blocking::Transaction",
        "crate::client::Queued",
    ),
];

/// The methods for commands without one.
const RAW: &str = "
/// Commands without a method.
impl HANDLE {
    /// Sends a command by name, for commands without a method. See [`RawCommands::raw`] for the
    /// commands that the client rejects.
    pub fn raw(&self, command: impl Into<Cow<'static, str>>, args: impl ToArgs) -> OUTPUT<Frame> {
        RawCommands::raw(self, command, args)
    }

    /// Like [`raw`](Self::raw), but converts the reply to `T`. See [`RawCommands::raw_as`].
    pub fn raw_as<T: FromFrame>(
        &self,
        command: impl Into<Cow<'static, str>>,
        args: impl ToArgs,
    ) -> OUTPUT<T> {
        RawCommands::raw_as(self, command, args)
    }

    /// Runs a [`Script`], which the server keeps: as `EVALSHA`, or `EVAL` if the server does not
    /// have it or could not say so. See [`RunScript::run_script`].
    pub fn run_script<T: FromFrame>(
        &self,
        script: &Script,
        keys: impl ToKeys,
        args: impl ToArgs,
    ) -> OUTPUT<T> {
        RunScript::run_script(self, script, keys, args)
    }

    /// Sends a blocking command by name, which may block for at most `block`. See
    /// [`RawCommands::raw_blocking`] for details.
    pub fn raw_blocking(
        &self,
        command: impl Into<Cow<'static, str>>,
        args: impl ToArgs,
        block: impl Into<Option<Duration>>,
    ) -> OUTPUT<Frame> {
        RawCommands::raw_blocking(self, command, args, block)
    }
}
";

/// The methods for structs.
const STRUCTS: &str = "
/// Structs stored as hashes.
#[cfg(feature = \"serde\")]
#[cfg_attr(docsrs, doc(cfg(feature = \"serde\")))]
impl HANDLE {
    /// Stores a struct as a hash, one field each. Removes fields that are `None`. See
    /// [`StructCommands::hset_struct`] for details.
    ///
    /// Returns how many of the fields are new.
    pub fn hset_struct(
        &self,
        key: impl ToKey,
        value: &(impl serde::Serialize + ?Sized),
    ) -> OUTPUT<u64> {
        StructCommands::hset_struct(self, key, value)
    }

    /// Reads a struct from a hash. See [`StructCommands::hget_struct`] for details.
    ///
    /// Returns the struct, `None` if the hash does not exist.
    pub fn hget_struct<T: serde::de::DeserializeOwned>(
        &self,
        key: impl ToKey,
    ) -> OUTPUT<Option<T>> {
        StructCommands::hget_struct(self, key)
    }
}
";

pub(super) fn emit(handle: &Handle, families: &[Family]) -> String {
    let name = |path: &'static str| path.rsplit("::").next().unwrap_or(path);
    let (ty, output) = (name(handle.path), name(handle.output));
    let mut code = format!(
        "//! Command methods of `{ty}`. Generated by `cargo xtask codegen`; do not edit.\n\n\
         use crate::commands::scope::*;\nuse crate::commands::*;\nuse {};\nuse {};\n",
        handle.path, handle.output
    );
    for family in families {
        code.push('\n');
        doc(&mut code, &family.summary);
        writeln!(code, "impl {ty} {{").ok();
        for method in family.commands.iter().flat_map(methods) {
            doc(&mut code, &method.docs(handle.detail));
            let (signature, body) = (method.signature(output), method.delegation(&family.name));
            writeln!(code, "pub {signature} {{\n{body}\n}}\n").ok();
        }
        code.push_str("}\n");
    }
    code + &[RAW, STRUCTS]
        .concat()
        .replace("HANDLE", ty)
        .replace("OUTPUT", output)
}

pub(super) fn emit_index() -> String {
    let mut code =
        "//! One module per handle. Generated by `cargo xtask codegen`; do not edit.\n\n"
            .to_owned();
    for handle in &HANDLES {
        let features: &[&str] = match handle.module {
            "cached" => &["cache"],
            "blocking_cached" => &["blocking", "cache"],
            module if module.starts_with("blocking") => &["blocking"],
            module if module.starts_with("cluster") => &["cluster"],
            _ => &[],
        };
        for feature in features {
            writeln!(code, "#[cfg(feature = {feature:?})]").ok();
        }
        writeln!(code, "mod {};", handle.module).ok();
    }
    code
}
