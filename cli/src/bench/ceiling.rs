//! What the adapter can move at all: kernels that only read, copy, or change in place, in several
//! geometries, of which the fastest counts, on buffers that take turns as those of the operations.

use serde::Serialize;
use wgpu_loss::{Gpu, wgpu};

use super::device::buffer;
use super::grid::Effort;
use super::timing::{Timer, guarded, read, wait};
use crate::failure::{Failure, Result};
use crate::output;

/// What a kernel does to every element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Read it.
    Read,
    /// Read it, and write it to another buffer.
    Copy,
    /// Read it, and write it where it was.
    InPlace,
}

impl Traffic {
    /// Elements moved for each that the buffer has.
    pub fn passes(self) -> u64 {
        match self {
            Self::Read => 1,
            Self::Copy | Self::InPlace => 2,
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Read => include_str!("read.wgsl"),
            Self::Copy => include_str!("copy.wgsl"),
            Self::InPlace => include_str!("in_place.wgsl"),
        }
    }
}

/// The fastest geometry of one kind of traffic.
#[derive(Clone, Debug, Serialize)]
pub struct Ceiling {
    /// Bytes moved in a nanosecond.
    pub gigabytes_per_second: f64,
    /// The geometry that moved them.
    pub geometry: String,
}

/// The ceilings of one adapter, or of the CPU.
#[derive(Clone, Debug, Serialize)]
pub struct Ceilings {
    /// Of reading.
    pub read: Ceiling,
    /// Of copying.
    pub copy: Ceiling,
    /// Of changing in place.
    pub in_place: Ceiling,
    /// Bytes of a buffer.
    pub buffer_bytes: u64,
    /// Bytes of the buffers that take turns; a copy writes as many others.
    pub footprint_bytes: u64,
}

impl Ceilings {
    /// That of one kind of traffic.
    pub fn of(&self, traffic: Traffic) -> &Ceiling {
        match traffic {
            Traffic::Read => &self.read,
            Traffic::Copy => &self.copy,
            Traffic::InPlace => &self.in_place,
        }
    }

    /// The same, to be replaced.
    pub fn of_mut(&mut self, traffic: Traffic) -> &mut Ceiling {
        match traffic {
            Traffic::Read => &mut self.read,
            Traffic::Copy => &mut self.copy,
            Traffic::InPlace => &mut self.in_place,
        }
    }
}

/// Workgroups in one dimension of a dispatch; a power of two, so that they divide the buffer.
const WIDTH: u64 = 1 << 15;

/// One of the geometries that compete.
#[derive(Clone, Copy, Debug)]
struct Geometry {
    lanes: u32,
    /// Vectors a lane holds at a time; `None`: a loop over tiles, 4 vectors a lane.
    vectors: Option<u64>,
}

impl Geometry {
    fn all() -> impl Iterator<Item = Self> {
        let vectors = [Some(1), Some(4), Some(8), None];
        [64, 256].into_iter().flat_map(move |lanes| vectors.map(|vectors| Self { lanes, vectors }))
    }

    /// Those that compete; in a quick measurement fewer.
    fn competing(every: bool) -> Vec<Self> {
        Self::all().filter(|it| every || it.lanes == 256).collect()
    }

    fn entry_point(self) -> String {
        self.vectors.map_or("grid".to_owned(), |vectors| format!("tile_{vectors}"))
    }

    fn workgroups(self, bytes: u64) -> (u32, u32) {
        let groups = match self.vectors {
            Some(vectors) => bytes / 16 / (u64::from(self.lanes) * vectors),
            None => 2048,
        };
        let (x, y) = (groups.min(WIDTH), groups.div_ceil(WIDTH).max(1));
        (x as u32, y as u32)
    }

    fn describe(self) -> String {
        match self.vectors {
            Some(1) => format!("{} lanes, 1 vec4 a lane", self.lanes),
            Some(vectors) => format!("{} lanes, {vectors} vec4s a lane", self.lanes),
            None => format!("{} lanes, loop over tiles", self.lanes),
        }
    }
}

/// The fastest kernels, kept to be measured again beside the operations: how fast a shared machine
/// is changes while it measures.
pub struct Probe {
    fastest: Vec<(Traffic, Geometry, Kernel)>,
    buffer_bytes: u64,
}

/// Measures all three.
pub fn measure(gpu: &Gpu, timer: &mut Timer, effort: &Effort) -> Result<(Ceilings, Probe)> {
    let device = gpu.device();
    let limits = device.limits();
    let available = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    let bytes = 1 << effort.buffer_bytes.min(available).max(1 << 20).ilog2();
    let buffers = Buffers::new(gpu, bytes, effort.footprint.div_ceil(bytes).max(1))?;
    let geometries = Geometry::competing(effort.every_geometry);
    let bar = output::progress("measuring the ceilings");
    bar.set_length(3 * geometries.len() as u64);
    let mut probe = Probe { fastest: Vec::new(), buffer_bytes: bytes };
    let mut best = |traffic: Traffic| -> Result<Ceiling> {
        let module = guarded(device, "ceiling kernels", || {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some("ceiling"),
                source: wgpu::ShaderSource::Wgsl(traffic.source().into()),
            })
        })?;
        let mut best: Option<(Ceiling, Geometry, Kernel)> = None;
        for geometry in &geometries {
            let kernel = Kernel::new(device, &module, traffic, *geometry, &buffers)?;
            let ceiling = kernel.measure(timer, effort, traffic, *geometry, bytes)?;
            let speed = ceiling.gigabytes_per_second;
            if best.as_ref().is_none_or(|(it, ..)| speed > it.gigabytes_per_second) {
                best = Some((ceiling, *geometry, kernel));
            }
            bar.inc(1);
            if traffic == Traffic::Copy {
                buffers.check_copy(gpu)?;
            }
        }
        let (ceiling, geometry, kernel) =
            best.ok_or_else(|| Failure::WrongAnswer("no geometry to measure".to_owned()))?;
        probe.fastest.push((traffic, geometry, kernel));
        Ok(ceiling)
    };
    let ceilings = Ceilings {
        copy: best(Traffic::Copy)?,
        read: best(Traffic::Read)?,
        // Last, since it changes what the others read.
        in_place: best(Traffic::InPlace)?,
        buffer_bytes: bytes,
        footprint_bytes: bytes * buffers.sources.len() as u64,
    };
    bar.finish_and_clear();
    Ok((ceilings, probe))
}

impl Probe {
    /// The same ceilings, of which those that are needed are measured anew.
    pub fn again(
        &self,
        timer: &mut Timer,
        effort: &Effort,
        before: &Ceilings,
        needed: &[Traffic],
    ) -> Result<Ceilings> {
        let mut ceilings = before.clone();
        for (traffic, geometry, kernel) in &self.fastest {
            if needed.contains(traffic) {
                let bytes = self.buffer_bytes;
                *ceilings.of_mut(*traffic) =
                    kernel.measure(timer, effort, *traffic, *geometry, bytes)?;
            }
        }
        Ok(ceilings)
    }
}

/// One geometry, bound to each buffer in turn.
struct Kernel {
    pipeline: wgpu::ComputePipeline,
    groups: Vec<wgpu::BindGroup>,
}

impl Kernel {
    fn new(
        device: &wgpu::Device,
        module: &wgpu::ShaderModule,
        traffic: Traffic,
        geometry: Geometry,
        buffers: &Buffers,
    ) -> Result<Self> {
        guarded(device, "ceiling kernels", || {
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some("ceiling"),
                layout: None,
                module,
                entry_point: Some(&geometry.entry_point()),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &[("lanes", f64::from(geometry.lanes))],
                    ..Default::default()
                },
                cache: None,
            });
            let layout = pipeline.get_bind_group_layout(0);
            let group = |buffers: &[wgpu::BindingResource<'_>]| {
                let entries: Vec<_> = buffers
                    .iter()
                    .zip(0..)
                    .map(|(resource, binding)| wgpu::BindGroupEntry {
                        binding,
                        resource: resource.clone(),
                    })
                    .collect();
                device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some("ceiling"),
                    layout: &layout,
                    entries: &entries,
                })
            };
            let sink = buffer(device, "ceiling, sink", 256);
            let pairs = buffers.sources.iter().zip(&buffers.destinations);
            let groups = pairs.map(|(source, destination)| {
                let source = source.as_entire_binding();
                match traffic {
                    Traffic::Copy => group(&[source, destination.as_entire_binding()]),
                    Traffic::InPlace => group(&[source]),
                    Traffic::Read => group(&[source, sink.as_entire_binding()]),
                }
            });
            let groups = groups.collect();
            Self { pipeline, groups }
        })
    }

    fn measure(
        &self,
        timer: &mut Timer,
        effort: &Effort,
        traffic: Traffic,
        geometry: Geometry,
        bytes: u64,
    ) -> Result<Ceiling> {
        let timing = timer.measure(effort.ceiling_runs, &mut |pass, repetition| {
            self.record(pass, geometry.workgroups(bytes), repetition);
        })?;
        Ok(Ceiling {
            gigabytes_per_second: (bytes * traffic.passes()) as f64 / timing.seconds / 1e9,
            geometry: geometry.describe(),
        })
    }

    fn record(&self, pass: &mut wgpu::ComputePass<'_>, (x, y): (u32, u32), repetition: usize) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.groups[repetition % self.groups.len()], &[]);
        pass.dispatch_workgroups(x, y, 1);
    }
}

/// Bytes after which the data repeats.
const PERIOD: u64 = 1 << 20;

/// What is read, and where copies go.
struct Buffers {
    bytes: u64,
    sources: Vec<wgpu::Buffer>,
    destinations: Vec<wgpu::Buffer>,
}

impl Buffers {
    /// Sources hold numbers: memory of zeros may be compressed or shared, and would be faster than
    /// data is.
    fn new(gpu: &Gpu, bytes: u64, count: u64) -> Result<Self> {
        let device = gpu.device();
        guarded(device, "ceiling buffers", || {
            let buffers = |label| (0..count).map(|_| buffer(device, label, bytes)).collect();
            let buffers = Self {
                bytes,
                sources: buffers("ceiling, source"),
                destinations: buffers("ceiling, destination"),
            };
            let period = buffer(device, "ceiling, period", PERIOD);
            let words: Vec<u32> = (0..(PERIOD / 4) as u32).map(word).collect();
            gpu.queue().write_buffer(&period, 0, bytemuck::cast_slice(&words));
            let mut encoder = device.create_command_encoder(&Default::default());
            for source in &buffers.sources {
                for start in (0..bytes).step_by(PERIOD as usize) {
                    encoder.copy_buffer_to_buffer(&period, 0, source, start, PERIOD);
                }
            }
            gpu.queue().submit([encoder.finish()]);
            buffers
        })
    }

    /// A copy that left something out would be a ceiling too high.
    fn check_copy(&self, gpu: &Gpu) -> Result<()> {
        const PART: u64 = 1 << 16;
        let device = gpu.device();
        for destination in self.destinations.iter().take(1) {
            let readable = guarded(device, "ceiling check", || {
                let readable = device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("ceiling, readable"),
                    size: 2 * PART,
                    usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
                let mut encoder = device.create_command_encoder(&Default::default());
                encoder.copy_buffer_to_buffer(destination, 0, &readable, 0, PART);
                let last = self.bytes - PART;
                encoder.copy_buffer_to_buffer(destination, last, &readable, PART, PART);
                encoder.clear_buffer(destination, 0, None);
                gpu.queue().submit([encoder.finish()]);
                readable
            })?;
            wait(device)?;
            let found = read(device, &readable, 0, 2 * PART)?;
            let words = found.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
            let (part, period) = ((PART / 4) as u32, (PERIOD / 4) as u32);
            let expected = (0..part).chain(period - part..period).map(word);
            if !words.eq(expected) {
                return Err(Failure::WrongAnswer("the copy kernel did not copy".to_owned()));
            }
        }
        Ok(())
    }
}

/// A number without a pattern.
fn word(index: u32) -> u32 {
    let mixed = (index ^ (index >> 16)).wrapping_mul(0x7feb_352d);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x846c_a68b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_geometry_covers_the_buffer_exactly() {
        for bytes in [1 << 20, 1 << 27, 1 << 28] {
            for geometry in Geometry::all() {
                let (x, y) = geometry.workgroups(bytes);
                assert!(x <= 65_535 && y <= 65_535);
                if let Some(vectors) = geometry.vectors {
                    let vectors = u64::from(x) * u64::from(y) * u64::from(geometry.lanes) * vectors;
                    assert_eq!(vectors * 16, bytes, "{geometry:?}");
                }
            }
        }
    }
}
