//! The device, and buffers that betray what a kernel writes or reads where it should not.

use std::sync::{Arc, Mutex, OnceLock};

use bytemuck::Pod;
use wgpu_loss::wgpu::{
    self, Buffer, BufferDescriptor, BufferSlice, BufferUsages, CommandEncoder, MapMode, PollType,
};
use wgpu_loss::{Gpu, Step, runtime};

/// Stands wherever no kernel may write, and wherever one must: a NaN that no arithmetic makes, so
/// that reading it shows in a result and keeping it shows that nothing was written.
pub const POISON: u32 = 0x7fb1_c0de;

/// Usage of every operand of these tests.
pub const USAGE: BufferUsages =
    BufferUsages::STORAGE.union(BufferUsages::COPY_SRC).union(BufferUsages::COPY_DST);

/// Poisoned words behind an operand.
const CANARIES: usize = 64;

/// The device that all tests share, so that each kernel is compiled once.
pub fn gpu() -> Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(new_gpu).clone()
}

/// A device of the test's own.
pub fn new_gpu() -> Gpu {
    Gpu::new().expect(
        "these tests need an adapter; Mesa's software one will do \
         (Debian, Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1)",
    )
}

/// A device made through wgpu alone, with a record of the errors that no scope caught.
pub fn recorded_gpu() -> (Gpu, Arc<Mutex<Vec<String>>>) {
    let adapter = runtime::adapters().into_iter().next().expect("an adapter, as for Gpu::new");
    let (device, queue) =
        pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))
            .expect("a device with default limits");
    let uncaptured = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&uncaptured);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        record.lock().expect("no test panics here").push(error.to_string());
    }));
    (Gpu::from_device(device, queue).expect("default limits are enough"), uncaptured)
}

/// A range of a larger buffer that is poisoned all around.
#[derive(Debug)]
pub struct Memory {
    pub buffer: Buffer,
    /// What the buffer held at first.
    words: Vec<u32>,
    /// First word of the range.
    first: usize,
    /// Words of the range.
    count: usize,
}

impl Memory {
    /// `data` from byte `offset` on.
    pub fn of<T: Pod>(gpu: &Gpu, offset: u64, data: &[T]) -> Self {
        let data: &[u32] = bytemuck::cast_slice(data);
        let first = (offset / 4) as usize;
        let mut words = vec![POISON; first + data.len() + CANARIES];
        words[first..first + data.len()].copy_from_slice(data);
        Self::with_words(gpu, words, first, data.len())
    }

    fn with_words(gpu: &Gpu, words: Vec<u32>, first: usize, count: usize) -> Self {
        let buffer = gpu.device().create_buffer(&BufferDescriptor {
            label: Some("operand"),
            size: 4 * words.len() as u64,
            usage: USAGE,
            mapped_at_creation: true,
        });
        buffer
            .get_mapped_range_mut(..)
            .expect("a buffer mapped at creation")
            .slice(..)
            .copy_from_slice(bytemuck::cast_slice(&words));
        buffer.unmap();
        Self { buffer, words, first, count }
    }

    /// `count` poisoned words, and nothing around them.
    pub fn exact(gpu: &Gpu, count: usize) -> Self {
        Self::with_words(gpu, vec![POISON; count], 0, count)
    }

    /// `count` words for a kernel to write.
    pub fn poisoned(gpu: &Gpu, offset: u64, count: usize) -> Self {
        Self::of(gpu, offset, &vec![POISON; count])
    }

    /// The operand: exactly the range.
    pub fn slice(&self) -> BufferSlice<'_> {
        let start = 4 * self.first as u64;
        self.buffer.slice(start..start + 4 * self.count as u64)
    }

    /// The range as it is now, once everything around it is found untouched.
    pub fn read<T: Pod>(&self, gpu: &Gpu) -> Vec<T> {
        let found: Vec<u32> = read(gpu, &self.buffer, 0, 4 * self.words.len() as u64);
        let end = self.first + self.count;
        assert!(found[..self.first].iter().all(|&word| word == POISON), "written before it");
        assert!(found[end..].iter().all(|&word| word == POISON), "written behind it");
        bytemuck::pod_collect_to_vec(&found[self.first..end])
    }

    /// The same for a matrix of `classes` columns, once the gaps between its rows are found
    /// untouched too: the rows, without their gaps.
    pub fn read_rows(&self, gpu: &Gpu, classes: usize, stride: usize) -> Vec<f32> {
        let found: Vec<u32> = self.read(gpu);
        let mut rows = Vec::with_capacity(found.len());
        for row in found.chunks(stride) {
            let (row, gap) = row.split_at(classes);
            assert!(gap.iter().all(|&word| word == POISON), "written in a gap between rows");
            rows.extend(row.iter().map(|&word| f32::from_bits(word)));
        }
        rows
    }

    /// Puts other data into the range.
    pub fn write<T: Pod>(&self, gpu: &Gpu, data: &[T]) {
        assert_eq!(size_of_val(data), 4 * self.count);
        gpu.queue().write_buffer(&self.buffer, 4 * self.first as u64, bytemuck::cast_slice(data));
    }

    /// Whether nothing at all has changed.
    pub fn is_unchanged(&self, gpu: &Gpu) -> bool {
        self.read::<u32>(gpu) == self.words[self.first..self.first + self.count]
    }
}

/// Bytes of a buffer.
pub fn read<T: Pod>(gpu: &Gpu, buffer: &Buffer, offset: u64, bytes: u64) -> Vec<T> {
    let staging = gpu.device().create_buffer(&BufferDescriptor {
        label: Some("staging"),
        size: bytes,
        usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    submit(gpu, |encoder| encoder.copy_buffer_to_buffer(buffer, offset, &staging, 0, bytes));
    staging.map_async(MapMode::Read, .., |mapped| mapped.expect("staging is mapped"));
    gpu.device().poll(PollType::wait_indefinitely()).expect("the device answers");
    let view = staging.get_mapped_range(..).expect("staging is mapped");
    bytemuck::pod_collect_to_vec(&view)
}

/// Records into an encoder of its own and submits it.
pub fn submit(gpu: &Gpu, record: impl FnOnce(&mut CommandEncoder)) {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    record(&mut encoder);
    gpu.queue().submit([encoder.finish()]);
}

/// Records steps one after the other into one encoder, and submits it.
pub fn run(gpu: &Gpu, steps: &[&Step]) {
    submit(gpu, |encoder| steps.iter().for_each(|step| step.record(encoder)));
}
