//! A renderer that trains a network on the pixels it draws, with `wgpu-loss` in its frames.
//!
//! A network of two layers learns the class of each pixel from the pixel's coordinates. Each frame
//! is one encoder, on the renderer's own device and buffers: the network forward, to logits of
//! `(1, classes, height, width)`; the library's fused loss and gradient, with the loss, entropy and
//! most likely class of each pixel; the network backward and a step of Adam; and a render pass that
//! draws those straight from the storage buffers. Nothing is read back to be seen.
#![deny(unsafe_code)]

pub mod compute;
pub mod curve;
pub mod device;
pub mod failure;
pub mod files;
pub mod headless;
pub mod network;
pub mod offscreen;
pub mod painter;
pub mod panels;
pub mod picture;
mod start;
pub mod strip;
pub mod target;
#[cfg(feature = "window")]
pub mod window;
