//! Python programs: a scenario with nothing but the standard library, and validators.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a script of this folder with packages, in a virtual environment under `target`, and returns
/// its output. Returns `None` if Python or a package is missing, which fails in CI.
pub(crate) async fn run_with(
    packages: &'static [&str],
    script: &'static str,
    args: &[String],
) -> Option<String> {
    let args = args.to_vec();
    let running = tokio::task::spawn_blocking(move || {
        let python = match packages {
            [] => ready(Path::new("python3"), &["--version"]).map(|()| "python3".into()),
            packages => environment(packages),
        };
        let python = match python {
            Ok(python) => python,
            Err(missing) => {
                assert!(
                    std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                    "Python and its packages are required in CI: {missing}"
                );
                eprintln!("SKIPPED: {missing}");
                return None;
            }
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/it/control")
            .join(script);
        let output = Command::new(python)
            .arg(script)
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        Some(String::from_utf8(output.stdout).unwrap())
    });
    running.await.unwrap()
}

/// Returns the interpreter of a virtual environment with packages.
fn environment(packages: &[&str]) -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("control_python");
    let python = place.join("bin").join("python");
    if ready(&python, &["-c", "import openapi_spec_validator"]).is_err() {
        let folder = place.to_string_lossy();
        ready(Path::new("python3"), &["-m", "venv", "--clear", &folder])?;
        let install = ["-m", "pip", "install", "--quiet"];
        ready(&python, &[&install, packages].concat())?;
    }
    Ok(python)
}

fn ready(program: &Path, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(args).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{} {}: {said}", program.display(), args.join(" ")))
        }
    }
}

/// A test in another language starts the program itself.
#[cfg(feature = "bin")]
#[tokio::test]
async fn a_python_program_controls_a_gateway() {
    let program = env!("CARGO_BIN_EXE_swarm-gateway").to_owned();
    if let Some(output) = run_with(&[], "scenario.py", &[program]).await {
        assert_eq!(output, "done\n");
    }
}
