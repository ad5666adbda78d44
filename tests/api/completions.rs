//! Shell completion scripts.

use std::fs;
use std::process::{Command, Stdio};

use keepstone_test_backends::Database;

use crate::harness::{Home, PATIENCE, Run};

fn bash(home: &Home, script: &str) -> Run {
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", script]).current_dir(home.path()).stdout(Stdio::piped());
    Run::of(command, "", PATIENCE)
}

#[test]
fn bash_completes_commands_and_options() {
    let home = Home::on(Database::Sqlite);
    let script = home.cli(["completions", "bash"]).exits(0).stdout;
    fs::write(home.path().join("keepstone.bash"), script).unwrap();
    bash(&home, "bash -n keepstone.bash").exits(0);
    for (typed, completed) in [
        ("mig", "migrate"),
        ("import", "import-users"),
        ("migrate up", "upgrade"),
        ("import-users --dr", "--dry-run"),
        ("import-users --format js", "jsonl"),
        ("completions z", "zsh"),
    ] {
        let words: Vec<&str> = typed.split(' ').collect();
        let script = format!(
            "source keepstone.bash; COMP_WORDS=(keepstone {typed}); COMP_CWORD={}; \
             _keepstone keepstone {} {}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.len(),
            words.last().unwrap(),
            if words.len() > 1 { words[words.len() - 2] } else { "keepstone" },
        );
        let run = bash(&home, &script).exits(0);
        assert!(run.stdout.lines().any(|line| line == completed), "{typed}: {run:#?}");
    }
}

#[test]
fn every_supported_shell_has_a_script_and_others_are_rejected() {
    let home = Home::on(Database::Sqlite);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = home.cli(["completions", shell]).exits(0).stdout;
        assert!(script.contains("import-users"), "{shell}");
        assert!(home.cli(["completions", "--help"]).exits(0).stdout.contains(&format!("completions {shell} >")));
    }
    home.cli(["completions", "csh"]).exits(2);
    home.cli(["completions"]).exits(2);
}
