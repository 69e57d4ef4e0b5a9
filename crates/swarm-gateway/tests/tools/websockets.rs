//! Python's `websockets` with JSON frames, as used without a SwarmKeyDb client.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns a Python interpreter with the package, in a virtual environment under `target`. The
/// error describes what is missing.
fn python() -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("websockets");
    let python = place.join("bin").join("python");
    let ready = |python: &Path| {
        let tried = Command::new(python)
            .args(["-c", "import websockets.sync.client"])
            .output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    if !ready(&python) {
        let place = place.to_string_lossy();
        run(Path::new("python3"), &["-m", "venv", "--clear", &place])?;
        let package = "websockets>=13";
        run(&python, &["-m", "pip", "install", "--quiet", package])?;
    }
    Ok(python)
}

fn run(program: &Path, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} {}: {said}", program.display(), args.join(" ")))
}

#[tokio::test]
async fn websockets() {
    let python = match tokio::task::spawn_blocking(python).await.unwrap() {
        Ok(python) => python,
        Err(missing) => {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "Python's websockets is required in CI; install python3-venv: {missing}"
            );
            return eprintln!("SKIPPED: Python websockets is not installed: {missing}");
        }
    };
    let gateway = crate::gateway().await;
    let url = gateway.ws_url().to_owned();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/json_frames.py");
    let spoken = move || Command::new(python).args([script, &url]).output().unwrap();
    let output = tokio::task::spawn_blocking(spoken).await.unwrap();
    let failed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "done\n",
        "{failed}"
    );
}
