//! One convention for all operations: operands in the order of the formula, and everything else by
//! options, each a NAME_OR_FILE; and the forms that there were before.

use serde_json::{Value, json};

use crate::common::{Folder, bytes, close, logits, npy, run, safetensors};

/// Name, type in .safetensors and in .npy, shape, data.
type Array = (&'static str, &'static str, &'static str, &'static [usize], Vec<u8>);

/// All arrays, in one file and in files of their own, by these names.
struct Files {
    folder: Folder,
    all: String,
}

impl Files {
    fn new() -> Self {
        let folder = Folder::new();
        let floats = |values: &[f32]| bytes(values, f32::to_le_bytes);
        let arrays: [Array; 7] = [
            ("x", "F32", "<f4", &[3, 2], logits()),
            ("z", "F32", "<f4", &[3, 2], floats(&[0.5, 0.25, 0.75, 0.5, 0.125, 1.0])),
            ("y", "I64", "<i8", &[3], bytes(&[0, 1, 1], i64::to_le_bytes)),
            ("v", "F32", "<f4", &[3], floats(&[1.0, 2.0, 3.0])),
            ("w", "F32", "<f4", &[2], floats(&[1.0, 4.0])),
            ("s", "F32", "<f4", &[3, 1], floats(&[1.0, 2.0, 4.0])),
            ("ids", "U8", "|u1", &[3], vec![0, 1, 0]),
        ];
        let tensors: Vec<_> = arrays
            .iter()
            .map(|(name, dtype, _, shape, bytes)| (*name, *dtype, *shape, bytes.clone()))
            .collect();
        let all = folder.write("all.safetensors", &safetensors(&tensors));
        for (name, _, descr, shape, bytes) in &arrays {
            let shape = match shape {
                [length] => format!("({length},)"),
                _ => format!("({}, {})", shape[0], shape[1]),
            };
            folder.write(&format!("{name}.npy"), &npy(descr, false, &shape, bytes));
        }
        Self { folder, all }
    }

    /// The result of a line, in which ALL is the file of all arrays and @x is that of x.
    fn eval(&self, line: &str) -> Value {
        let words = line.split_whitespace().map(|word| match word.strip_prefix('@') {
            Some(name) => self.folder.path(&format!("{name}.npy")).display().to_string(),
            None => word.replace("ALL", &self.all),
        });
        let words: Vec<_> = words.collect();
        let mut all = vec!["eval"];
        all.extend(words.iter().map(String::as_str));
        all.extend(["--device", "cpu", "--json"]);
        let mut json = run(&all).json();
        for key in ["seconds", "gigabytes_per_second", "file", "upstream"] {
            json.as_object_mut().expect("an object").remove(key);
        }
        json
    }

    #[track_caller]
    fn same(&self, lines: &[&str]) {
        let first = self.eval(lines[0]);
        for line in &lines[1..] {
            assert_eq!(self.eval(line), first, "{line}");
        }
    }
}

#[test]
fn operands_by_place_by_name_and_by_file() {
    let files = Files::new();
    files.same(&[
        "cross-entropy @x @y",
        "cross-entropy @x --targets @y",
        "cross-entropy @x --targets-file @y",
        "cross-entropy ALL y --logits x",
        "cross-entropy ALL --logits x --targets y",
        "cross-entropy ALL @y --logits x",
        "cross-entropy ALL ALL --logits x --targets y",
        "cross-entropy @x ALL:y",
        "cross-entropy @x ALL --targets y",
        "cross-entropy @x --targets ALL:y",
    ]);
    files.same(&[
        "cross-entropy @x @y --class-weights @w --row-weights @v",
        "cross-entropy @x @y --class-weights-file @w --row-weights-file @v",
        "cross-entropy @x @y --class-weights ALL:w --row-weights ALL:v",
        "cross-entropy ALL --logits x --targets y --class-weights w --row-weights v",
        "cross-entropy ALL --logits x --targets y --class-weights-file ALL --class-weights w \
         --row-weights-file ALL --row-weights v",
    ]);
    files.same(&[
        "cross-entropy @x --probabilities @z",
        "cross-entropy @x @z",
        "cross-entropy @x ALL --probabilities z",
        "cross-entropy ALL --logits x --probabilities z",
        "cross-entropy ALL --logits x --probabilities @z",
        "cross-entropy ALL --logits x --targets z",
    ]);
    files.same(&[
        "softmax-focal @x @y --gamma 3 --row-weights @v",
        "softmax-focal ALL y --logits x --gamma 3 --row-weights v",
        "softmax-focal @x --targets @y --gamma 3 --row-weights-file @v",
    ]);
    for operation in ["softmax-kl-divergence", "softmax-jensen-shannon"] {
        files.same(&[
            &format!("{operation} @x @z --row-weights @v"),
            &format!("{operation} @x --teacher @z --row-weights ALL:v"),
            &format!("{operation} ALL z --logits x --row-weights v"),
            &format!("{operation} ALL --logits x --row-weights v --teacher z"),
        ]);
    }
    for operation in [
        "binary-cross-entropy",
        "sigmoid-focal",
        "kl-divergence",
        "squared-error",
        "absolute-error",
        "huber",
        "poisson",
        "cross-entropy-of-probabilities",
        "kl-divergence-of-probabilities",
    ] {
        files.same(&[
            &format!("{operation} @x @z --weights @w"),
            &format!("{operation} @x --target @z --weights ALL:w"),
            &format!("{operation} ALL --input x --target z --weights w"),
            &format!("{operation} ALL z --logits x --weights w"),
        ]);
    }
    files.same(&[
        "gaussian @x @z @s",
        "gaussian @x @z --variance @s",
        "gaussian @x --target @z --variance ALL:s",
        "gaussian ALL z s --input x",
        "gaussian ALL --input x --target z --variance s",
    ]);
    files.same(&[
        "reduce @x @v --axis column --statistic mean",
        "reduce @x --weights @v --axis column --statistic mean",
        "reduce ALL v --values x --axis column --statistic mean",
        "reduce ALL --logits x --weights ALL:v --axis column --statistic mean",
    ]);
    files.same(&["reduce @x --segment-ids @ids", "reduce ALL --values x --segment-ids ids"]);
    for operation in ["softmax", "log-softmax"] {
        files.same(&[
            &format!("{operation} @x --upstream @z"),
            &format!("{operation} @x --upstream-file @z"),
            &format!("{operation} @x --upstream ALL:z"),
            &format!("{operation} @x --upstream-file ALL --upstream-tensor z"),
            &format!("{operation} ALL --logits x --upstream z"),
            &format!("{operation} ALL --logits x --upstream-tensor z"),
        ]);
    }
    let kl = files.eval("softmax-kl-divergence @x @x");
    close(&kl["loss"], 0.0);
}

#[test]
fn an_operand_given_twice_is_bad_usage() {
    for line in [
        "softmax-kl-divergence x.npy y.npy --teacher z.npy",
        "squared-error x.npy y.npy --target z.npy",
        "gaussian x.npy y.npy z.npy --variance z.npy",
        "reduce x.npy v.npy --weights v.npy",
        "cross-entropy x.npy y.npy --targets-file z.npy",
        "softmax x.npy --upstream g --upstream-tensor g",
        "entropy x.npy y.npy",
        "reduce x.npy --weights-axis row",
        "reduce x.npy --gradient --weight-gradient",
    ] {
        let run = run(&["eval"].into_iter().chain(line.split_whitespace()).collect::<Vec<_>>());
        assert_eq!(run.code, Some(2), "{line}: {}", run.stderr);
        assert!(run.stderr.contains("--help"), "{line}: {}", run.stderr);
    }
    let files = Files::new();
    let json =
        files.eval("reduce @x @v --axis row --gradient --weight-gradient --weights-axis row");
    assert_eq!(json["weight_gradient"], json!(true));
}

/// Nothing is compared with itself because the other was forgotten.
#[test]
fn a_forgotten_operand_is_not_the_first_one_again() {
    let folder = Folder::new();
    for (name, operation) in [("input", "squared-error"), ("logits", "softmax-kl-divergence")] {
        let file =
            folder.write("one.safetensors", &safetensors(&[(name, "F32", &[3, 2], logits())]));
        run(&["eval", operation, &file, "--device", "cpu"]).fails_with("and none that could be it");
    }
}

#[test]
fn help_tells_the_convention() {
    for operation in ["cross-entropy", "softmax", "reduce", "gaussian", "softmax-kl-divergence"] {
        let help = run(&["eval", operation, "--help"]);
        assert_eq!(help.code, Some(0), "{}", help.stderr);
        for part in ["NAME_OR_FILE", "FILE:NAME", "standard input", "--save-all-logits", ".npz"] {
            assert!(help.stdout.contains(part), "{operation}, {part}: {}", help.stdout);
        }
        for old in ["--targets-file", "--row-weights-file", "--upstream-tensor"] {
            assert!(!help.stdout.contains(old), "{operation}, {old}");
        }
    }
    let usage = |operation: &str| run(&["eval", operation, "--help"]).stdout;
    assert!(usage("cross-entropy").contains("<LOGITS> [TARGETS]"));
    assert!(usage("gaussian").contains("<INPUT> [TARGET] [VARIANCE]"));
    assert!(usage("reduce").contains("<VALUES> [WEIGHTS]"));
}
