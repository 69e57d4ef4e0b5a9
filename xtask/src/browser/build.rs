//! Builds a page: compiles its crate, generates its JavaScript, and optimizes the module.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::shell::{command, output, run};
use crate::wasm::{Compiler, TARGET};

/// Version of binaryen's package, which contains wasm-opt.
const BINARYEN: &str = "132.0.0";

/// Where Cargo puts what it builds for pages.
const TARGET_DIR: &str = "target/wasm";

/// Folder of programs that are installed for this task alone.
const TOOLS: &str = "target/tools";

/// A crate that is a page.
pub(super) struct PageCrate {
    pub(super) folder: &'static str,
    pub(super) library: &'static str,
}

/// A page that was built.
pub(super) struct Page {
    /// Folders that contain its files.
    pub(super) folders: Vec<PathBuf>,
    /// The module.
    module: PathBuf,
}

impl PageCrate {
    /// Returns Cargo with a subcommand for this crate.
    pub(super) fn cargo(
        &self,
        compiler: &Compiler,
        subcommand: &str,
        args: &str,
    ) -> Result<Command> {
        let folder = self.folder;
        let args =
            format!("--quiet --manifest-path {folder}/Cargo.toml --target-dir {TARGET_DIR} {args}");
        let mut cargo = compiler.cargo(subcommand, &args)?;
        // These are for the workspace.
        for variable in ["RUSTFLAGS", "CARGO_PROFILE_DEV_DEBUG"] {
            cargo.env_remove(variable);
        }
        // Messages of panics name source files, which should not make the module depend on the
        // machine.
        let folders = [cargo_home()?.join("registry/src"), env::current_dir()?];
        let flags = folders.map(|folder| format!("--remap-path-prefix={}=", folder.display()));
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        Ok(cargo)
    }

    /// Builds the page with a profile of its manifest. `release` is optimized for size.
    pub(super) fn build(&self, compiler: &Compiler, profile: &str) -> Result<Page> {
        let title = format!("{} ({profile})", self.folder);
        let mut cargo = self.cargo(compiler, "build", &format!("--profile {profile}"))?;
        run(&title, &mut cargo)?;
        let out = PathBuf::from(format!("target/browser/{}-{profile}", self.library));
        let _ = fs::remove_dir_all(&out);
        let folder = if profile == "dev" { "debug" } else { profile };
        let module = format!("{TARGET_DIR}/{TARGET}/{folder}/{}.wasm", self.library);
        let options = "--target web --no-typescript --out-name page";
        let mut bindgen = bindgen(&version(self.folder)?)?;
        bindgen.args(options.split(' '));
        bindgen.arg("--out-dir").arg(out.join("pkg")).arg(module);
        output(&mut bindgen)?;
        let page = Page {
            folders: vec![PathBuf::from(self.folder).join("page"), out.clone()],
            module: out.join("pkg/page_bg.wasm"),
        };
        if profile == "release" {
            page.optimize()?;
        }
        Ok(page)
    }
}

impl Page {
    /// Makes the module smaller, if npm can be had.
    fn optimize(&self) -> Result<()> {
        let program = PathBuf::from(format!("{TOOLS}/binaryen-{BINARYEN}"));
        let wasm_opt = program.join("node_modules/.bin/wasm-opt");
        if !wasm_opt.is_file() {
            let mut npm = command("npm", "install --silent --no-audit --no-fund --prefix");
            npm.arg(&program).arg(format!("binaryen@{BINARYEN}"));
            if let Err(error) = output(&mut npm) {
                println!("wasm-opt: not optimized, because npm cannot install it: {error:#}");
                return Ok(());
            }
        }
        let before = fs::metadata(&self.module)?.len();
        let mut optimize = Command::new(wasm_opt);
        optimize.args([
            "--gufa",
            "-Oz",
            "--converge",
            "--enable-bulk-memory",
            "--enable-multivalue",
            "--enable-mutable-globals",
            "--enable-nontrapping-float-to-int",
            "--enable-reference-types",
            "--enable-sign-ext",
            "--strip-debug",
            "--strip-producers",
            "-o",
        ]);
        output(optimize.arg(&self.module).arg(&self.module))?;
        let after = fs::metadata(&self.module)?.len();
        println!("wasm-opt: {before} → {after} bytes");
        Ok(())
    }

    /// Returns the size of the module as servers send it, in bytes.
    pub(super) fn gzipped(&self) -> Result<u64> {
        let mut gzip = command("gzip", "-9 -c");
        let gzip = gzip.arg(&self.module).stdout(Stdio::piped()).spawn();
        let mut gzip = gzip.context("cannot run gzip")?;
        let mut packed = Vec::new();
        let mut stdout = gzip.stdout.take().context("gzip has no output")?;
        stdout.read_to_end(&mut packed)?;
        ensure!(gzip.wait()?.success(), "gzip failed");
        Ok(packed.len() as u64)
    }
}

/// Returns the folder where Cargo keeps downloaded crates.
fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    Ok(env::home_dir().context("no home folder")?.join(".cargo"))
}

/// Returns the version of wasm-bindgen in the lock file of a crate. The program must have the same.
fn version(folder: &str) -> Result<String> {
    let path = Path::new(folder).join("Cargo.lock");
    let lock = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let lock: toml::Table = lock.parse()?;
    let mut packages = lock["package"].as_array().into_iter().flatten();
    let package = packages.find(|package| package["name"].as_str() == Some("wasm-bindgen"));
    let version = package.and_then(|package| package["version"].as_str());
    let version = version.with_context(|| format!("no wasm-bindgen in {}", path.display()))?;
    Ok(version.to_owned())
}

/// Returns the program wasm-bindgen, which is installed for this task if it is missing.
fn bindgen(version: &str) -> Result<Command> {
    let root = format!("{TOOLS}/wasm-bindgen-{version}");
    let program = Path::new(&root).join("bin/wasm-bindgen");
    if !program.is_file() {
        let install = format!(
            "install wasm-bindgen-cli --version {version} --locked --quiet --debug --root {root} \
             --bin wasm-bindgen"
        );
        let mut install = command("cargo", &install);
        // Builds in half the time of an optimized program, and runs for a few seconds.
        install.env("CARGO_PROFILE_DEV_DEBUG", "0");
        install.env("CARGO_TARGET_DIR", format!("{TOOLS}/build"));
        run("install wasm-bindgen-cli", &mut install)?;
        fs::remove_dir_all(format!("{TOOLS}/build"))?;
    }
    Ok(Command::new(program))
}
