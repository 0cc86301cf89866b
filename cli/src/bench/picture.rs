//! Percentages of the ceiling by number of classes, drawn.

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::document::Document;
use super::entry::{Entry, GPU};
use super::op::Op;
use crate::failure::{Failure, Result};
use crate::output::three;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Colours that are told apart without seeing colour well (Okabe and Ito).
const COLOURS: [(Op, RGBColor); 5] = [
    (Op::LogSumExp, RGBColor(86, 180, 233)),
    (Op::Forward, RGBColor(0, 114, 178)),
    (Op::Fused, RGBColor(213, 94, 0)),
    (Op::Backward, RGBColor(0, 158, 115)),
    (Op::FusedInPlace, RGBColor(204, 121, 167)),
];

const INK: RGBColor = RGBColor(40, 40, 40);
const PALE: RGBColor = RGBColor(225, 225, 225);
const FONT: &str = "sans-serif";
const PANEL: u32 = 430;
const HEAD: u32 = 62;
const FOOT: u32 = 56;

/// An SVG of the losses among the results: a panel for each element type, a line for each
/// operation, whole for the adapter and dashed for the CPU.
pub fn draw(document: &Document) -> Result<String> {
    let mut elements: Vec<&str> = Vec::new();
    for entry in document.results.iter().filter(|entry| colour(entry).is_some()) {
        if !elements.contains(&entry.element) {
            elements.push(entry.element);
        }
    }
    let width = 40 + PANEL * (elements.len().max(2) as u32);
    let mut text = String::new();
    let root = SVGBackend::with_string(&mut text, (width, HEAD + 380 + FOOT)).into_drawing_area();
    paint(&root, document, &elements).map_err(|error| Failure::Picture(error.to_string()))?;
    drop(root);
    Ok(text)
}

type Painted = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn paint(root: &Area<'_>, document: &Document, elements: &[&str]) -> Painted {
    root.fill(&WHITE)?;
    let (head, rest) = root.split_vertically(HEAD);
    let (panels, foot) = rest.split_vertically(380);
    let (title, about) = title(document);
    head.draw(&Text::new(title, (20, 14), (FONT, 19).into_font().color(&INK)))?;
    head.draw(&Text::new(about, (20, 40), (FONT, 13).into_font().color(&INK)))?;
    let losses: Vec<&Entry> = document.results.iter().filter(|it| colour(it).is_some()).collect();
    let fractions = losses.iter().filter_map(|entry| entry.fraction_of_ceiling);
    let most = (fractions.fold(1.0, f64::max) * 10.0).ceil() * 10.0;
    let classes = losses.iter().map(|entry| entry.classes as f64);
    let range =
        (classes.clone().fold(10.0, f64::min) / 1.5)..(classes.fold(1000.0, f64::max) * 1.5);
    let columns = elements.len().max(1);
    for (panel, element) in panels.split_evenly((1, columns)).iter().zip(elements) {
        let of_element = losses.iter().copied().filter(|entry| entry.element == *element);
        self::panel(panel, element, &of_element.collect::<Vec<_>>(), range.clone(), most)?;
    }
    legend(&foot, &losses)?;
    root.present()
}

/// What was measured, and what the percentages are of.
fn title(document: &Document) -> (String, String) {
    let of = |ceilings: Option<&super::ceiling::Ceilings>, name: &str| {
        ceilings.map(|it| {
            let [read, copy] = [&it.read, &it.copy].map(|it| three(it.gigabytes_per_second));
            format!("{name} reads {read} and copies {copy} GB/s")
        })
    };
    let adapter = document.adapter.as_deref().unwrap_or("cpu::Fast");
    let ceilings = [
        of(document.ceilings.as_ref(), "the adapter"),
        of(
            document.host.ceilings.as_ref(),
            &format!("the CPU ({} threads)", document.host.threads),
        ),
    ];
    let ceilings: Vec<_> = ceilings.into_iter().flatten().collect();
    (
        format!("{adapter}: how much of its memory bandwidth the losses reach"),
        format!("of the least bytes that must move; in the same run {}", ceilings.join(", ")),
    )
}

fn panel(
    area: &Area<'_>,
    element: &str,
    entries: &[&Entry],
    classes: std::ops::Range<f64>,
    most: f64,
) -> Painted {
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_left(14)
        .margin_right(16)
        .caption(format!("{element} logits"), (FONT, 15).into_font().color(&INK))
        .x_label_area_size(42)
        .y_label_area_size(48)
        .build_cartesian_2d(classes.log_scale(), 0.0..most)?;
    chart
        .configure_mesh()
        .bold_line_style(PALE)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style((FONT, 12).into_font().color(&INK))
        .x_labels(7)
        .x_label_formatter(&|classes| short(*classes))
        .y_label_formatter(&|percent| format!("{percent:.0} %"))
        .x_desc("classes")
        .y_desc("share of the ceiling")
        .draw()?;
    for (op, colour) in COLOURS {
        for is_gpu in [false, true] {
            let of_line =
                |entry: &&&Entry| entry.op == op.name() && (entry.engine == GPU) == is_gpu;
            let point =
                |entry: &&Entry| Some((entry.classes as f64, 100.0 * entry.fraction_of_ceiling?));
            let (rows, side_by_side): (Vec<_>, Vec<_>) =
                entries.iter().filter(of_line).partition(|entry| entry.inner == 1);
            let mut points: Vec<(f64, f64)> = rows.into_iter().filter_map(point).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            if is_gpu {
                chart.draw_series(
                    LineSeries::new(points, colour.filled().stroke_width(2)).point_size(3),
                )?;
            } else {
                let style = colour.stroke_width(1);
                let circles = points.iter().map(|point| Circle::new(*point, 2, style));
                chart.draw_series(circles)?;
                chart.draw_series(DashedLineSeries::new(points, 5, 4, style))?;
            }
            let apart = side_by_side.into_iter().filter_map(point);
            let corners = [(0, -5), (5, 0), (0, 5), (-5, 0), (0, -5)];
            for point in apart {
                let at = EmptyElement::at(point);
                if is_gpu {
                    let diamond = Polygon::new(corners.to_vec(), colour.filled());
                    chart.draw_series([at + diamond])?;
                } else {
                    chart.draw_series([at + PathElement::new(corners, colour.stroke_width(1))])?;
                }
            }
        }
    }
    Ok(())
}

/// What colours, dashes and marks mean.
fn legend(area: &Area<'_>, losses: &[&Entry]) -> Painted {
    let font = || (FONT, 13).into_font().color(&INK);
    let mut x = 62;
    for (op, colour) in COLOURS {
        if !losses.iter().any(|entry| entry.op == op.name()) {
            continue;
        }
        let name = op.name().trim_end_matches(" forward").replace("cross-entropy", "CE");
        let name = if op == Op::Forward { "cross-entropy (CE)".to_owned() } else { name };
        area.draw(&PathElement::new([(x, 12), (x + 24, 12)], colour.stroke_width(3)))?;
        area.draw(&Text::new(name.clone(), (x + 30, 6), font()))?;
        x += 60 + 7 * name.len() as i32;
    }
    area.draw(&PathElement::new([(62, 36), (86, 36)], INK.stroke_width(2)))?;
    area.draw(&Text::new("the adapter, of its ceiling", (92, 30), font()))?;
    area.draw(&DashedPathElement::new([(292, 36), (316, 36)], 5, 4, INK))?;
    area.draw(&Text::new("cpu::Fast, of the CPU's", (322, 30), font()))?;
    if losses.iter().any(|entry| entry.inner > 1) {
        let diamond = [(502, 31), (507, 36), (502, 41), (497, 36)];
        area.draw(&Polygon::new(diamond.to_vec(), INK.filled()))?;
        area.draw(&Text::new("classes in the middle, as (N, C, H, W)", (516, 30), font()))?;
    }
    Ok(())
}

fn colour(entry: &Entry) -> Option<RGBColor> {
    COLOURS.iter().find(|(op, _)| op.name() == entry.op).map(|(_, colour)| *colour)
}

/// A power of ten without its zeros.
fn short(classes: f64) -> String {
    match classes {
        it if it >= 999_999.5 => format!("{:.0}M", it / 1e6),
        it if it >= 999.5 => format!("{:.0}k", it / 1e3),
        it => format!("{it:.0}"),
    }
}
