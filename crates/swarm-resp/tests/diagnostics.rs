//! What the compiler says about types that are not arguments or replies: the notes must name a way
//! out. Compiles a program with one error of each kind. Only this crate's own texts are compared,
//! because those of the compiler change.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const PROGRAM: &str = r#"
use std::time::Duration;
use swarm_resp::{FromFrame, ToArg, ToArgs};

struct Order;

fn arg(_: impl ToArg) {}
fn args(_: impl ToArgs) {}
fn reply<T: FromFrame>() {}

pub fn mistakes() {
    arg(Some("text"));
    arg(Duration::ZERO);
    arg(Order);
    args(7_u8);
    args(Duration::ZERO);
    args(("key", Order));
    reply::<u8>();
    reply::<Duration>();
    reply::<Option<Order>>();
}
"#;

const ARG: &[&str] = &[
    "arguments are text, bytes, numbers, `bool`, and types that implement `ToArg`",
    "of an `Option`, pass the value; for a `Duration`, choose a unit: `Milliseconds(time)` or \
     `Seconds(time)`",
    "for a structure, implement `ToArg`, or pass it as JSON text: `Json::text(&value)?` of \
     swarm-keydb's feature `json`",
];

const ARGS: &[&str] = &[
    "pass `()` for no arguments, one value, or a tuple, array, slice, `Vec`, set or map of values",
    "a single byte is ambiguous: pass a byte string such as `b\"k\"`, or a wider integer such as \
     `u16`",
    "for a `Duration`, choose a unit: `Milliseconds(time)` or `Seconds(time)`",
    "for a structure, implement `ToArgs`, or pass it as JSON text: `Json::text(&value)?` of \
     swarm-keydb's feature `json`",
];

const REPLY: &[&str] = &[
    "replies convert to text, bytes, numbers, `bool`, `Option`, lists, maps and tuples of these, \
     and types that implement `FromFrame`",
    "a `u8` is ambiguous: request `Vec<u8>` or `Bytes` for bytes, a wider integer such as `u16` \
     for a number",
    "for a `Duration`, name the unit: `Milliseconds` or `Seconds`",
    "for a structure, implement `FromFrame`, or request `Json<…>` of swarm-keydb's feature `json` \
     if it is stored as JSON",
];

/// Writes the program as a package that uses this crate.
fn package() -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnostics");
    let this = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = format!(
        "[package]\nname = \"mistakes\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [dependencies]\nswarm-resp = {{ path = {this:?} }}\n[workspace]\n"
    );
    fs::create_dir_all(package.join("src")).unwrap();
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::write(package.join("src/lib.rs"), PROGRAM).unwrap();
    // The same dependencies, which are there without a network.
    fs::copy(this.join("../../Cargo.lock"), package.join("Cargo.lock")).unwrap();
    package
}

/// Returns the compiler's errors.
fn errors() -> Vec<String> {
    let package = package();
    let checked = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline", "--color", "never"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", package.join("target"))
        .output()
        .unwrap();
    assert!(!checked.status.success(), "the program has mistakes");
    let text = String::from_utf8(checked.stderr).unwrap();
    let errors = text.split("error[E0277]: ").skip(1);
    let errors: Vec<_> = errors.map(str::to_owned).collect();
    assert!(!errors.is_empty(), "{text}");
    errors
}

#[test]
fn the_compiler_names_a_way_out_of_each_mistake() {
    let errors = errors();
    for (message, notes) in [
        ("`Option<&str>` is not one argument", ARG),
        ("`Duration` is not one argument", ARG),
        ("`Order` is not one argument", ARG),
        ("`u8` is not a list of arguments", ARGS),
        ("`Duration` is not a list of arguments", ARGS),
        ("`Order` is not a list of arguments", ARGS),
        ("a reply cannot be converted to `u8`", REPLY),
        ("a reply cannot be converted to `Duration`", REPLY),
        ("a reply cannot be converted to `Order`", REPLY),
    ] {
        let error = errors.iter().find(|error| error.starts_with(message));
        let error = error.unwrap_or_else(|| panic!("no error says {message}: {errors:#?}"));
        for note in notes {
            assert!(
                error.contains(&format!("note: {note}\n")),
                "{note} is missing:\n{error}"
            );
        }
    }
}
