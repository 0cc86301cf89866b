//! Several frames in one picture, one below the other, with text.

use embedded_graphics::text::Alignment;
use wgpu_loss::Totals;

use crate::panels::GUTTER;
use crate::picture::Picture;

/// Rows of a line of text.
const LINE: u32 = 20;

/// A frame that was read back.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Steps of training before it.
    pub number: u32,
    /// Its loss and the number of pixels that are right.
    pub totals: Totals,
    /// What it looks like.
    pub picture: Picture,
}

impl Frame {
    /// The share of pixels whose most likely class is the right one, in percent.
    pub fn percent_right(&self) -> f32 {
        100.0 * self.totals.correct as f32 / self.totals.counted.max(1) as f32
    }

    /// What stands above each panel.
    fn captions(&self) -> [String; 3] {
        [
            format!("step {}: {:.1} % right", self.number, self.percent_right()),
            format!("loss of each pixel: {:.3}", self.totals.loss),
            "entropy of each pixel".to_owned(),
        ]
    }
}

/// The panels of all frames below each other, then the curve of the last. `size`: of a panel.
/// `None` without frames.
pub fn strip(frames: &[Frame], [width, height]: [u32; 2]) -> Option<Picture> {
    let last = &frames.last()?.picture;
    let background = *last.pixels.first()?;
    let mut strip = Picture { width: last.width, height: 0, pixels: Vec::new() };
    for frame in frames {
        let y = strip.height;
        strip.extend(LINE, background);
        for (column, text) in (0..).zip(frame.captions()) {
            strip.write(&text, [GUTTER + column * (width + GUTTER), y + 5], Alignment::Left);
        }
        append(&mut strip, frame.picture.rows(GUTTER, GUTTER + height));
    }
    let curve = strip.height + GUTTER;
    append(&mut strip, last.rows(GUTTER + height, last.height));
    let steps = format!("loss of steps 0 to {}", frames.last()?.number);
    strip.write(&steps, [strip.width - 2 * GUTTER, curve + GUTTER], Alignment::Right);
    Some(strip)
}

fn append(strip: &mut Picture, rows: &[[u8; 3]]) {
    strip.pixels.extend_from_slice(rows);
    strip.height = (strip.pixels.len() / strip.width.max(1) as usize) as u32;
}
