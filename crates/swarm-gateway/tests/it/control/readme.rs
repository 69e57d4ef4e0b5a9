//! The commands of the README print what it shows.
#![cfg(unix)]

use std::process::Command;

use super::door::gateway;

const README: &str = include_str!("../../../README.md");

/// Returns the commands of the section about the control door, each with what it prints.
fn shown() -> Vec<(String, String)> {
    let (_, section) = README.split_once("\n## Control door\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```console\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let commands = blocks.flat_map(|block| block.trim_start_matches("$ ").split("\n$ "));
    let commands = commands.map(|command| {
        let (command, printed) = command.split_once('\n').unwrap_or((command, ""));
        (command.to_owned(), printed.trim_end().to_owned())
    });
    commands.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_shows_what_curl_prints() {
    let gateway = gateway().await;
    let control = gateway.control_url().trim_start_matches("http://");
    let data = gateway.http_url().trim_start_matches("http://");
    let shown = shown();
    assert!(shown.len() > 5);
    for (command, printed) in shown {
        let real = command.replace("localhost:8090", control);
        let real = real.replace("localhost:8080", data);
        let real = real.replacen("curl ", "curl --silent --show-error ", 1);
        let mut shell = Command::new("bash");
        let shell = shell.args(["-c", &format!("{real} 2>&1")]);
        let output = shell
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .output()
            .unwrap();
        if String::from_utf8_lossy(&output.stdout).contains("command not found") {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "curl is required in CI"
            );
            return eprintln!("SKIPPED: curl is not installed");
        }
        let output = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.trim_end(), printed, "{command}");
    }
}
