//! burn behind the benchmarks' line protocol: `engine-burn wgpu`, `vulkan`, `flex`, or,
//! built with the feature `llvm`, `cpu`.

use std::hint::black_box;

use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::tensor::{Device, DeviceKind, Int, Tensor, TensorData};
use engine_protocol::{Answer, Element, Engine, Hello, Operation, Problem, Result, serve};

fn main() -> Result<()> {
    let backend = std::env::args().nth(1).unwrap_or_default();
    serve(|| Burn::open(&backend))
}

/// One of burn's backends.
struct Burn {
    device: Device,
    described: String,
    threads: Option<usize>,
    loss: CrossEntropyLoss,
    loaded: Option<Loaded>,
}

struct Loaded {
    /// Outside autodiff: what has no gradient records no graph.
    logits: Tensor<2>,
    targets: Tensor<1, Int>,
}

/// Results, left on the device.
struct Output {
    loss: Option<Tensor<1>>,
    values: Option<Tensor<2>>,
}

impl Burn {
    fn open(backend: &str) -> Result<Self> {
        let on_cpu = Some(rayon::current_num_threads());
        let (device, threads) = match backend {
            // wgpu's best adapter, or what `CUBECL_WGPU_DEFAULT_DEVICE` names.
            "wgpu" => (Device::wgpu(DeviceKind::DefaultDevice), None),
            "vulkan" => (Device::vulkan(DeviceKind::DefaultDevice), None),
            "flex" => (Device::flex(), on_cpu),
            #[cfg(feature = "llvm")]
            "cpu" => (Device::cpu(), on_cpu),
            other => return Err(format!("engine-burn: no backend named `{other}` here").into()),
        };
        let adapter = device.identity().map(|identity| format!(", {}", identity.name));
        Ok(Self {
            described: format!("{backend}{}", adapter.unwrap_or_default()),
            threads,
            loss: CrossEntropyLossConfig::new().init(&device),
            device,
            loaded: None,
        })
    }

    fn compute(&self, operation: Operation) -> Result<Output> {
        let loaded = self.loaded.as_ref().ok_or("nothing is loaded yet")?;
        Ok(match operation {
            Operation::LogSumExp => {
                // burn has none of its own.
                let logits = loaded.logits.clone();
                let maximum = logits.clone().max_dim(1);
                let sum = (logits - maximum.clone()).exp().sum_dim(1);
                Output { loss: None, values: Some(maximum + sum.log()) }
            }
            Operation::CrossEntropy => Output {
                loss: Some(self.loss.forward(loaded.logits.clone(), loaded.targets.clone())),
                values: None,
            },
            Operation::Fused => {
                let logits = loaded.logits.clone().autodiff().require_grad();
                let loss = self.loss.forward(logits.clone(), loaded.targets.clone().autodiff());
                let mut gradients = loss.backward();
                let gradient = logits.grad_remove(&mut gradients);
                Output {
                    loss: Some(loss.without_autodiff()),
                    values: Some(gradient.ok_or("burn gave no gradient")?),
                }
            }
        })
    }

    fn sync(&self) -> Result<()> {
        self.device.sync().map_err(|error| format!("{error:?}").into())
    }
}

impl Engine for Burn {
    fn hello(&self) -> Hello {
        Hello {
            version: "0.22.1".into(),
            device: self.described.clone(),
            threads: self.threads,
            elements: vec![Element::F32],
        }
    }

    fn load(&mut self, problem: Problem) -> Result<()> {
        self.loaded = None; // room for the next
        self.device.memory_cleanup();
        let Problem { rows, classes, logits, targets, .. } = problem;
        self.loaded = Some(Loaded {
            logits: Tensor::from_data(TensorData::new(logits, [rows, classes]), &self.device),
            targets: Tensor::from_data(TensorData::new(targets, [rows]), &self.device),
        });
        self.sync()
    }

    fn answer(&mut self, operation: Operation) -> Result<Answer> {
        let output = self.compute(operation)?;
        let read = |data: TensorData| data.try_into_vec_as::<f32>().map_err(|e| format!("{e:?}"));
        let loss = match output.loss {
            Some(loss) => read(loss.into_data())?.first().copied().map(f64::from),
            None => None,
        };
        let values = match output.values {
            Some(values) => read(values.into_data())?,
            None => Vec::new(),
        };
        Ok(Answer { loss, values })
    }

    fn repeat(&mut self, operation: Operation, repetitions: usize) -> Result<()> {
        let mut kept = None;
        for _ in 0..repetitions {
            kept = Some(self.compute(operation)?);
        }
        self.sync()?;
        drop(black_box(kept)); // nothing may be left out because nobody looks at it
        Ok(())
    }
}
