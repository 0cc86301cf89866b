//! How long the device takes, by its own clock where it has one.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use wgpu_loss::wgpu::{self, ComputePass, Features, PollType};
use wgpu_loss::{Error, Gpu};

use crate::failure::Result;

/// Submissions shorter than this are repeated inside one, so that a clock's granularity and the
/// cost of submitting stay small beside the work.
const SHORTEST: f64 = 0.02;

/// Most repetitions inside one submission.
const MOST_REPETITIONS: usize = 256;

/// The time of one repetition, over several submissions.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The median, in seconds.
    pub seconds: f64,
    /// Largest minus smallest, relative to the median.
    pub spread: f64,
    /// Submissions that were timed.
    pub runs: usize,
}

impl Timing {
    /// Of the times of single repetitions; there must be one.
    pub fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let (first, last) = (times[0], times[times.len() - 1]);
        let seconds = (times[(times.len() - 1) / 2] + times[times.len() / 2]) / 2.0;
        Self { seconds, spread: (last - first) / seconds.max(f64::MIN_POSITIVE), runs: times.len() }
    }
}

/// Times submissions to one device.
pub struct Timer {
    device: wgpu::Device,
    queue: wgpu::Queue,
    queries: Option<Queries>,
}

struct Queries {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    readable: wgpu::Buffer,
}

impl Timer {
    /// With the device's timestamps where it has them.
    pub fn new(gpu: &Gpu) -> Result<Self> {
        let (device, queue) = (gpu.device().clone(), gpu.queue().clone());
        let has = device.features().contains(Features::TIMESTAMP_QUERY);
        let queries =
            has.then(|| guarded(&device, "timestamps", || Queries::new(&device))).transpose()?;
        Ok(Self { device, queue, queries })
    }

    /// The clock, for people and for JSON.
    pub fn name(&self) -> &'static str {
        if self.queries.is_some() { "timestamp query" } else { "wall clock" }
    }

    /// Times what `record` records; it is told the repetition's number, to take turns between
    /// buffers.
    pub fn measure(
        &mut self,
        runs: usize,
        record: &mut dyn FnMut(&mut ComputePass<'_>, usize),
    ) -> Result<Timing> {
        // The first submission pays for pages and lazy compilation, so the second calibrates.
        self.submission(1, 0, record)?;
        let once = self.submission(1, 1, record)?;
        let repetitions = ((SHORTEST / once.max(1e-9)).ceil() as usize).clamp(1, MOST_REPETITIONS);
        let times = (0..runs.max(1))
            .map(|run| {
                let first = 2 + run * repetitions;
                Ok(self.submission(repetitions, first, record)? / repetitions as f64)
            })
            .collect::<Result<_>>()?;
        Ok(Timing::of(times))
    }

    fn submission(
        &mut self,
        repetitions: usize,
        first: usize,
        record: &mut dyn FnMut(&mut ComputePass<'_>, usize),
    ) -> Result<f64> {
        let queries = self.queries.as_ref();
        let device = &self.device;
        let wall = guarded(device, "benchmark", || {
            let mut encoder = device.create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some("benchmark"),
                timestamp_writes: queries.map(|queries| wgpu::ComputePassTimestampWrites {
                    query_set: &queries.set,
                    beginning_of_pass_write_index: Some(0),
                    end_of_pass_write_index: Some(1),
                }),
            });
            (first..first + repetitions).for_each(|repetition| record(&mut pass, repetition));
            drop(pass);
            if let Some(queries) = queries {
                encoder.resolve_query_set(&queries.set, 0..2, &queries.resolved, 0);
                encoder.copy_buffer_to_buffer(&queries.resolved, 0, &queries.readable, 0, 16);
            }
            let commands = encoder.finish();
            let start = Instant::now();
            self.queue.submit([commands]);
            wait(device).map(|()| start.elapsed())
        })??;
        let Some(queries) = &self.queries else {
            return Ok(wall.as_secs_f64());
        };
        let ticks = read(device, &queries.readable, 0, 16)?;
        let tick =
            |index: usize| ticks.as_chunks::<8>().0.get(index).map(|it| u64::from_le_bytes(*it));
        let (Some(begin), Some(end)) = (tick(0), tick(1)) else {
            return Ok(wall.as_secs_f64());
        };
        let ticks = end.saturating_sub(begin);
        let seconds = ticks as f64 * f64::from(self.queue.get_timestamp_period()) * 1e-9;
        // Drivers exist that answer 0, or times of another clock: then the wall clock it is.
        if ticks == 0 || seconds > 1.5 * wall.as_secs_f64() + 1e-3 {
            self.queries = None;
            return Ok(wall.as_secs_f64());
        }
        Ok(seconds)
    }
}

impl Queries {
    fn new(device: &wgpu::Device) -> Self {
        let buffer = |label, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: 16,
                usage,
                mapped_at_creation: false,
            })
        };
        Self {
            set: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("times"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            }),
            resolved: buffer(
                "resolved times",
                wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            ),
            readable: buffer(
                "readable times",
                wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            ),
        }
    }
}

/// Runs `work` and turns wgpu's errors, which would otherwise panic, into ours.
pub fn guarded<T>(
    device: &wgpu::Device,
    operation: &'static str,
    work: impl FnOnce() -> T,
) -> Result<T> {
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let value = work();
    let internal = pollster::block_on(internal.pop());
    let memory = pollster::block_on(memory.pop());
    let validation = pollster::block_on(validation.pop());
    if let Some(error) = memory {
        return Err(Error::OutOfMemory { operation, message: one_line(&error) }.into());
    }
    match validation.or(internal) {
        Some(error) => Err(Error::Device { operation, message: one_line(&error) }.into()),
        None => Ok(value),
    }
}

fn one_line(error: &impl ToString) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Waits for everything that was submitted.
pub fn wait(device: &wgpu::Device) -> Result<()> {
    let poll = PollType::Wait { submission_index: None, timeout: Some(Duration::from_secs(120)) };
    match device.poll(poll) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Device { operation: "waiting", message: one_line(&error) }.into()),
    }
}

/// The bytes of a mappable buffer.
pub fn read(
    device: &wgpu::Device,
    buffer: &wgpu::Buffer,
    offset: u64,
    length: u64,
) -> Result<Vec<u8>> {
    let fail = |error: &dyn ToString| Error::Device {
        operation: "reading back",
        message: one_line(&error.to_string()),
    };
    let slice = buffer.slice(offset..offset + length);
    let (sender, receiver) = mpsc::channel();
    slice.map_async(wgpu::MapMode::Read, move |result| {
        // Nobody listens any more only where waiting has failed already.
        let _ = sender.send(result);
    });
    wait(device)?;
    match receiver.try_recv() {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(fail(&error).into()),
        Err(error) => return Err(fail(&error).into()),
    }
    let bytes = slice.get_mapped_range().map_err(|error| fail(&error))?.to_vec();
    buffer.unmap();
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::Timing;

    #[test]
    fn median_and_spread() {
        let timing = Timing::of(vec![3.0, 1.0, 2.0]);
        assert_eq!((timing.seconds, timing.spread, timing.runs), (2.0, 1.0, 3));
        assert_eq!(Timing::of(vec![1.0, 3.0]).seconds, 2.0);
    }
}
