//! What the adapter can move at all: kernels that only read, copy, or change in place, in several
//! geometries, of which the fastest counts.

use serde::Serialize;
use wgpu_loss::{Gpu, wgpu};

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

/// The ceilings of one adapter.
#[derive(Clone, Debug, Serialize)]
pub struct Ceilings {
    /// Of reading.
    pub read: Ceiling,
    /// Of copying.
    pub copy: Ceiling,
    /// Of changing in place.
    pub in_place: Ceiling,
    /// Bytes of the buffer.
    pub buffer_bytes: u64,
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

/// Measures all three, over buffers of at most `most` bytes.
pub fn measure(gpu: &Gpu, timer: &mut Timer, most: u64, runs: usize) -> Result<Ceilings> {
    let device = gpu.device();
    let limits = device.limits();
    let available = most.min(limits.max_storage_buffer_binding_size).min(limits.max_buffer_size);
    let bytes = 1 << available.max(1 << 20).ilog2();
    let buffers = guarded(device, "ceiling buffers", || {
        [
            buffer(device, "ceiling, source", bytes, true),
            buffer(device, "ceiling, destination", bytes, false),
        ]
    })?;
    let bar = output::progress("measuring the ceilings");
    bar.set_length(3 * Geometry::all().count() as u64);
    let mut best = |traffic: Traffic| -> Result<Ceiling> {
        let module = guarded(device, "ceiling kernels", || {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some("ceiling"),
                source: wgpu::ShaderSource::Wgsl(traffic.source().into()),
            })
        })?;
        let mut best: Option<Ceiling> = None;
        for geometry in Geometry::all() {
            let kernel = Kernel::new(device, &module, traffic, geometry, &buffers)?;
            let timing = timer.measure(runs, &mut |pass, repetition| {
                kernel.record(pass, geometry.workgroups(bytes), repetition);
            })?;
            let gigabytes_per_second = (bytes * traffic.passes()) as f64 / timing.seconds / 1e9;
            if best.as_ref().is_none_or(|it| gigabytes_per_second > it.gigabytes_per_second) {
                best = Some(Ceiling { gigabytes_per_second, geometry: geometry.describe() });
            }
            bar.inc(1);
            if traffic == Traffic::Copy {
                check_copy(gpu, &buffers, bytes)?;
            }
        }
        best.ok_or_else(|| Failure::WrongAnswer("no geometry to measure".to_owned()))
    };
    let ceilings = Ceilings {
        copy: best(Traffic::Copy)?,
        read: best(Traffic::Read)?,
        in_place: best(Traffic::InPlace)?,
        buffer_bytes: bytes,
    };
    bar.finish_and_clear();
    Ok(ceilings)
}

/// One geometry, bound; two bind groups where turns between the buffers keep caches cold.
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
        [source, destination]: &[wgpu::Buffer; 2],
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
            let (a, b) = (source.as_entire_binding(), destination.as_entire_binding());
            let groups = match traffic {
                Traffic::Copy => vec![group(&[a, b])],
                Traffic::InPlace => vec![group(&[a]), group(&[b])],
                Traffic::Read => {
                    let sink = buffer(device, "ceiling, sink", 256, false);
                    let sink = sink.as_entire_binding();
                    vec![group(&[a, sink.clone()]), group(&[b, sink])]
                }
            };
            Self { pipeline, groups }
        })
    }

    fn record(&self, pass: &mut wgpu::ComputePass<'_>, (x, y): (u32, u32), repetition: usize) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.groups[repetition % self.groups.len()], &[]);
        pass.dispatch_workgroups(x, y, 1);
    }
}

fn buffer(device: &wgpu::Device, label: &str, bytes: u64, filled: bool) -> wgpu::Buffer {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: bytes,
        usage: wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: filled,
    });
    if filled {
        if let Ok(mut view) = buffer.get_mapped_range_mut(..) {
            // Memory of zeros may be compressed or shared, and would be faster than data is.
            view.copy_from_slice(&pattern(bytes as usize));
        }
        buffer.unmap();
    }
    buffer
}

/// Bytes that do not repeat within any cache.
fn pattern(length: usize) -> Vec<u8> {
    (0..length.div_ceil(4) as u32)
        .flat_map(|index| word(index).to_le_bytes())
        .take(length)
        .collect()
}

fn word(index: u32) -> u32 {
    let mixed = (index ^ (index >> 16)).wrapping_mul(0x7feb_352d);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x846c_a68b)
}

/// A copy that left something out would be a ceiling too high.
fn check_copy(gpu: &Gpu, [_, destination]: &[wgpu::Buffer; 2], bytes: u64) -> Result<()> {
    const PART: u64 = 1 << 16;
    let device = gpu.device();
    let readable = guarded(device, "ceiling check", || {
        let readable = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("ceiling, readable"),
            size: 2 * PART,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(destination, 0, &readable, 0, PART);
        encoder.copy_buffer_to_buffer(destination, bytes - PART, &readable, PART, PART);
        encoder.clear_buffer(destination, 0, None);
        gpu.queue().submit([encoder.finish()]);
        readable
    })?;
    wait(device)?;
    let found = read(device, &readable, 0, 2 * PART)?;
    let words = found.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
    let part = (PART / 4) as u32;
    let last = (bytes / 4) as u32 - part;
    let expected = (0..part).chain(last..last + part).map(word);
    if words.eq(expected) {
        Ok(())
    } else {
        Err(Failure::WrongAnswer("the copy kernel did not copy".to_owned()))
    }
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
