//! The program among other programs: what is no ordinary file, limits, and signals.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod limits;
mod signals;
mod written;

use std::path::Path;
use std::process::Command;

use common::{Folder, pair, program, text};

/// The program, started by a shell that did this before.
fn after(preparation: &str) -> Command {
    let program = program();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{preparation}; exec \"$@\""), "sh"]).arg(program.get_program());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// Arguments for an evaluation of [`pair`].
const GRADIENT: [&str; 3] = ["--gradient", "--device", "cpu"];

/// A folder with an input, and what the program writes of it to an ordinary file.
fn evaluated(options: &[&str]) -> (Folder, String, Vec<u8>) {
    let folder = Folder::new();
    let input = folder.write("pair.safetensors", &pair());
    let ordinary = folder.path("ordinary");
    let mut program = program();
    program.args(["eval", "cross-entropy", &input, "--out", &text(&ordinary)]);
    assert_eq!(program.args(options).output().expect("it starts").status.code(), Some(0));
    let bytes = std::fs::read(&ordinary).expect("written");
    std::fs::remove_file(ordinary).expect("removed");
    (folder, input, bytes)
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo is there").success());
}
