//! Where the three values of a row lie, how its weights are given, and how it is reduced.

use wgpu_loss::{Axis, Element, Shape};

use super::row::Row;
use crate::plan::Extent;
use crate::widen::{Layout, Place};

/// Rows or columns beside each other.
const BESIDE: usize = 4;

/// How weights are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    None,
    PerElement,
    /// One for each of the values that are reduced: of each column, where rows are.
    Along,
    /// One for each result: of each row, where rows are reduced.
    Across,
}

/// One way to reduce a row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub axis: Axis,
    /// Whether all values are one column instead of one row.
    pub is_column: bool,
    pub length: usize,
    pub place: Place,
    pub layout: Layout,
    pub element: Element,
    pub weight_element: Element,
    pub form: Form,
    pub without_gradient: bool,
}

impl Setting {
    pub fn results(&self) -> usize {
        if self.axis == Axis::All { 1 } else { BESIDE }
    }

    /// Whether the values that are reduced lie in rows.
    pub fn is_along_rows(&self) -> bool {
        match self.axis {
            Axis::EachRow => true,
            Axis::EachColumn => false,
            Axis::All => !self.is_column,
        }
    }

    /// The result that an element is part of, and its place among those that are.
    pub fn place_of(&self, row: usize, column: usize) -> (usize, usize) {
        if self.is_along_rows() { (row, column) } else { (column, row) }
    }

    pub fn shape(&self) -> Shape {
        let (rows, columns) = match self.is_along_rows() {
            true => (self.results(), self.length),
            false => (self.length, self.results()),
        };
        match self.layout {
            // Pairs of rows.
            Layout::SideBySide if !rows.is_multiple_of(2) => {
                Layout::RowsWithGaps.shape(rows, columns)
            }
            layout => layout.shape(rows, columns),
        }
    }
}

/// The settings of a row at its turn: on devices one, elsewhere every axis and form at every length.
pub fn settings(row: &Row, extent: Extent, turn: usize) -> Vec<Setting> {
    let axes = [Axis::EachRow, Axis::EachColumn, Axis::All];
    let mut settings = Vec::new();
    for (l, length) in extent.lengths(turn).into_iter().enumerate() {
        let length = if row.others.is_some() { length } else { 3 };
        if l > 0 && row.others.is_none() {
            continue;
        }
        let forms = forms(row, length);
        for (a, axis) in axes.into_iter().enumerate() {
            for (f, &form) in forms.iter().enumerate() {
                for (e, &element) in row.elements.iter().enumerate() {
                    let at = turn + l + a + f + e;
                    // What does not meet takes turns.
                    let is_due = match extent {
                        Extent::Turns { .. } => {
                            a == turn % 3
                                && f == turn / 3 % forms.len()
                                && e == turn / 2 % row.elements.len()
                        }
                        _ if length == 3 => true,
                        _ if length > 1000 && (a != turn % 3 || f != turn / 3 % forms.len()) => {
                            false
                        }
                        _ => e == (turn + a + f) % row.elements.len(),
                    };
                    if is_due {
                        settings.push(Setting {
                            axis,
                            is_column: at % 2 == 1,
                            length,
                            place: match length {
                                3 => Place::First,
                                _ => Place::ALL[(at + turn / 4) % Place::ALL.len()],
                            },
                            layout: Layout::ALL[(at + turn / 3) % Layout::ALL.len()],
                            element,
                            weight_element: row.elements[(at + turn / 2) % row.elements.len()],
                            form,
                            without_gradient: !extent.takes_turns() || turn.is_multiple_of(4),
                        });
                    }
                }
            }
        }
    }
    settings
}

fn forms(row: &Row, length: usize) -> Vec<Form> {
    match row.weights {
        None => vec![Form::None],
        Some(_) if row.has_one_weight(length) => {
            vec![Form::PerElement, Form::Along, Form::Across]
        }
        Some(_) => vec![Form::PerElement, Form::Along],
    }
}
