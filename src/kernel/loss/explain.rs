//! What is wrong with a loss module of the caller's, told in the module's own lines and names.

use super::CustomModule;

/// What naga says of a kernel.
#[cfg(not(target_arch = "wasm32"))]
struct Message {
    /// The cause.
    text: String,
    /// Bytes of the kernel that it is about, and what they are.
    places: Vec<(std::ops::Range<usize>, String)>,
}

#[cfg(not(target_arch = "wasm32"))]
fn message(source: &str) -> Option<Message> {
    use naga::valid::{Capabilities, ValidationFlags, Validator};
    use std::error::Error;
    let module = match naga::front::wgsl::parse_str(source) {
        Ok(module) => module,
        Err(error) => {
            let label = |(span, label): (naga::Span, &str)| {
                span.to_range().map(|range| (range, label.to_owned()))
            };
            let places = error.labels().filter_map(label).collect();
            return Some(Message { text: error.message().to_owned(), places });
        }
    };
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::all());
    let error = validator.validate(&module).err()?;
    let places = error
        .spans()
        .filter_map(|(span, label)| span.to_range().map(|range| (range, label.clone())))
        .collect();
    // The innermost error is the cause.
    let mut cause: &dyn Error = error.as_inner();
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Some(Message { text: cause.to_string(), places })
}

/// What is wrong with a kernel that the device refused, if its module of the caller's is: beginning
/// with the line. `None`: naga sees nothing wrong.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn explain(custom: &CustomModule, source: &str) -> Option<String> {
    use crate::kernel::wgsl::line_at;
    let Message { text, places } = message(source)?;
    let text = CustomModule::in_names_of_the_callers(&text);
    let renamed = custom.renamed();
    let start = source.rfind(&renamed.text)?;
    let end = start + renamed.text.len();
    // Errors name the function around them, too: the narrowest place is the cause's.
    let in_module = places
        .iter()
        .filter(|(range, _)| (start..=end).contains(&range.start))
        .min_by_key(|(range, _)| range.len());
    let Some((range, label)) = in_module else {
        return Some(format!(
            "its WGSL does not fit where `loss_of(x: f32, t: f32, third: f32) -> Loss` is called: {text}"
        ));
    };
    let (number, line) = line_at(custom.wgsl, renamed.original(range.start - start));
    let label = CustomModule::in_names_of_the_callers(label);
    let label = match label.is_empty() || label.starts_with("naga::") || text.contains(&label) {
        true => String::new(),
        false => format!(" ({label})"),
    };
    Some(format!("line {number} of its WGSL: {text}{label}: `{line}`"))
}

/// On the web errors of modules go to the device's handler.
#[cfg(target_arch = "wasm32")]
pub(crate) fn explain(_: &CustomModule, _: &str) -> Option<String> {
    None
}
