//! Segments of rows of `eval reduce`.

use std::borrow::Cow;

use wgpu_loss::Segments;

use crate::eval::layout::Layout;
use crate::eval::role::Role;
use crate::eval::source::Named;
use crate::eval::tensor::Indices;
use crate::failure::Result;

/// Segments as the file has them.
pub enum FileSegments<'a> {
    /// Where they begin and end.
    Offsets(Cow<'a, [u32]>),
    /// The segment of each row.
    Ids(Cow<'a, [i32]>, usize),
}

impl<'a> FileSegments<'a> {
    /// Reads offsets.
    pub fn offsets(named: &'a Named<'_>) -> Result<Self> {
        let operand = named.operand(Role::SegmentOffsets)?;
        let offsets = match operand.indices()? {
            Some(Indices::U32(offsets)) => offsets,
            Some(other) => convert(&other, i64::MIN, "segment offset")
                .map_err(|message| operand.fail(&message))?,
            None => return Err(operand.fail("expected integers")),
        };
        Ok(Self::Offsets(offsets))
    }

    /// Reads ids; `segments` defaults to the largest and one.
    pub fn ids(named: &'a Named<'_>, segments: Option<usize>, layout: &Layout) -> Result<Self> {
        let operand = named.operand(Role::SegmentIds(layout))?;
        let ids: Cow<'_, [i32]> = match operand.indices()? {
            Some(Indices::I32(ids)) => ids,
            // Whatever is below 0 belongs to no segment.
            Some(other) => convert(&other, i64::from(i32::MIN), "segment id")
                .map_err(|message| operand.fail(&message))?,
            None => return Err(operand.fail("expected integers")),
        };
        let largest = ids.iter().copied().max().unwrap_or(-1);
        let segments = segments.unwrap_or(usize::try_from(largest).map_or(0, |id| id + 1));
        Ok(Self::Ids(ids, segments))
    }

    /// As the library has them.
    pub fn library(&self) -> Segments<'_> {
        match self {
            Self::Offsets(offsets) => Segments::Offsets(offsets),
            Self::Ids(ids, segments) => Segments::Ids { ids, segments: *segments },
        }
    }
}

/// As another type, with those below `least` in its place.
fn convert<'a, T: Copy + TryFrom<i64>>(
    indices: &Indices<'_>,
    least: i64,
    what: &str,
) -> std::result::Result<Cow<'a, [T]>, String> {
    let indices = indices.classes();
    let each = (0..indices.len()).filter_map(|at| Some((at, indices.get(at)?)));
    each.map(|(at, index)| {
        T::try_from(index.max(least)).map_err(|_| format!("{what} {at} is {index}, out of range"))
    })
    .collect()
}
