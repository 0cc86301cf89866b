//! What `bind` makes: dispatches that are ready to be recorded, again and again.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use wgpu::{BindGroup, BindGroupEntry, Buffer, BufferBinding, BufferUsages, ComputePass};

use crate::error::{Error, Result};
use crate::kernel::Variant;
use crate::kernel::bindings::Slot;
use crate::kernel::link::{ENTRY_POINT, link};
use crate::kernel::parameters::{Field, Parameters};
use crate::pipelines::{Kernels, Pipeline, guarded, lost};
use crate::plan::{
    BufferRole, Program, ProgramBuffer, ProgramDispatch, ProgramKernel, ProgramRange,
};

/// A bound operation. It holds on to its buffers, so it can be recorded as often as wanted.
#[derive(Clone, Debug)]
pub struct Step {
    operation: &'static str,
    dispatches: Vec<Dispatch>,
    /// What they were made from.
    pub(super) pending: Arc<[Pending]>,
    /// The buffers of our own among theirs.
    scratch: Arc<[Buffer]>,
}

#[derive(Clone, Debug)]
struct Dispatch {
    pipeline: Arc<Pipeline>,
    bind_group: BindGroup,
    workgroups: u32,
}

impl Step {
    /// Records the operation as one compute pass: no queue, no submit, no wait, no allocation and
    /// no compilation.
    pub fn record(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some(self.operation),
            timestamp_writes: None,
        });
        self.record_in(&mut pass);
    }

    /// Records the operation into a compute pass of the caller's, as a debug group. Sets the pass's
    /// pipeline and bind group 0, and leaves its other state alone.
    pub fn record_in(&self, pass: &mut ComputePass<'_>) {
        pass.push_debug_group(self.operation);
        for dispatch in &self.dispatches {
            pass.set_pipeline(&dispatch.pipeline.pipeline);
            pass.set_bind_group(0, &dispatch.bind_group, &[]);
            pass.dispatch_workgroups(dispatch.workgroups, 1, 1);
        }
        pass.pop_debug_group();
    }

    /// Number of dispatches that [`record`](Self::record) records.
    pub fn dispatches(&self) -> usize {
        self.dispatches.len()
    }

    /// What [`record`](Self::record) records, as data: the text of every kernel, what it is bound to
    /// and told, and its workgroups.
    pub fn program(&self) -> Program {
        let mut program = Program {
            operation: self.operation,
            kernels: Vec::new(),
            buffers: Vec::new(),
            dispatches: Vec::new(),
        };
        let (mut variants, mut buffers): (Vec<Variant>, Vec<&Buffer>) = Default::default();
        for pending in &*self.pending {
            let kernel = place_of(&mut variants, &pending.variant, |variant| {
                program.kernels.push(pending.kernel(variant));
            });
            let storage = pending.pipeline.bindings.iter().filter(|it| it.written.is_some());
            let bound = storage.zip(&pending.bound).map(|(binding, bound)| {
                let buffer = place_of(&mut buffers, &&bound.buffer, |buffer| {
                    let is_ours = self.scratch.contains(buffer);
                    let role = if is_ours { BufferRole::Scratch } else { BufferRole::Caller };
                    let (name, bytes) = (bound.slot.name(), buffer.size());
                    program.buffers.push(ProgramBuffer { name, role, bytes });
                });
                let Bound { offset, bytes, .. } = *bound;
                ProgramRange { index: binding.index, buffer, offset, bytes }
            });
            let (bound, workgroups) = (bound.collect(), pending.workgroups);
            let uniforms = pending.parameters.clone();
            program.dispatches.push(ProgramDispatch { kernel, uniforms, bound, workgroups });
        }
        program
    }
}

/// The place of an item in a list, to whose end it is added where it is not there.
fn place_of<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T, added: impl FnOnce(&T)) -> usize {
    list.iter().position(|it| it == item).unwrap_or_else(|| {
        added(item);
        list.push(item.clone());
        list.len() - 1
    })
}

/// A range of a buffer, as a dispatch sees it.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) slot: Slot,
    pub(super) buffer: Buffer,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) variant: Variant,
    pipeline: Arc<Pipeline>,
    pub(super) parameters: Vec<u8>,
    fields: &'static [Field],
    pub(super) bound: Vec<Bound>,
    pub(super) workgroups: u32,
}

impl Pending {
    fn kernel(&self, variant: &Variant) -> ProgramKernel {
        ProgramKernel {
            label: self.pipeline.label.clone(),
            source: link(variant),
            entry_point: ENTRY_POINT,
            needs_subgroups: variant.needs_subgroups(),
            bindings: self.pipeline.bindings.iter().map(Into::into).collect(),
            uniforms: self.fields,
        }
    }
}

/// Collects dispatches, then makes their parameters and bind groups at once.
pub(super) struct StepBuilder<'a> {
    kernels: &'a Kernels,
    operation: &'static str,
    pending: Vec<Pending>,
    scratch: RefCell<Vec<Buffer>>,
}

impl<'a> StepBuilder<'a> {
    pub(super) fn new(kernels: &'a Kernels, operation: &'static str) -> Self {
        Self { kernels, operation, pending: Vec::new(), scratch: RefCell::default() }
    }

    pub(super) fn kernels(&self) -> &Kernels {
        self.kernels
    }

    pub(super) fn operation(&self) -> &'static str {
        self.operation
    }

    /// A buffer of our own, of at least one element of any type.
    pub(super) fn scratch(&self, label: &str, bytes: u64) -> Result<Buffer> {
        let device = self.kernels.device();
        let size = bytes.next_multiple_of(16).max(16);
        let available = self.kernels.capabilities().max_buffer_bytes;
        if size > available {
            return Err(Error::Limit {
                operation: self.operation,
                limit: "max_buffer_size",
                needed: size,
                available,
            });
        }
        let buffer = guarded(device, self.operation, || {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size,
                usage: BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        })?;
        self.scratch.borrow_mut().push(buffer.clone());
        Ok(buffer)
    }

    /// Adds a dispatch. `find` gives the range for each binding of the kernel.
    pub(super) fn dispatch<P: Parameters>(
        &mut self,
        variant: &Variant,
        parameters: &P,
        workgroups: u32,
        bound: &[Bound],
    ) -> Result<()> {
        let pipeline = self.kernels.pipeline(variant)?;
        let mut in_order = Vec::with_capacity(bound.len());
        for binding in pipeline.bindings.iter().filter(|binding| binding.written.is_some()) {
            let found = bound.iter().find(|bound| bound.slot == binding.slot);
            in_order.push(found.cloned().ok_or_else(|| {
                Error::invalid(self.operation, binding.slot.name(), "a buffer", "none")
            })?);
        }
        self.refuse_aliases(&pipeline, &in_order)?;
        self.pending.push(Pending {
            variant: *variant,
            pipeline,
            parameters: bytemuck::bytes_of(parameters).to_vec(),
            fields: P::FIELDS,
            bound: in_order,
            workgroups,
        });
        Ok(())
    }

    /// wgpu tracks whole buffers: one that a dispatch writes may not be read by it through another
    /// binding, and written ranges may not overlap.
    fn refuse_aliases(&self, pipeline: &Pipeline, bound: &[Bound]) -> Result<()> {
        let storage: Vec<_> =
            pipeline.bindings.iter().filter_map(|binding| binding.written).zip(bound).collect();
        for (i, (a_written, a)) in storage.iter().enumerate() {
            for (b_written, b) in &storage[..i] {
                if a.buffer != b.buffer || !(*a_written || *b_written) {
                    continue;
                }
                let overlap = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
                if a_written != b_written || overlap {
                    return Err(Error::invalid(
                        self.operation,
                        a.slot.name(),
                        if overlap {
                            format!("memory apart from {}", b.slot.name())
                        } else {
                            format!(
                                "another buffer than {}: wgpu cannot read and write one buffer in a dispatch",
                                b.slot.name()
                            )
                        },
                        format!("the same buffer, bytes {} to {}", a.offset, a.offset + a.bytes),
                    ));
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Step> {
        let Self { kernels, operation, pending, scratch } = self;
        let scratch = scratch.into_inner().into();
        if pending.is_empty() {
            let (dispatches, pending) = (Vec::new(), Arc::default());
            return Ok(Step { operation, dispatches, pending, scratch });
        }
        let device = kernels.device();
        let alignment = kernels.capabilities().uniform_alignment;
        let stride =
            |pending: &Pending| (pending.parameters.len() as u64).next_multiple_of(alignment);
        let size: u64 = pending.iter().map(stride).sum();
        let make = || {
            let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("wgpu-loss parameters"),
                size,
                usage: BufferUsages::UNIFORM,
                mapped_at_creation: true,
            });
            let mut view = uniforms.get_mapped_range_mut(..).ok()?;
            let mut dispatches = Vec::with_capacity(pending.len());
            let mut offset = 0;
            for each in &pending {
                let end = offset + each.parameters.len() as u64;
                view.slice(offset as usize..end as usize).copy_from_slice(&each.parameters);
                dispatches.push(Dispatch {
                    pipeline: Arc::clone(&each.pipeline),
                    bind_group: bind_group(device, each, &uniforms, offset),
                    workgroups: each.workgroups,
                });
                offset += stride(each);
            }
            drop(view);
            uniforms.unmap();
            Some(dispatches)
        };
        // wgpu panics over some objects of other instances, which it takes for its own.
        let dispatches = catch_unwind(AssertUnwindSafe(|| guarded(device, operation, make)))
            .unwrap_or_else(|_| {
                let message = "wgpu panicked over an operand, as it does over buffers of another wgpu instance".to_owned();
                Err(Error::Device { operation, message })
            })?;
        // A buffer that cannot be written though no scope objected: the device is lost.
        let dispatches = dispatches.ok_or_else(|| lost(operation))?;
        log::debug!("{operation}: bound, {} dispatches", dispatches.len());
        Ok(Step { operation, dispatches, pending: pending.into(), scratch })
    }
}

fn bind_group(
    device: &wgpu::Device,
    pending: &Pending,
    uniforms: &Buffer,
    offset: u64,
) -> BindGroup {
    let range = |buffer, offset, bytes| {
        wgpu::BindingResource::Buffer(BufferBinding {
            buffer,
            offset,
            size: std::num::NonZeroU64::new(bytes),
        })
    };
    let mut storage = pending.bound.iter();
    let entries: Vec<_> = pending
        .pipeline
        .bindings
        .iter()
        .filter_map(|binding| {
            let resource = match binding.written {
                None => range(uniforms, offset, binding.bytes),
                Some(_) => {
                    let bound = storage.next()?;
                    range(&bound.buffer, bound.offset, bound.bytes)
                }
            };
            Some(BindGroupEntry { binding: binding.index, resource })
        })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(&pending.pipeline.label),
        layout: &pending.pipeline.layout,
        entries: &entries,
    })
}
