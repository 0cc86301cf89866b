//! The loss of each step, drawn as SVG.

use plotters::prelude::*;

use crate::failure::{Failure, Result};

const LINE: RGBColor = RGBColor(213, 94, 0);
const INK: RGBColor = RGBColor(40, 40, 40);
const PALE: RGBColor = RGBColor(225, 225, 225);
const FONT: &str = "sans-serif";

/// An SVG of the losses, from step 0 on.
///
/// # Errors
/// [`Failure::Picture`] for fewer than two losses, or where they cannot be drawn.
pub fn draw(losses: &[f32]) -> Result<String> {
    let finite = losses.iter().copied().filter(|loss| loss.is_finite());
    let most = finite.fold(0.0, f32::max);
    if losses.len() < 2 || most <= 0.0 {
        return Err(Failure::Picture(format!("{} losses up to {most}: no curve", losses.len())));
    }
    let mut text = String::new();
    paint(&mut text, losses, most).map_err(|error| Failure::Picture(error.to_string()))?;
    Ok(text)
}

type Painted = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn paint(text: &mut String, losses: &[f32], most: f32) -> Painted {
    let root = SVGBackend::with_string(text, (640, 320)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(0..losses.len() - 1, 0.0..1.05 * most)?;
    chart
        .configure_mesh()
        .bold_line_style(PALE)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style((FONT, 12).into_font().color(&INK))
        .y_label_formatter(&|loss| format!("{loss:.1}"))
        .x_desc("steps of training")
        .y_desc("mean cross-entropy of the pixels")
        .draw()?;
    let points = losses.iter().copied().enumerate().filter(|(_, loss)| loss.is_finite());
    chart.draw_series(LineSeries::new(points, LINE.stroke_width(2)))?;
    root.present()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_a_line_and_its_axes() {
        let svg = draw(&[2.0, 1.0, 0.5]).expect("a curve");
        assert!(svg.contains("<polyline") && svg.contains("steps of training"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        for losses in [&[][..], &[1.0], &[f32::NAN, f32::NAN]] {
            assert!(matches!(draw(losses), Err(Failure::Picture(_))), "{losses:?}");
        }
    }
}
