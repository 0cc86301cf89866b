//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Trains a small network on the pixels it draws, and draws what it has learnt in every frame.
#[derive(Debug, Parser)]
#[command(name = "wgpu-loss-painter", version, about)]
pub struct Arguments {
    /// Steps of training, one a frame
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub frames: u32,

    /// Folder of the pictures: frame-00000.png and so on, strip.png and loss.svg
    #[arg(long, value_name = "FOLDER", default_value = "target/painter")]
    pub out: PathBuf,

    /// Write every Nth frame as a picture; 0: none
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub every: u32,

    /// The frames in strip.png, as far as they are drawn
    #[arg(long, value_name = "FRAME,...", value_delimiter = ',', default_value = "0,20,100,300")]
    pub strip: Vec<u32>,

    /// Size of a panel, 16 to 2048 pixels each way, the width by fours
    #[arg(long, value_name = "WxH", default_value = "224x148", value_parser = size)]
    pub size: [u32; 2],

    /// Use the adapter whose name contains this, in any case
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,

    /// Draw into a window, and write no pictures
    #[cfg(feature = "window")]
    #[arg(long)]
    pub window: bool,
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let parse = |part: &str| part.parse().ok().filter(|length| (16..=2048).contains(length));
    text.split_once('x')
        .and_then(|(width, height)| Some([parse(width)?, parse(height)?]))
        .filter(|[width, _]: &[u32; 2]| width.is_multiple_of(4))
        .ok_or_else(|| "expected WIDTHxHEIGHT, 16 to 2048 each, the width by fours".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_have_two_lengths() {
        assert_eq!(size("256x160"), Ok([256, 160]));
        for wrong in ["", "256", "x", "256x", "8x256", "256x5000", "258x160", "-16x16", "16x16x16"]
        {
            assert!(size(wrong).is_err(), "{wrong:?}");
        }
    }
}
