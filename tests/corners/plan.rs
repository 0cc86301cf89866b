//! Which combinations of length, place, layout, element type and reduction a row is run in.

use wgpu_loss::{Element, Reduction};

use super::widen::{Layout, Place};

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub classes: usize,
    pub place: Place,
    pub layout: Layout,
    pub element: Element,
    pub reduction: Reduction,
    /// Also without a gradient: on devices by turns, since that is another kernel to compile.
    pub without_gradient: bool,
}

/// How much of the plan an engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every length with every element type.
    Full,
    /// The same up to a thousand classes: for an engine that treats all lengths alike.
    Medium,
    /// For a device, where each new combination of options is a kernel to compile: lengths and
    /// element types take turns, so that every family meets every element type somewhere; and so do
    /// the device's engines, each with its share of the rows.
    Turns {
        /// Below [`SHARES`].
        share: usize,
    },
    /// For a device with time: every row of the table with every length and every element type.
    EveryFamily,
}

/// Numbers of classes for which the planner takes families and geometries apart: it looks at nothing
/// else.
const CLASSES: [usize; 6] = [3, 10, 100, 1000, 5000, 40_000];

/// Engines of a device that share the rows.
pub const SHARES: usize = 3;

/// The mean over all logits has the kernels of that over all rows.
const REDUCTIONS: [Reduction; 4] =
    [Reduction::None, Reduction::Sum, Reduction::Mean, Reduction::BatchMean];

impl Extent {
    /// What a device's engine runs: its turns, or everything where `WGPU_LOSS_EVERY_CORNER` is set.
    pub fn of_devices(share: usize) -> Self {
        match std::env::var_os("WGPU_LOSS_EVERY_CORNER") {
            Some(_) => Self::EveryFamily,
            None => Self::Turns { share },
        }
    }

    /// Whether what does not meet takes turns.
    pub fn takes_turns(self) -> bool {
        matches!(self, Self::Turns { .. })
    }

    /// Whether a row is another engine's at its turn: such that every engine comes to every length
    /// with every element type.
    pub fn leaves_out(self, turn: usize) -> bool {
        let lengths = CLASSES.len();
        let due = turn + turn / lengths + turn / (lengths * SHARES);
        matches!(self, Self::Turns { share } if due % SHARES != share)
    }

    /// Whether all layouts are run, and not one by turns.
    pub fn has_all_layouts(self) -> bool {
        matches!(self, Self::Full | Self::Medium)
    }

    /// The lengths at a row's turn.
    pub fn lengths(self, turn: usize) -> Vec<usize> {
        match self {
            Self::Full | Self::EveryFamily => CLASSES.to_vec(),
            Self::Medium => CLASSES[..4].to_vec(),
            Self::Turns { .. } => vec![CLASSES[turn % CLASSES.len()]],
        }
    }
}

/// The settings of a row at its turn. Three classes meet every element type, on the CPU every
/// layout and reduction besides; where they do not meet, they take turns.
pub fn settings(elements: &'static [Element], extent: Extent, turn: usize) -> Vec<Setting> {
    let lengths = extent.lengths(turn).into_iter();
    lengths.flat_map(|classes| of_classes(classes, elements, extent, turn)).collect()
}

fn of_classes(classes: usize, elements: &[Element], extent: Extent, turn: usize) -> Vec<Setting> {
    let is_full = extent.has_all_layouts();
    let layouts = Layout::ALL.len();
    let mut settings = Vec::new();
    for (e, &element) in elements.iter().enumerate() {
        let place = Place::ALL[(turn + turn / 4 + e) % Place::ALL.len()];
        let layout = Layout::ALL[(turn + e) % layouts];
        let reduction = REDUCTIONS[(turn / layouts + e) % REDUCTIONS.len()];
        let without_gradient = !extent.takes_turns() || turn.is_multiple_of(4);
        let setting = Setting { classes, place, layout, element, reduction, without_gradient };
        let is_due = e == turn / CLASSES.len() % elements.len();
        match classes {
            3 if is_full => {
                for layout in Layout::ALL {
                    let place = Place::First;
                    settings.extend(REDUCTIONS.map(|reduction| Setting {
                        layout,
                        place,
                        reduction,
                        ..setting
                    }));
                }
            }
            _ if extent.takes_turns() && !is_due => {}
            3 => settings.push(Setting { place: Place::First, ..setting }),
            _ => settings.push(setting),
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_comes_up() {
        for classes in CLASSES {
            let all: Vec<_> = (0..144)
                .flat_map(|turn| settings(&Element::ALL, Extent::Full, turn))
                .filter(|setting| setting.classes == classes)
                .collect();
            let has = |test: &dyn Fn(&Setting) -> bool| all.iter().any(test);
            for layout in Layout::ALL {
                for element in Element::ALL {
                    for reduction in REDUCTIONS {
                        assert!(has(&|s| s.layout == layout
                            && s.element == element
                            && s.reduction == reduction));
                    }
                }
            }
            let on_devices: Vec<_> = (0..144)
                .flat_map(|turn| settings(&Element::ALL, Extent::Turns { share: 0 }, turn))
                .filter(|setting| setting.classes == classes)
                .collect();
            for element in Element::ALL {
                assert!(on_devices.iter().any(|setting| setting.element == element));
            }
            for layout in Layout::ALL {
                assert!(on_devices.iter().any(|setting| setting.layout == layout));
            }
            for share in 0..SHARES {
                let extent = Extent::Turns { share };
                for element in Element::ALL {
                    let is_met = |turn: usize| {
                        let settings = settings(&Element::ALL, extent, turn);
                        let is_it = |s: &Setting| s.classes == classes && s.element == element;
                        !extent.leaves_out(turn) && settings.iter().any(is_it)
                    };
                    assert!((0..54).any(is_met), "{share} {classes} {element:?}");
                }
            }
            assert!(classes == 3 || Place::ALL.iter().all(|&place| has(&|s| s.place == place)));
        }
    }
}
