//! Signals: what they end, with which code, and what they leave behind.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{Folder, text, with_usual_signals};
use crate::{after, fifo};

/// Starts a program with one file under way, which then waits for the reader of a FIFO.
fn waiting(folder: &Folder, preparation: &str) -> Child {
    let (file, pipe) = (text(&folder.path("out.json")), text(&folder.path("fifo")));
    let mut shell = with_usual_signals(&after(preparation));
    shell.args(["bench", "--quick", "--json", &file, "--csv", &pipe]);
    let child = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell");
    let start = Instant::now();
    while folder.names().len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "no output begun");
        sleep(Duration::from_millis(10));
    }
    child
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

#[test]
fn each_signal_has_its_exit_code() {
    let folder = Folder::new();
    fifo(&folder.path("fifo"));
    for (signal, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let mut child = waiting(&folder, ":");
        send(signal, &child);
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "SIG{signal}");
        assert_eq!(folder.names(), ["fifo"]);
    }
}

#[test]
fn what_was_ignored_stays_ignored() {
    let folder = Folder::new();
    fifo(&folder.path("fifo"));
    for (ignored, signal, code) in [("HUP INT", "TERM", 143), ("TERM HUP", "INT", 130)] {
        let mut child = waiting(&folder, &format!("trap '' {ignored}"));
        for signal in ignored.split(' ') {
            send(signal, &child);
        }
        sleep(Duration::from_millis(200));
        assert_eq!(child.try_wait().expect("its state"), None, "ignored {ignored}");
        send(signal, &child);
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "SIG{signal}");
        assert_eq!(folder.names(), ["fifo"]);
    }
}
