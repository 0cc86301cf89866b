//! wgpu-loss behind the benchmarks' line protocol: `engine-wgpu-loss cpu`, `cpu-into` or `gpu`.

mod cpu;
mod gpu;

use engine_protocol::{Element, Problem, Result, serve};
use wgpu_loss::{OwnedValues, Shape};

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("cpu") => serve(|| cpu::Cpu::open(cpu::Place::Allocated)),
        Some("cpu-into") => serve(|| cpu::Cpu::open(cpu::Place::Given)),
        Some("gpu") => serve(gpu::Resident::open),
        other => {
            let found = other.unwrap_or("nothing");
            Err(format!("engine-wgpu-loss: expected `cpu`, `cpu-into` or `gpu`, got {found}")
                .into())
        }
    }
}

const ELEMENTS: [Element; 3] = [Element::F32, Element::F16, Element::Bf16];
const NOT_LOADED: &str = "nothing is loaded yet";

/// The library's own, out of its manifest.
fn version() -> String {
    let manifest = include_str!("../../../../Cargo.toml");
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = "));
    line.unwrap_or("unknown").trim_matches('"').to_owned()
}

fn element(element: Element) -> wgpu_loss::Element {
    match element {
        Element::F32 => wgpu_loss::Element::F32,
        Element::F16 => wgpu_loss::Element::F16,
        Element::Bf16 => wgpu_loss::Element::Bf16,
    }
}

/// The logits as they are stored, their shape, and the targets.
fn stored(problem: Problem) -> (OwnedValues, Shape, Vec<i32>) {
    let element = element(problem.element);
    let shape = Shape::new(problem.rows, problem.classes).with_element(element);
    (OwnedValues::from_f32(problem.logits, element), shape, problem.targets)
}
