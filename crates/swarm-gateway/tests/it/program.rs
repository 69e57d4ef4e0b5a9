//! The program: its log, and how it stops.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[test]
fn sigterm_stops_it_gracefully_and_a_redirected_log_has_no_colors() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_swarm-gateway"))
        .args(["--ws", "127.0.0.1:0", "--origins", "*"])
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(program.stdout.take().unwrap());
    let mut text = String::new();
    log.read_line(&mut text).unwrap();
    assert!(text.contains("listening on ws://127.0.0.1:"), "{text}");
    let id = program.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(sent.success());
    log.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("stopping\n"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
    assert!(program.wait().unwrap().success());
}
