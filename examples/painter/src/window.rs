//! The frames in a window, trained one step each; after the last step the picture stays.

use std::sync::Arc;

use wgpu_loss::wgpu::{self, CurrentSurfaceTexture};
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoop};
use winit::window::{Window, WindowId};

use crate::device::{Device, backends};
use crate::failure::{Failure, Result, catching};
use crate::painter::Painter;
use crate::panels;

/// Opens the window and draws until it is closed.
///
/// # Errors
/// Where there is no display, no adapter that can draw to it, or the device fails.
pub fn run(adapter: Option<&str>, size: [u32; 2], frames: u32) -> Result<()> {
    let events = EventLoop::new().map_err(|error| Failure::device("opening a display", error))?;
    let mut application = Application {
        adapter: adapter.map(str::to_owned),
        size,
        frames,
        shown: None,
        failure: None,
    };
    let outcome = events.run_app(&mut application);
    match application.failure {
        Some(failure) => Err(failure),
        None => outcome.map_err(|error| Failure::device("running the window", error)),
    }
}

/// What was asked for, and what is shown once there is a window.
struct Application {
    adapter: Option<String>,
    size: [u32; 2],
    frames: u32,
    shown: Option<Shown>,
    failure: Option<Failure>,
}

/// A window and what is drawn into it.
struct Shown {
    window: Arc<Window>,
    surface: wgpu::Surface<'static>,
    configuration: wgpu::SurfaceConfiguration,
    device: Device,
    painter: Painter,
    /// Forward passes so far.
    count: u32,
}

impl Application {
    /// Ends the loop where something failed.
    fn check(&mut self, events: &ActiveEventLoop, outcome: Result<()>) {
        if let Err(failure) = outcome {
            self.failure = Some(failure);
            events.exit();
        }
    }
}

impl ApplicationHandler for Application {
    fn resumed(&mut self, events: &ActiveEventLoop) {
        if self.shown.is_none() {
            let outcome = Shown::open(events, self.adapter.as_deref(), self.size, self.frames);
            let outcome = outcome.map(|shown| self.shown = Some(shown));
            self.check(events, outcome);
        }
    }

    fn window_event(&mut self, events: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        let Some(shown) = &mut self.shown else { return };
        let outcome = match event {
            WindowEvent::CloseRequested => {
                events.exit();
                Ok(())
            }
            WindowEvent::Resized(size) => shown.resize(size),
            WindowEvent::RedrawRequested => shown.draw(self.frames),
            _ => Ok(()),
        };
        self.check(events, outcome);
    }
}

impl Shown {
    fn open(
        events: &ActiveEventLoop,
        adapter: Option<&str>,
        size: [u32; 2],
        frames: u32,
    ) -> Result<Self> {
        let [width, height] = panels::canvas(size);
        let attributes = Window::default_attributes()
            .with_title("wgpu-loss painter: classes, loss, entropy")
            .with_inner_size(PhysicalSize::new(width, height));
        let window = events
            .create_window(attributes)
            .map_err(|error| Failure::device("opening a window", error))?;
        let window = Arc::new(window);
        let display = Box::new(events.owned_display_handle());
        let mut descriptor = wgpu::InstanceDescriptor::new_with_display_handle_from_env(display);
        descriptor.backends = backends();
        let instance = wgpu::Instance::new(descriptor);
        let surface = instance
            .create_surface(Arc::clone(&window))
            .map_err(|error| Failure::device("drawing into a window", error))?;
        let device = Device::open(&instance, Some(&surface), adapter)?;

        let PhysicalSize { width, height } = window.inner_size();
        let unsupported = || Failure::device("drawing into a window", "the adapter cannot");
        let mut configuration = surface
            .get_default_config(&device.adapter, width.max(1), height.max(1))
            .ok_or_else(unsupported)?;
        // The colours are those of the screen already, so no other conversion is wanted.
        let formats = surface.get_capabilities(&device.adapter).formats;
        let plain = formats.into_iter().find(|format| !format.is_srgb());
        configuration.format = plain.unwrap_or(configuration.format);
        configuration.present_mode = wgpu::PresentMode::AutoVsync;
        let painter = catching(&device.device, || {
            surface.configure(&device.device, &configuration);
            let Device { device, queue, .. } = &device;
            Painter::new(device, queue, size, frames, configuration.format)
        })?;
        painter.resize(&device.queue, [configuration.width, configuration.height]);
        window.request_redraw();
        Ok(Self { window, surface, configuration, device, painter, count: 0 })
    }

    fn resize(&mut self, size: PhysicalSize<u32>) -> Result<()> {
        if size.width == 0 || size.height == 0 {
            return Ok(()); // minimised: nothing is drawn
        }
        self.configuration.width = size.width;
        self.configuration.height = size.height;
        self.painter.resize(&self.device.queue, [size.width, size.height]);
        self.configure()?;
        self.window.request_redraw();
        Ok(())
    }

    fn configure(&self) -> Result<()> {
        catching(&self.device.device, || {
            self.surface.configure(&self.device.device, &self.configuration);
            Ok(())
        })
    }

    fn draw(&mut self, frames: u32) -> Result<()> {
        let texture = match self.surface.get_current_texture() {
            CurrentSurfaceTexture::Success(texture)
            | CurrentSurfaceTexture::Suboptimal(texture) => texture,
            CurrentSurfaceTexture::Timeout | CurrentSurfaceTexture::Occluded => {
                self.window.request_redraw();
                return Ok(());
            }
            CurrentSurfaceTexture::Outdated | CurrentSurfaceTexture::Lost => {
                self.configure()?;
                self.window.request_redraw();
                return Ok(());
            }
            CurrentSurfaceTexture::Validation => {
                return Err(Failure::device("drawing into a window", "the surface is not valid"));
            }
        };
        let Device { device, queue, .. } = &self.device;
        let is_training = self.count <= frames;
        catching(device, || {
            let view = texture.texture.create_view(&Default::default());
            let mut encoder = device.create_command_encoder(&Default::default());
            if is_training {
                self.painter.record_training(&mut encoder);
            }
            self.painter.record_picture(&mut encoder, &view);
            queue.submit([encoder.finish()]);
            Ok(())
        })?;
        self.window.pre_present_notify();
        queue.present(texture);
        if is_training {
            self.count += 1;
            self.window.request_redraw();
        }
        Ok(())
    }
}
