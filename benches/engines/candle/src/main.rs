//! candle on the CPU behind the benchmarks' line protocol: `engine-candle cpu`.

use std::hint::black_box;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::loss::cross_entropy;
use engine_protocol::{Answer, Element, Engine, Hello, Operation, Problem, Result, serve};

fn main() -> Result<()> {
    let device = std::env::args().nth(1).unwrap_or_default();
    serve(|| match device.as_str() {
        "cpu" => Ok(Candle { loaded: None }),
        other => Err(format!("engine-candle: no device named `{other}` here").into()),
    })
}

struct Candle {
    loaded: Option<Loaded>,
}

struct Loaded {
    logits: Tensor,
    targets: Tensor,
}

/// Results as candle leaves them.
struct Output {
    loss: Option<Tensor>,
    values: Option<Tensor>,
}

impl Candle {
    fn compute(&self, operation: Operation) -> Result<Output> {
        let Loaded { logits, targets } = self.loaded.as_ref().ok_or("nothing is loaded yet")?;
        Ok(match operation {
            Operation::LogSumExp => Output { loss: None, values: Some(logits.log_sum_exp(1)?) },
            Operation::CrossEntropy => {
                // Outside a variable: what has no gradient records no graph.
                Output { loss: Some(cross_entropy(&logits.detach(), targets)?), values: None }
            }
            Operation::Fused => {
                let loss = cross_entropy(logits, targets)?;
                let gradients = loss.backward()?;
                let gradient = gradients.get(logits).cloned();
                Output {
                    loss: Some(loss),
                    values: Some(gradient.ok_or("candle gave no gradient")?),
                }
            }
        })
    }
}

impl Engine for Candle {
    fn hello(&self) -> Hello {
        Hello {
            version: "0.11.1".into(),
            device: "CPU".into(),
            threads: Some(candle_core::utils::get_num_threads()),
            elements: vec![Element::F32, Element::F16, Element::Bf16],
        }
    }

    fn load(&mut self, problem: Problem) -> Result<()> {
        self.loaded = None; // room for the next
        let Problem { rows, classes, element, logits, targets } = problem;
        let element = match element {
            Element::F32 => DType::F32,
            Element::F16 => DType::F16,
            Element::Bf16 => DType::BF16,
        };
        let logits = Tensor::from_vec(logits, (rows, classes), &Device::Cpu)?.to_dtype(element)?;
        let targets = targets.into_iter().map(u32::try_from).collect::<std::result::Result<_, _>>();
        self.loaded = Some(Loaded {
            logits: Var::from_tensor(&logits)?.into_inner(),
            targets: Tensor::from_vec::<_, u32>(targets?, rows, &Device::Cpu)?,
        });
        Ok(())
    }

    fn answer(&mut self, operation: Operation) -> Result<Answer> {
        let output = self.compute(operation)?;
        let read = |tensor: &Tensor| tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
        let loss = output.loss.as_ref().map(read).transpose()?;
        let values = output.values.as_ref().map(read).transpose()?;
        Ok(Answer {
            loss: loss.and_then(|loss| loss.first().copied()).map(f64::from),
            values: values.unwrap_or_default(),
        })
    }

    fn repeat(&mut self, operation: Operation, repetitions: usize) -> Result<()> {
        for _ in 0..repetitions {
            drop(black_box(self.compute(operation)?));
        }
        Ok(())
    }
}
