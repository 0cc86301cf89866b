#!/usr/bin/env bash
# candle on the CPU: the cross-entropy of equal classes in bf16 is 5.53 however many there are, and
# binary_cross_entropy_with_logit is NaN for a right answer from a logit of 17 on.
#
# Versions: candle-core and candle-nn 0.11.1 (Hugging Face's Rust library), CPU, Rust 1.95.
# Behaviour: softmax and log_sum_exp add up exponentials in the type of the tensor, one by one: a
#   bf16 sum of ones stands still at 256, an f16 one at 2,048. So 300 or 32,000 equal classes have
#   the log-sum-exp ln 256 and each probability 1/256 (summing up to 125). The binary loss "with
#   logit" takes the logarithm of sigmoid(x) and of 1 - sigmoid(x): from 17 on the latter is 0, and
#   a target of 1 gives 0 * -inf, NaN, with a NaN gradient; a target of 0 gives infinity, not 17.
# Why one would guess otherwise: bf16 is the type in which such models ship and CPUs sum it in
#   float32 in other libraries; "with logit" names, since TensorFlow and PyTorch, the form that is
#   made so as not to overflow.
# For users of losses: perplexities of bf16 logits are too good by the ratio of the vocabulary to
#   256 without any warning: to_dtype(F32) first. The binary loss turns to NaN when training goes
#   well; write max(x, 0) - x t + log(1 + exp(-|x|)).
#
# Seen on 2026-11-30:
#   BF16    300 classes: loss 5.53125 (right 5.704), sum of softmax 1.172
#   BF16  32000 classes: loss 5.53125 (right 10.373), sum of softmax 125.000
#   F16   32000 classes: loss 7.625 (right 10.373), sum of softmax 15.625
#   F32   32000 classes: loss 10.373491 (right 10.373), sum of softmax 1.000
#   binary, logit 16, target 1: loss 1.19e-7, gradient -1.19e-7
#   binary, logit 17, target 1: loss NaN, gradient NaN
#   binary, logit 17, target 0: loss inf, gradient NaN
set -euo pipefail
command -v cargo >/dev/null || { echo "This needs Rust 1.85 or newer (cargo)."; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir src
cat >Cargo.toml <<'EOF'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
candle-core = "=0.11.1"
candle-nn = "=0.11.1"

[profile.dev]
debug = false
EOF
cat >src/main.rs <<'EOF'
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{loss, ops};

fn main() -> Result<()> {
    let cpu = Device::Cpu;
    let one = |t: Tensor| t.to_dtype(DType::F32)?.to_scalar::<f32>();
    let mut seen = Vec::new();
    for (dtype, n) in [(DType::BF16, 300), (DType::BF16, 32000), (DType::F16, 32000), (DType::F32, 32000)] {
        let logits = Tensor::zeros((1, n), dtype, &cpu)?;
        let value = one(loss::cross_entropy(&logits, &Tensor::new(&[0u32], &cpu)?)?)?;
        let sum = one(ops::softmax(&logits, 1)?.to_dtype(DType::F32)?.sum_all()?)?;
        let right = (n as f64).ln();
        println!("{dtype:?} {n:6} classes: loss {value} (right {right:.3}), sum of softmax {sum:.3}");
        seen.push((value as f64 - right).abs() > 0.1);
    }
    for (x, target) in [(16f32, 1f32), (17., 1.), (17., 0.)] {
        let logit = Var::new(&[x], &cpu)?;
        let value = loss::binary_cross_entropy_with_logit(&logit, &Tensor::new(&[target], &cpu)?)?;
        let gradient = value.backward()?.get(&logit).unwrap().to_vec1::<f32>()?[0];
        let value = value.to_scalar::<f32>()?;
        println!("binary, logit {x}, target {target}: loss {value:.2e}, gradient {gradient:.2e}");
        seen.push(!value.is_finite());
    }
    if seen != [true, true, true, false, false, true, true] {
        println!("CHANGED: candle's sums or its binary loss are other than on 2026-11-30.");
        std::process::exit(1);
    }
    Ok(())
}
EOF
CARGO_TARGET_DIR=$dir/target cargo run -q
