//! The painter without a window: what it computes and what it paints, on whatever adapter there is.

use std::collections::HashSet;
use std::sync::OnceLock;

use wgpu_loss::kernel::{Record, Word};
use wgpu_loss::{Engine, Logits, Targets, cpu};
use wgpu_loss_painter::device::Device;
use wgpu_loss_painter::headless::Headless;
use wgpu_loss_painter::offscreen::read_words;
use wgpu_loss_painter::painter::options;
use wgpu_loss_painter::panels::{GUTTER, canvas};
use wgpu_loss_painter::picture::Picture;
use wgpu_loss_painter::strip::{Frame, strip};
use wgpu_loss_painter::target::{CLASSES, labels};

const SIZE: [u32; 2] = [60, 40];
const PIXELS: usize = (SIZE[0] * SIZE[1]) as usize;
const FRAMES: u32 = 40;

/// What is left after a run.
struct Run {
    frames: Vec<Frame>,
    losses: Vec<f32>,
    /// `(1, CLASSES, height, width)`, those of the last frame.
    logits: Vec<f32>,
    rows: Vec<u32>,
    record: Record,
}

impl Run {
    fn new() -> Self {
        let device = Device::offscreen(None)
            .expect("these tests need an adapter: `cargo xtask test` installs one");
        let headless = Headless::new(device, SIZE, FRAMES).expect("a painter");
        let mut frames = Vec::new();
        let wanted = |number| number == 0 || number == FRAMES;
        let keep = |frame| {
            frames.push(frame);
            Ok(())
        };
        headless.run(wanted, keep).expect("frames");
        let words = |buffer| read_words(&headless.device, buffer).expect("a readback");
        Self {
            losses: headless.losses().expect("the losses"),
            logits: bytemuck::cast_vec(words(&headless.painter.network.logits)),
            rows: words(&headless.painter.rows),
            record: headless.painter.record,
            frames,
        }
    }

    /// One run for all tests that only look.
    fn shared() -> &'static Self {
        static RUN: OnceLock<Run> = OnceLock::new();
        RUN.get_or_init(Self::new)
    }

    fn last(&self) -> &Frame {
        self.frames.last().expect("a frame")
    }

    /// A word of each pixel's record.
    fn column(&self, word: Word) -> Vec<u32> {
        let place = self.record.place(word).expect("a word of the record") as usize;
        let records = self.rows.chunks_exact(self.record.words() as usize);
        records.map(|record| record[place]).collect()
    }
}

/// The `SIZE` pixels of a panel, the first at the left.
fn panel(picture: &Picture, column: u32) -> Vec<[u8; 3]> {
    let left = (GUTTER + column * (SIZE[0] + GUTTER)) as usize;
    let rows = picture.rows(GUTTER, GUTTER + SIZE[1]).chunks(picture.width as usize);
    rows.flat_map(|row| row[left..left + SIZE[0] as usize].iter().copied()).collect()
}

fn distinct(pixels: &[[u8; 3]]) -> usize {
    pixels.iter().collect::<HashSet<_>>().len()
}

#[test]
fn the_loss_falls_and_the_pixels_come_right() {
    let run = Run::shared();
    assert_eq!(run.losses.len(), FRAMES as usize + 1);
    let (first, last) = (run.losses[0], run.losses[FRAMES as usize]);
    assert!(first > 0.8 * (CLASSES as f32).ln(), "untrained: {first}");
    assert!(last < 0.5 * first, "{first} became {last}");
    let [before, after] = [&run.frames[0], run.last()].map(|frame| frame.totals.correct as usize);
    assert!(after > 2 * before && after > PIXELS / 2, "{before} right became {after}");
    assert_eq!([run.frames[0].totals.loss, run.last().totals.loss], [first, last]);
}

#[test]
fn the_loss_is_that_of_the_oracle() {
    let run = Run::shared();
    let classes = labels(SIZE);
    let logits = Logits::with_class_axis(&run.logits, 1, CLASSES, PIXELS).expect("logits");
    let expected = cpu::Oracle
        .cross_entropy(logits, Targets::classes(&classes), &options())
        .expect("the oracle");
    let totals = run.last().totals;
    assert!((totals.loss / expected.loss - 1.0).abs() < 2e-6, "{totals:?} {}", expected.loss);
    assert_eq!(totals.counted as usize, PIXELS);
    assert_eq!(Some(u64::from(totals.correct)), expected.correct.map(|correct| correct as u64));
    assert_eq!(Some(run.column(Word::Argmax)), expected.argmax);

    let of_pixels = |word| run.column(word).into_iter().map(f32::from_bits);
    let sum: f64 = of_pixels(Word::Loss).map(f64::from).sum();
    assert!((sum / PIXELS as f64 / f64::from(totals.loss) - 1.0).abs() < 1e-6, "{sum} {totals:?}");
    let entropy = expected.entropy.expect("the oracle's entropy");
    for (pixel, (found, expected)) in of_pixels(Word::Entropy).zip(entropy).enumerate() {
        assert!((found - expected).abs() < 1e-5, "pixel {pixel}: {found} {expected}");
    }
}

#[test]
fn every_panel_shows_something() {
    for frame in &Run::shared().frames {
        let [width, height] = canvas(SIZE);
        assert_eq!([frame.picture.width, frame.picture.height], [width, height]);
        let colours = [0, 1, 2].map(|column| distinct(&panel(&frame.picture, column)));
        assert!(colours[0] >= 4 && colours[1] > 50 && colours[2] > 50, "{colours:?}");
        let curve = frame.picture.rows(2 * GUTTER + SIZE[1], height - GUTTER);
        assert!(distinct(curve) > if frame.number == 0 { 1 } else { 20 });
        assert_eq!(distinct(frame.picture.rows(0, GUTTER)), 1, "the gutter");
    }
}

#[test]
fn the_class_map_is_the_argmax_of_the_logits() {
    let run = Run::shared();
    let map = panel(&run.last().picture, 0);
    let mut colours = [None; CLASSES];
    for (pixel, colour) in map.into_iter().enumerate() {
        let of_class = |class: &usize| run.logits[class * PIXELS + pixel];
        // The lowest class where several are the largest.
        let class = (0..CLASSES).rev().max_by(|a, b| of_class(a).total_cmp(&of_class(b)));
        let class = class.expect("a class");
        let known = *colours[class].get_or_insert(colour);
        assert_eq!(known, colour, "pixel {pixel} of class {class}");
    }
    let known: Vec<_> = colours.into_iter().flatten().collect();
    assert!(known.len() >= 4 && distinct(&known) == known.len(), "{known:?}");
}

#[test]
fn loss_and_entropy_are_brighter_where_they_are_larger() {
    let run = Run::shared();
    for (column, word) in [(1, Word::Loss), (2, Word::Entropy)] {
        let values: Vec<_> = run.column(word).into_iter().map(f32::from_bits).collect();
        let brightness: Vec<u32> = panel(&run.last().picture, column)
            .into_iter()
            .map(|[red, green, blue]| 2 * u32::from(red) + 5 * u32::from(green) + u32::from(blue))
            .collect();
        let mut order: Vec<usize> = (0..PIXELS).collect();
        order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
        let of = |pixels: &[usize]| pixels.iter().map(|pixel| brightness[*pixel]).sum::<u32>();
        let (least, most) = (of(&order[..PIXELS / 4]), of(&order[3 * PIXELS / 4..]));
        assert!(2 * most > 3 * least, "{word:?}: {least} {most}");
    }
}

#[test]
fn two_runs_have_the_same_bytes() {
    let (first, second) = (Run::shared(), Run::new());
    let png = |run: &Run| {
        let mut bytes = Vec::new();
        let strip = strip(&run.frames, SIZE).expect("frames");
        strip.encode(&mut bytes).expect("a PNG file");
        bytes
    };
    assert_eq!(first.logits, second.logits);
    assert_eq!(first.losses, second.losses);
    assert!(png(first) == png(&second), "the pictures differ");
}

#[test]
fn what_is_written_is_a_png_file_of_the_picture() {
    let picture = &Run::shared().last().picture;
    let mut bytes = Vec::new();
    picture.encode(&mut bytes).expect("a PNG file");
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a header");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    assert_eq!([info.width, info.height], [picture.width, picture.height]);
    assert!(pixels == picture.pixels.as_flattened());
}

#[test]
fn sizes_that_do_not_fit_are_errors() {
    let device = Device::offscreen(None)
        .expect("these tests need an adapter: `cargo xtask test` installs one");
    let error = Headless::new(device.clone(), [15, 3], 1).expect_err("45 pixels");
    assert_eq!(error.to_string(), "--size: expected a multiple of 4 pixels, found 15x3");
    let error = Headless::new(device, [1 << 16, 16], 1).expect_err("a texture too wide");
    assert!(error.to_string().contains("196640x"), "{error}");
    let error = Device::offscreen(Some("no such adapter")).expect_err("no adapter");
    assert!(error.to_string().contains("no such adapter"), "{error}");
}
