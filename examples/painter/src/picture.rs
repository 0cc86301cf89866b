//! Pictures in host memory: text on them, and PNG files.

use std::convert::Infallible;
use std::io::{self, Write};

use embedded_graphics::mono_font::{MonoTextStyle, ascii::FONT_8X13};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};

/// The colour of text.
const INK: Rgb888 = Rgb888::new(214, 216, 230);

/// Pixels row by row from the top, red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height` pixels.
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// The rows from one to another.
    pub fn rows(&self, from: u32, to: u32) -> &[[u8; 3]] {
        let place = |row: u32| (row.min(self.height) * self.width) as usize;
        self.pixels.get(place(from)..place(to)).unwrap_or_default()
    }

    /// More rows below, all of one colour.
    pub fn extend(&mut self, rows: u32, colour: [u8; 3]) {
        self.height += rows;
        self.pixels.resize((self.width * self.height) as usize, colour);
    }

    /// Writes text with its upper edge at `y`: its left or right end or its middle at `x`.
    pub fn write(&mut self, text: &str, [x, y]: [u32; 2], alignment: Alignment) {
        let layout = TextStyleBuilder::new().baseline(Baseline::Top).alignment(alignment).build();
        let at = Point::new(x as i32, y as i32);
        let style = MonoTextStyle::new(&FONT_8X13, INK);
        let Ok(_) = Text::with_text_style(text, at, style, layout).draw(self);
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn encode(&self, out: impl Write) -> io::Result<()> {
        let mut encoder = png::Encoder::new(out, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(self.pixels.as_flattened())?;
        writer.finish()?;
        Ok(())
    }
}

impl OriginDimensions for Picture {
    fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }
}

impl DrawTarget for Picture {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else { continue };
            if x < self.width && y < self.height {
                self.pixels[(y * self.width + x) as usize] = [colour.r(), colour.g(), colour.b()];
            }
        }
        Ok(())
    }
}
