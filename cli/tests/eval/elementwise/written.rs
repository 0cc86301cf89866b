//! Files that are written: whole, or not there.

use super::{BINARY, eval, file};
use crate::common::{Folder, arrays, text};
use crate::reduce::contains;

#[test]
fn results_are_written_with_their_dimensions() {
    let folder = Folder::new();
    let file = file(&folder);
    let path = folder.path("out.safetensors");
    let out = text(&path);
    for engine in crate::ENGINES {
        let write = |line: &str| {
            let run = eval(&file, &format!("{line} --out {out} --device {engine}"));
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            assert!(run.stdout.contains("written"), "{}", run.stdout);
            arrays(&path)
        };
        let losses = BINARY.map(|loss| loss as f32);
        let [unreduced] = write("binary-cross-entropy FILE --reduction none")
            .try_into()
            .unwrap_or_else(|_| panic!("one array"));
        contains(&unreduced, "values", &[2, 3], &losses);
        let means =
            write("squared-error FILE --target numbers --reduction weighted-mean --axis row");
        contains(&means[0], "denominator", &[2], &[3.0, 3.0]);
        contains(&means[1], "values", &[2], &[11.0 / 3.0, 18.5 / 3.0]);
    }
    assert_eq!(folder.names(), ["file.safetensors", "out.safetensors"]);
}

#[test]
fn nothing_is_written_where_something_fails() {
    let folder = Folder::new();
    let file = file(&folder);
    let existing = folder.write("existing.safetensors", b"precious");
    for out in [existing.clone(), text(&folder.path("new.safetensors"))] {
        eval(&file, &format!("huber FILE --delta -1 --device cpu --out {out}")).fails_with("delta");
    }
    assert_eq!(std::fs::read(&existing).expect("still there"), b"precious");
    let missing = text(&folder.path("missing/out.safetensors"));
    eval(&file, &format!("entropy FILE --input probabilities --device cpu --out {missing}"))
        .fails_with("cannot be written");
    assert_eq!(folder.names(), ["existing.safetensors", "file.safetensors"]);
}
