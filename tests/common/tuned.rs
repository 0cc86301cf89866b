//! Any bytes as a tuning's file: refused by a message, or of use to the planner.

use wgpu_loss::plan::{AdapterClass, Capabilities, Purpose, SubgroupSizes, TuningFile, choose};

/// Reads a file; what can be read can be written, read again, and planned with.
pub fn check(bytes: &[u8]) {
    let file = match TuningFile::from_json(bytes) {
        Ok(file) => file,
        Err(error) => {
            assert!(!error.to_string().contains('\n'), "{error}");
            return;
        }
    };
    let text = file.to_json().expect("what was read is valid");
    assert_eq!(TuningFile::from_json(text.as_bytes()).as_ref(), Ok(&file), "{text}");
    let lane = Capabilities::web_gpu(AdapterClass::Discrete);
    let subgroups = Some(SubgroupSizes { smallest: 8, largest: 32 });
    for capabilities in [lane, Capabilities { subgroups, max_invocations: 1024, ..lane }] {
        for classes in [0, 1, 31, 32, 33, 1000, 4097, 50_257, 1 << 20, 1 << 30] {
            for (strided, purpose) in [
                (false, Purpose::Reduce),
                (false, Purpose::ReduceWhole),
                (false, Purpose::FromState),
                (false, Purpose::Gather { gradient: true }),
                (true, Purpose::Reduce),
            ] {
                let Ok(choice) = choose(&capabilities, &file.tuning, classes, strided, purpose)
                else {
                    continue;
                };
                let invocations = choice.geometry.invocations();
                assert!(invocations > 0 && invocations <= capabilities.max_invocations);
            }
        }
    }
}
