//! The pipelines of a device, each compiled once.

use std::collections::HashMap;
#[cfg(not(target_arch = "wasm32"))]
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
#[cfg(not(target_arch = "wasm32"))]
use std::thread::{Builder, available_parallelism};

use super::{guarded, is_lost, lost, trusted};
use crate::error::{Error, Result};
use crate::kernel::Variant;
use crate::kernel::bindings::{Binding, bindings};
use crate::kernel::link::{ENTRY_POINT, link};
use crate::kernel::loss::explain;
#[cfg(debug_assertions)]
use crate::kernel::{Mutation, link::link_mutated};
use crate::logits::Shape;
use crate::plan::{Capabilities, Tuning};

/// A compiled kernel.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) label: String,
}

/// A pipeline's place in the cache; the lock is held while it compiles, so that it compiles once
/// and other pipelines compile meanwhile.
type Entry = Arc<Mutex<Option<Arc<Pipeline>>>>;

#[derive(Clone, Debug)]
struct Shared {
    device: wgpu::Device,
    capabilities: Capabilities,
    tuning: Tuning,
    /// The driver's, where the caller keeps one.
    cache: Option<wgpu::PipelineCache>,
    pipelines: Arc<Mutex<HashMap<Variant, Entry>>>,
    /// What changes the kernels, and those without it.
    #[cfg(debug_assertions)]
    mutation: Option<(Mutation, Kernels)>,
}

/// The kernels of a device: what plans are made with. Cheap to clone; clones share the pipelines.
#[derive(Clone, Debug)]
pub struct Kernels {
    shared: Arc<Shared>,
    /// A single row is taken as one of several side by side.
    side_by_side: bool,
}

impl Kernels {
    /// The kernels of a device, tuned by the built-in table of its adapter's class. Nothing is
    /// compiled before a plan asks for it.
    ///
    /// # Errors
    /// [`Error::Limit`] where the device is too small for any kernel.
    pub fn new(device: &wgpu::Device) -> Result<Self> {
        let capabilities =
            Capabilities::of(&device.limits(), device.features(), &device.adapter_info());
        let tuning = Tuning::built_in(capabilities.class);
        Self::with(device, capabilities, tuning)
    }

    /// The same with the caller's tuning, and with capabilities no greater than the device's: a
    /// test may take subgroups away, or shrink a limit.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with(device: &wgpu::Device, capabilities: Capabilities, tuning: Tuning) -> Result<Self> {
        capabilities.validate()?;
        Ok(Self::of(Shared {
            device: device.clone(),
            capabilities,
            tuning,
            cache: None,
            pipelines: Arc::default(),
            #[cfg(debug_assertions)]
            mutation: None,
        }))
    }

    /// The same kernels, those compiled so far included, tuned otherwise.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_tuning(&self, tuning: Tuning) -> Result<Self> {
        self.sharing(*self.capabilities(), tuning)
    }

    /// The same kernels, those compiled so far included, on a device of which no more is used than
    /// this.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_capabilities(&self, capabilities: Capabilities) -> Result<Self> {
        self.sharing(capabilities, self.tuning().clone())
    }

    fn sharing(&self, capabilities: Capabilities, tuning: Tuning) -> Result<Self> {
        capabilities.validate()?;
        Ok(Self::of(Shared { capabilities, tuning, ..Shared::clone(&self.shared) }))
    }

    fn of(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), side_by_side: false }
    }

    /// The same kernels for pieces of this batch: of rows side by side, a piece of one row alone would
    /// else have another kernel than the batch, and other last bits.
    #[cfg(feature = "runtime")]
    pub(crate) fn for_pieces_of(&self, batch: &Shape) -> Self {
        Self { side_by_side: batch.inner > 1, ..self.clone() }
    }

    /// Whether neighbouring rows of this shape lie side by side.
    pub(crate) fn takes_side_by_side(&self, rows: &Shape) -> bool {
        self.side_by_side || rows.inner > 1
    }

    /// Kernels like these, none compiled yet, which compile through the caller's pipeline cache: one
    /// filled by an earlier run makes that quick. It must be the same device's, which needs
    /// [`Features::PIPELINE_CACHE`](wgpu::Features::PIPELINE_CACHE); a [`Gpu`](crate::Gpu) of our own
    /// has it where the adapter does.
    #[must_use]
    pub fn with_pipeline_cache(&self, cache: wgpu::PipelineCache) -> Self {
        let pipelines = Arc::default();
        Self::of(Shared { cache: Some(cache), pipelines, ..Shared::clone(&self.shared) })
    }

    /// Kernels like these but for a text of them: those that it is part of are compiled anew, the others
    /// are these.
    #[cfg(debug_assertions)]
    #[doc(hidden)]
    #[must_use]
    pub fn with_mutation(&self, mutation: Mutation) -> Self {
        let mutation = Some((mutation, self.clone()));
        let pipelines = Arc::default();
        Self::of(Shared { pipelines, mutation, ..Shared::clone(&self.shared) })
    }

    /// The device.
    pub fn device(&self) -> &wgpu::Device {
        &self.shared.device
    }

    /// What the planner may use of the device.
    pub fn capabilities(&self) -> &Capabilities {
        &self.shared.capabilities
    }

    /// The geometries the planner chooses from.
    pub fn tuning(&self) -> &Tuning {
        &self.shared.tuning
    }

    /// The kernels compiled so far.
    pub fn compiled(&self) -> Vec<Variant> {
        let pipelines = self.shared.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        pipelines.keys().copied().collect()
    }

    /// Compiles kernels ahead of the plans that need them, on all cores (on the web, one after
    /// another): those that [`compiled`](Self::compiled) named on another device, or on the one that
    /// this replaces.
    ///
    /// # Errors
    /// [`Error::Limit`] and [`Error::Device`] of a kernel that this device refuses;
    /// [`Error::DeviceLost`].
    pub fn warm_up(&self, variants: &[Variant]) -> Result<()> {
        let next = AtomicUsize::new(0);
        let compile = || {
            while let Some(variant) = variants.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.pipeline(variant)?;
            }
            Ok(())
        };
        #[cfg(target_arch = "wasm32")]
        return compile();
        #[cfg(not(target_arch = "wasm32"))]
        {
            let threads = available_parallelism().map_or(1, usize::from).min(variants.len());
            std::thread::scope(|scope| {
                // This thread is one of them; where a system gives no others, it does their work.
                let others: Vec<_> = (1..threads)
                    .filter_map(|_| Builder::new().spawn_scoped(scope, compile).ok())
                    .collect();
                others.into_iter().fold(compile(), |result, other| {
                    result.and(other.join().unwrap_or_else(|panic| resume_unwind(panic)))
                })
            })
        }
    }

    /// The compiled kernel, compiling it the first time.
    pub(crate) fn pipeline(&self, variant: &Variant) -> Result<Arc<Pipeline>> {
        let entry = {
            let mut pipelines =
                self.shared.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(pipelines.entry(*variant).or_default())
        };
        let mut compiled = entry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = &*compiled {
            // Others may have compiled it, for whom there are more.
            self.refuse_too_many(&pipeline.bindings)?;
            return Ok(Arc::clone(pipeline));
        }
        let pipeline = self.compiled_or_shared(variant)?;
        *compiled = Some(Arc::clone(&pipeline));
        Ok(pipeline)
    }

    /// Whether the device has as many storage buffers as a kernel binds.
    pub(crate) fn can_bind(&self, variant: &Variant) -> bool {
        self.refuse_too_many(&bindings(variant)).is_ok()
    }

    fn refuse_too_many(&self, bindings: &[Binding]) -> Result<()> {
        let storage = bindings.iter().filter(|binding| binding.written.is_some()).count() as u64;
        let available = self.shared.capabilities.max_storage_buffers.into();
        if storage <= available {
            return Ok(());
        }
        Err(Error::Limit {
            operation: "compiling a kernel",
            limit: "max_storage_buffers_per_shader_stage",
            needed: storage,
            available,
        })
    }

    #[cfg(not(debug_assertions))]
    fn compiled_or_shared(&self, variant: &Variant) -> Result<Arc<Pipeline>> {
        self.compile(variant, link(variant)).map(Arc::new)
    }

    #[cfg(debug_assertions)]
    fn compiled_or_shared(&self, variant: &Variant) -> Result<Arc<Pipeline>> {
        let mut source = link(variant);
        if let Some((mutation, kernels)) = &self.shared.mutation {
            let mutated = link_mutated(variant, mutation);
            if mutated == source {
                return kernels.pipeline(variant);
            }
            source = mutated;
        }
        self.compile(variant, source).map(Arc::new)
    }

    fn compile(&self, variant: &Variant, source: String) -> Result<Pipeline> {
        let device = &self.shared.device;
        let label = variant.to_string();
        let bindings = bindings(variant);
        self.refuse_too_many(&bindings)?;
        log::debug!("compiling {label}");
        let custom = variant.custom_module();
        let compiled = guarded(device, "compiling a kernel", || {
            let of_others = custom.is_some_and(|custom| custom.has_loops());
            let module = trusted::create_module(device, &label, source.clone(), of_others);
            let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(&label),
                entries: &bindings.iter().map(layout_entry).collect::<Vec<_>>(),
            });
            let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(&label),
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(&label),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some(ENTRY_POINT),
                compilation_options: wgpu::PipelineCompilationOptions {
                    // The team modules write what they read.
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: self.shared.cache.as_ref(),
            });
            Pipeline { pipeline, layout, bindings: bindings.clone(), label: label.clone() }
        })
        .map_err(|error| match (error, custom) {
            (Error::Device { message, .. }, Some(custom)) => Error::Device {
                operation: custom.name,
                message: explain(&custom, &source).unwrap_or(message),
            },
            (error, _) => error,
        })?;
        // A lost device compiles nothing and says nothing.
        if is_lost(device) { Err(lost("compiling a kernel")) } else { Ok(compiled) }
    }
}

fn layout_entry(binding: &Binding) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding: binding.index,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: match binding.written {
                None => wgpu::BufferBindingType::Uniform,
                Some(written) => wgpu::BufferBindingType::Storage { read_only: !written },
            },
            has_dynamic_offset: false,
            min_binding_size: std::num::NonZeroU64::new(binding.bytes),
        },
        count: None,
    }
}
