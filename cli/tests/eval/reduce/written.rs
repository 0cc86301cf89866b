//! Files that `eval reduce` writes: whole, or not there.

use super::{contains, file, floats, reduce};
use crate::ENGINES;
use crate::common::{Folder, arrays, safetensors, text};

/// An array of the file: its name, its shape, its values.
type Written<'a> = (&'a str, &'a [usize], &'a [f32]);

#[test]
fn every_result_is_written() {
    let folder = Folder::new();
    let file = file(&folder);
    let out = folder.path("out.safetensors");
    let cases: [(&str, &[Written<'_>]); 4] = [
        ("--statistic sum", &[("values", &[], &[21.0])]),
        (
            "--statistic mean --axis row --weights v",
            &[("denominator", &[2], &[3.0, 9.0]), ("values", &[2], &[2.0, 5.0])],
        ),
        (
            "--statistic mean-and-variance --axis column",
            &[
                ("denominator", &[3], &[2.0; 3]),
                ("values", &[3], &[2.5, 3.5, 4.5]),
                ("variance", &[3], &[2.25; 3]),
            ],
        ),
        (
            "--statistic log-sum-exp --axis row --weights w",
            &[("sign", &[2], &[1.0, -1.0]), ("values", &[2], &[3.758_623_7, 5.428_101_7])],
        ),
    ];
    for engine in ENGINES {
        for (arguments, expected) in cases {
            let path = text(&out);
            let mut all = vec![file.as_str(), "--out", &path, "--device", engine];
            all.extend(arguments.split_whitespace());
            let run = reduce(&all);
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            assert!(run.stdout.contains("written"), "{}", run.stdout);
            let written = arrays(&out);
            assert_eq!(written.len(), expected.len(), "{arguments}");
            for (array, (name, shape, values)) in written.iter().zip(expected) {
                assert_eq!(array.dtype, "F32");
                contains(array, name, shape, values);
            }
        }
    }
    assert_eq!(folder.names(), ["file.safetensors", "out.safetensors"]);
}

#[test]
fn nothing_is_written_where_something_fails() {
    let folder = Folder::new();
    let tensors =
        [("values", "F32", &[2, 3][..], floats(&[0.0; 6])), ("ids", "U8", &[2], vec![0, 7])];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    let existing = folder.write("existing.safetensors", b"precious");
    for out in [existing.clone(), text(&folder.path("new.safetensors"))] {
        let options = ["--segment-ids", "ids", "--segments", "3", "--device", "cpu"];
        reduce(&[&[file.as_str(), "--out", &out], &options[..]].concat())
            .fails_with("found 7 in row 1");
    }
    assert_eq!(std::fs::read(&existing).expect("still there"), b"precious");
    let missing = text(&folder.path("missing/out.safetensors"));
    reduce(&[&file, "--out", &missing, "--device", "cpu"]).fails_with("cannot be written");
    assert_eq!(folder.names(), ["existing.safetensors", "x.safetensors"]);
}
