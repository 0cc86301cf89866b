//! Tunings as JSON files: what is written is read, what is broken is refused by name, and the
//! planner takes what was read.

#[path = "common/corpus.rs"]
mod corpus;
#[path = "common/device.rs"]
mod device;
#[path = "common/tuned.rs"]
mod tuned;

use corpus::corpus;
use device::new_gpu;
use serde_json::{Value, json};
use wgpu_loss::kernel::{Family, Geometry, Team};
use wgpu_loss::plan::{
    AdapterClass, Capabilities, Entry, Purpose, SubgroupSizes, Tuning, TuningFile, choose,
};
use wgpu_loss::wgpu::{AdapterInfo, Backend, DeviceType};
use wgpu_loss::{CrossEntropy, Error, Pass, Shape, TargetLayout};

const CLASSES: [AdapterClass; 3] =
    [AdapterClass::Software, AdapterClass::Integrated, AdapterClass::Discrete];

fn adapter() -> AdapterInfo {
    let mut info = AdapterInfo::new(DeviceType::Cpu, Backend::Vulkan);
    info.name = "Adapter \"1\"\n".to_owned();
    info.driver = "driver".to_owned();
    info.driver_info = "1.2".to_owned();
    info
}

fn capabilities(class: AdapterClass) -> Capabilities {
    let subgroups = Some(SubgroupSizes { smallest: 8, largest: 32 });
    Capabilities { subgroups, ..Capabilities::web_gpu(class) }
}

fn file(class: AdapterClass) -> TuningFile {
    TuningFile::new(&adapter(), &capabilities(class), Tuning::built_in(class))
}

/// The software table's file.
fn value() -> Value {
    let text = file(AdapterClass::Software).to_json().expect("a built-in table is valid");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn built_in_tables_come_back() {
    for class in CLASSES {
        let written = file(class);
        let text = written.to_json().expect("a built-in table is valid");
        assert_eq!(TuningFile::from_json(text.as_bytes()), Ok(written));
        assert!(text.contains("\"any\"") && text.contains("\"team\": \"subgroup\""), "{text}");
        assert!(!text.contains(&u64::MAX.to_string()), "a number that readers round");
    }
}

#[test]
fn files_come_back_and_nothing_else_is_left_beside_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tuning.json");
    for class in CLASSES {
        let written = file(class);
        written.save(&path).expect("a folder that can be written to");
        assert_eq!(TuningFile::load(&path), Ok(written));
    }
    let mut invalid = file(AdapterClass::Software);
    invalid.tuning.entries.clear();
    assert!(matches!(invalid.save(&path), Err(Error::Tuning { .. })));
    assert!(TuningFile::load(&path).is_ok(), "the file before is untouched");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    let nowhere = folder.path().join("no/tuning.json");
    let error = file(AdapterClass::Software).save(&nowhere).unwrap_err().to_string();
    assert!(error.contains("tuning.json"), "{error}");
}

/// Refuses the JSON, naming the field and something of what is wrong with it.
#[track_caller]
#[cfg(unix)]
#[test]
fn links_stay_links_and_files_keep_their_mode() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let file = file(AdapterClass::Software);
    file.save(&path("kept")).expect("written");
    set_permissions(path("kept"), Permissions::from_mode(0o600)).expect("allowed");
    for (link, target) in [("link", "kept"), ("dangling", "new")] {
        symlink(target, path(link)).expect("linked");
        file.save(&path(link)).expect("written");
        assert!(path(link).is_symlink());
        assert_eq!(TuningFile::load(&path(target)), Ok(file.clone()));
    }
    assert_eq!(metadata(path("kept")).expect("there").permissions().mode() & 0o777, 0o600);
    file.save("/dev/null".as_ref()).expect("written");
    assert!(!metadata("/dev/null").expect("there").is_file());
}

fn refused(json: impl AsRef<[u8]>, field: &str, part: &str) {
    match TuningFile::from_json(json.as_ref()) {
        Err(Error::Tuning { field: found, found: what, expected, .. }) => {
            assert_eq!(found, field, "{what}");
            let message = format!("expected {expected}, found {what}");
            assert!(message.contains(part), "{part}: {message}");
        }
        other => panic!("{other:?}"),
    }
}

/// The software table's file with a change.
fn changed(pointer: &str, value: Value) -> String {
    let mut file = self::value();
    *file.pointer_mut(pointer).expect("a field of the file") = value;
    file.to_string()
}

/// What `cargo fuzz run tuning_file` found worth keeping.
#[test]
fn the_corpus_of_tuning_files() {
    let (mut count, mut read) = (0, 0);
    for (name, bytes) in corpus("tuning_file") {
        println!("{name}"); // shown where it fails
        tuned::check(&bytes);
        read += usize::from(TuningFile::from_json(&bytes).is_ok());
        count += 1;
    }
    assert!(count >= 20 && read >= 3, "only {read} of {count} files were tunings");
}

#[test]
fn what_is_no_tuning_is_refused() {
    refused("", "document", "EOF");
    refused("{", "document", "EOF");
    refused("tuning", "document", "expected");
    refused([0xff, 0xfe, 0x00], "document", "expected value");
    refused("[1]", "document", "expected struct TuningFile");
    refused("[".repeat(1 << 18), "[0]", "expected u32");
    refused(format!("{} {{}}", value()), "document", "trailing characters");
    refused("{}", "document", "missing field `version`");
    refused(changed("/version", json!(2)), "version", "expected 1, found 2");
    refused(changed("/version", json!("1")), "version", "expected u32");
    refused(changed("/tuning", json!([])), "tuning", "");
    refused(changed("/tuning/entries", json!({})), "tuning.entries", "expected a sequence");
    refused(changed("/adapter/class", json!("abacus")), "adapter.class", "abacus");
    let family = "/tuning/entries/0/family";
    refused(changed(family, json!("herd")), "tuning.entries[0].family", "herd");
    let team = "/tuning/entries/3/team";
    refused(changed(team, json!("crowd")), "tuning.entries[3].team", "crowd");
    let limit = "/tuning/entries/3/up_to_classes";
    let field = "tuning.entries[3].up_to_classes";
    refused(changed(limit, json!("all")), field, "\"any\"");
    refused(changed(limit, json!(-1)), field, "\"any\"");
    refused(changed(limit, json!(1.5)), field, "\"any\"");
    refused(changed(limit, Value::Null), field, "\"any\"");
    let lanes = "/tuning/strided/1/geometry/lanes";
    let field = "tuning.strided[1].geometry.lanes";
    refused(changed(lanes, json!(1_u64 << 32)), field, "expected u32");
    refused(changed(lanes, json!(-8)), field, "expected u32");
}

#[test]
fn unknown_and_missing_fields_are_refused() {
    for pointer in ["", "/adapter", "/tuning", "/tuning/reduce", "/tuning/entries/0/geometry"] {
        let object = |file: &mut Value, change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            let object = file.pointer_mut(pointer).and_then(Value::as_object_mut);
            change(object.expect("an object of the file"));
        };
        let mut file = value();
        object(&mut file, &|it| drop(it.insert("speed".to_owned(), json!(1))));
        let error = TuningFile::from_json(file.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains("unknown field `speed`"), "{error}");
        let names: Vec<String> = {
            let file = value();
            let object = file.pointer(pointer).and_then(Value::as_object);
            object.expect("an object").keys().cloned().collect()
        };
        // Who has no subgroups may leave them out.
        for name in names.iter().filter(|name| *name != "subgroups") {
            let mut file = value();
            object(&mut file, &|it| drop(it.remove(name)));
            let error = TuningFile::from_json(file.to_string().as_bytes()).unwrap_err();
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
    }
}

#[test]
fn tables_that_no_planner_could_use_are_refused() {
    for (pointer, value, field) in [
        ("/tuning/entries", json!([]), "entries"),
        ("/tuning/entries/0/geometry/lanes", json!(3), "entries[0].geometry.lanes"),
        ("/tuning/entries/0/geometry/rows", json!(0), "entries[0].geometry.rows"),
        ("/tuning/from_state/0/geometry/vectors", json!(1 << 20), "from_state[0].geometry.vectors"),
        ("/tuning/entries/0/family", json!("from_state"), "entries[0].family"),
        ("/tuning/strided/0/team", json!("subgroup"), "strided[0].family"),
        ("/tuning/totals_lanes", json!(3), "totals_lanes"),
        ("/tuning/reduce/part_length", json!(2), "reduce.part_length"),
        ("/tuning/reduce/grouped/0/team", json!("lane"), "reduce.grouped[0].team"),
    ] {
        refused(changed(pointer, value), field, "expected");
    }
    let mut file = value();
    let entries = file.pointer_mut("/tuning/entries").and_then(Value::as_array_mut);
    let last = entries.expect("a table").last_mut().expect("an entry");
    last["up_to_classes"] = json!(70_000);
    refused(file.to_string(), "entries", "one for up to 70000");
}

/// Damage at every place: an error or a valid tuning, and no panic.
#[test]
fn damaged_files_are_refused_or_valid() {
    let text = file(AdapterClass::Software).to_json().expect("valid");
    let text = text.trim_end().as_bytes();
    let mut refused = 0;
    for place in (0..text.len()).step_by(3) {
        assert!(TuningFile::from_json(&text[..place]).is_err());
        for byte in [b'0', b'9', b'}', b'"', b' ', 0xff] {
            let mut damaged = text.to_vec();
            damaged[place] = byte;
            match TuningFile::from_json(&damaged) {
                Ok(file) => assert_eq!(file.tuning.validate(), Ok(())),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > text.len() / 3);
}

#[test]
fn files_name_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("broken.json");
    let broken = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        TuningFile::load(&path).unwrap_err().to_string()
    };
    let error = broken(changed("/tuning/totals_lanes", json!(3)).as_bytes());
    assert!(error.contains("broken.json: totals_lanes: expected a power of two"), "{error}");
    let error = broken(&vec![b' '; (1 << 20) + 1]);
    assert!(error.contains("broken.json: size: expected at most 1048576 bytes"), "{error}");
    for path in [folder.path().join("missing.json"), folder.path().to_owned()] {
        let error = TuningFile::load(&path).unwrap_err();
        assert!(matches!(&error, Error::File { path: found, .. } if *found == path), "{error}");
    }
}

#[test]
fn a_file_says_which_adapter_it_is_not_for() {
    let (info, here) = (adapter(), capabilities(AdapterClass::Software));
    let file = file(AdapterClass::Software);
    assert_eq!(file.difference(&info, &here), None);
    let other = |change: &dyn Fn(&mut AdapterInfo), part: &str| {
        let mut info = info.clone();
        change(&mut info);
        let difference = file.difference(&info, &here).expect("another adapter");
        assert!(difference.contains(part), "{difference}");
    };
    other(&|it| it.name = "another".to_owned(), "adapter");
    other(&|it| it.driver_info = "1.3".to_owned(), "driver 1.2, not driver 1.3");
    other(&|it| it.backend = Backend::Gl, "backend vulkan, not gl");
    let without = Capabilities { subgroups: None, ..here };
    assert!(file.difference(&info, &without).is_some_and(|it| it.contains("subgroups")));
    let mut older = value();
    older["library"] = json!("29.0.0");
    let older = TuningFile::from_json(older.to_string().as_bytes()).expect("of the same form");
    assert!(older.difference(&info, &here).is_some_and(|it| it.contains("wgpu-loss 29.0.0")));
}

/// An entry that no built-in table has.
fn unusual() -> Entry {
    let geometry = Geometry { lanes: 1, rows: 24, vectors: 7 };
    Entry { up_to_classes: 28, family: Family::Team, team: Team::Lane, geometry }
}

fn unusual_file(info: &AdapterInfo, capabilities: &Capabilities) -> TuningFile {
    let mut tuning = Tuning::built_in(capabilities.class);
    tuning.entries.insert(0, unusual());
    let file = TuningFile::new(info, capabilities, tuning);
    let text = file.to_json().expect("valid");
    TuningFile::from_json(text.as_bytes()).expect("valid")
}

#[test]
fn the_planner_takes_what_was_read() {
    let here = capabilities(AdapterClass::Software);
    let read = unusual_file(&adapter(), &here).tuning;
    let choice = |classes| choose(&here, &read, classes, false, Purpose::Reduce).unwrap();
    assert_eq!(choice(28).geometry, unusual().geometry);
    let built_in = Tuning::built_in(here.class);
    let expected = choose(&here, &built_in, 29, false, Purpose::Reduce).unwrap();
    assert_eq!(choice(29), expected);
}

/// Needs an adapter.
#[test]
fn kernels_of_a_loaded_tuning_have_its_geometry() {
    let gpu = new_gpu();
    let file = unusual_file(&gpu.adapter_info(), gpu.kernels().capabilities());
    let tuned = gpu.with_tuning(file.tuning).expect("a valid tuning");
    let pass = Pass::Forward { save_state: false };
    let plan = CrossEntropy::default()
        .plan(tuned.kernels(), Shape::new(5, 20), &TargetLayout::default(), pass)
        .expect("a small shape");
    assert_eq!(plan.variant().geometry, unusual().geometry);
    let mut wrong = tuned.kernels().tuning().clone();
    wrong.entries[0].geometry.lanes = 3;
    assert!(matches!(wrong.validate(), Err(Error::Tuning { .. })));
}
