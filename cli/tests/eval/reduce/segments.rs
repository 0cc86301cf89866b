//! `--segment-offsets` and `--segment-ids`: a result for each segment and column.

use serde_json::json;

use super::{contains, floats, holds, on_both, reduce};
use crate::common::{Folder, LOGITS, arrays, bytes, logits, npy, safetensors, text};

/// Rows (2, 0), (0, 3) and (1, 1): the first alone, none, the other two.
fn file(folder: &Folder) -> String {
    let ids = |values: &[i64]| bytes(values, i64::to_le_bytes);
    folder.write(
        "file.safetensors",
        &safetensors(&[
            ("values", "F32", &[3, 2], logits()),
            ("v", "F32", &[3], floats(&[1.0, 3.0, 1.0])),
            ("offsets", "U32", &[4], bytes(&[0, 1, 1, 3], u32::to_le_bytes)),
            ("long", "I64", &[4], ids(&[0, 1, 1, 3])),
            ("short", "U8", &[4], vec![0, 1, 1, 3]),
            ("part", "I32", &[2], bytes(&[1, 2], i32::to_le_bytes)),
            ("ids", "I64", &[3], ids(&[1, 0, 1])),
            ("some", "I32", &[3], bytes(&[2, -100, 2], i32::to_le_bytes)),
            ("far", "I64", &[3], ids(&[-5_000_000_000, 0, 0])),
        ]),
    )
}

#[test]
fn by_offsets() {
    let folder = Folder::new();
    let file = file(&folder);
    for name in ["offsets", "long", "short"] {
        on_both(&file, &format!("--segment-offsets {name}"), |out| {
            holds(&out["values"], &[2.0, 0.0, 0.0, 0.0, 1.0, 4.0]);
            assert_eq!((&out["segments"], &out["axis"]), (&3.into(), &"column".into()));
            assert_eq!(out["result_shape"], json!([3, 2]));
        });
    }
    on_both(&file, "--segment-offsets part --axis column", |out| {
        holds(&out["values"], &[0.0, 3.0]);
    });
    on_both(&file, "--segment-offsets offsets --weights v --statistic mean", |out| {
        holds(&out["values"], &[2.0, 0.0, f64::NAN, f64::NAN, 0.25, 2.5]);
        holds(&out["denominator"], &[1.0, 1.0, 0.0, 0.0, 4.0, 4.0]);
    });
    on_both(&file, "--segment-offsets offsets --statistic max", |out| {
        let none = f64::NEG_INFINITY;
        holds(&out["values"], &[2.0, 0.0, none, none, 1.0, 3.0]);
    });
}

#[test]
fn by_ids() {
    let folder = Folder::new();
    let file = file(&folder);
    on_both(&file, "--segment-ids ids", |out| {
        holds(&out["values"], &[0.0, 3.0, 3.0, 1.0]);
        assert_eq!(out["segments"], 2);
    });
    on_both(&file, "--segment-ids ids --segments 3", |out| {
        holds(&out["values"], &[0.0, 3.0, 3.0, 1.0, 0.0, 0.0]);
        assert_eq!(out["segments"], 3);
    });
    on_both(&file, "--segment-ids some", |out| {
        holds(&out["values"], &[0.0, 0.0, 0.0, 0.0, 3.0, 1.0]);
    });
    on_both(&file, "--segment-ids far --statistic min", |out| holds(&out["values"], &[0.0, 1.0]));
}

#[test]
fn in_files_of_their_own_and_written() {
    let folder = Folder::new();
    let values = folder.write("x.npy", &npy("<f4", false, "(3, 2)", &logits()));
    let data = bytes(&[1, 0, 1], i32::to_le_bytes);
    let ids = folder.write("ids.npy", &npy("<i4", false, "(3,)", &data));
    let data = bytes(&[0, 3], i64::to_le_bytes);
    let offsets = folder.write("offsets.npy", &npy("<i8", false, "(2,)", &data));
    let out = folder.path("out.safetensors");
    let options = format!("--statistic mean-and-variance --out {}", text(&out));
    on_both(&values, &format!("--segment-ids {ids} {options}"), |_| {
        let written = arrays(&out);
        contains(&written[0], "denominator", &[2, 2], &[1.0, 1.0, 2.0, 2.0]);
        contains(&written[1], "values", &[2, 2], &[0.0, 3.0, 1.5, 0.5]);
        contains(&written[2], "variance", &[2, 2], &[0.0, 0.0, 0.25, 0.25]);
    });
    on_both(&values, &format!("--segment-offsets {offsets}"), |out| {
        holds(&out["values"], &[3.0, 4.0]);
    });
    let shown = reduce(&[&values, "--segment-ids", &ids, "--device", "oracle"]);
    let line = "results              one per column of 2 segments";
    assert!(shown.stdout.contains(line), "{}", shown.stdout);
}

/// Rows with dimensions of their own have ids of the same dimensions.
#[test]
fn of_rows_with_dimensions() {
    let folder = Folder::new();
    let values = [&LOGITS[..], &[5.0, 7.0]].concat();
    let tensors = [
        ("values", "F32", &[2, 2, 2][..], floats(&values)),
        ("ids", "U8", &[2, 2], vec![0, 1, 1, 0]),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    on_both(&file, "--segment-ids ids", |out| holds(&out["values"], &[7.0, 7.0, 1.0, 4.0]));
}

#[test]
fn no_rows_and_no_segments() {
    let folder = Folder::new();
    let tensors = [
        ("values", "F32", &[0, 2][..], vec![]),
        ("ids", "I32", &[0], vec![]),
        ("offsets", "U8", &[1], vec![0]),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    on_both(&file, "--segment-ids ids", |out| {
        holds(&out["values"], &[]);
        assert_eq!(out["result_shape"], json!([0, 2]));
    });
    on_both(&file, "--segment-ids ids --segments 1", |out| holds(&out["values"], &[0.0, 0.0]));
    on_both(&file, "--segment-offsets offsets", |out| holds(&out["values"], &[]));
}

#[test]
fn what_is_no_segment_is_refused() {
    let folder = Folder::new();
    let ids = |values: &[i32]| bytes(values, i32::to_le_bytes);
    let tensors = [
        ("values", "F32", &[3, 2][..], logits()),
        ("w", "F32", &[3], floats(&[1.0; 3])),
        ("ids", "I32", &[3], ids(&[1, 0, 1])),
        ("two", "I32", &[2], ids(&[1, 0])),
        ("matrix", "I32", &[1, 3], ids(&[1, 0, 1])),
        ("large", "I64", &[3], bytes(&[0, 3_000_000_000, 0], i64::to_le_bytes)),
        ("huge", "I32", &[3], ids(&[0, i32::MAX, 0])),
        ("down", "I32", &[3], ids(&[0, 2, 1])),
        ("beyond", "U8", &[2], vec![0, 4]),
        ("below", "I32", &[2], ids(&[-1, 3])),
        ("none", "I32", &[0], vec![]),
    ];
    let file = folder.write("x.safetensors", &safetensors(&tensors));
    let out = text(&folder.path("out.safetensors"));
    for (arguments, part) in [
        ("--segment-ids ids --segments 1", "segment id: expected below the 1 segments"),
        ("--segment-ids two", "number of segment ids: expected 3, one per row, found 2"),
        ("--segment-ids matrix", "segment ids: expected integers or bool [3], found `matrix`"),
        ("--segment-ids w", "segment ids: expected integers or bool [3], found `w` f32 [3]"),
        ("--segment-ids large", "segment id 1 is 3000000000, out of range"),
        ("--segment-ids huge", "results: expected at most 67108864 of these values"),
        ("--segment-ids ids --segments 18446744073709551615", "results: expected at most"),
        ("--segment-ids absent", "no tensor `absent`"),
        ("--segment-ids ids --axis row", "axis: expected EachColumn, within each segment"),
        ("--segment-ids ids --axis all", "axis: expected EachColumn, within each segment"),
        ("--segment-ids ids --class-axis 0", "expected (rows, columns), found 2 rows side by side"),
        ("--segment-offsets down", "segment offsets: expected ascending ones"),
        ("--segment-offsets beyond", "last segment offset: expected at most the 3 rows, found 4"),
        ("--segment-offsets below", "segment offset 0 is -1, out of range"),
        ("--segment-offsets none", "segment offsets: expected one more than there are segments"),
        ("--segment-offsets matrix", "segment offsets: expected integers or bool [segments + 1]"),
    ] {
        let mut all = vec![file.as_str(), "--out", &out, "--device", "cpu"];
        all.extend(arguments.split_whitespace());
        reduce(&all).fails_with(part);
    }
    assert_eq!(folder.names(), ["x.safetensors"]);
}
