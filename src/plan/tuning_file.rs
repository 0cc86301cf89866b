//! A tuning as a JSON file, with the adapter it was made on.

use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::{AdapterClass, SubgroupSizes, Tuning};
use crate::error::{Error, Result};

/// The version of the file's form.
const VERSION: u32 = 1;

/// Most bytes of a file; that of a full run has some ten thousand.
#[cfg(not(target_arch = "wasm32"))]
const MOST_BYTES: u64 = 1 << 20;

/// A measured [`Tuning`] as JSON, as `wgpu-loss tune` writes it: the form's `version`, the
/// `library` whose kernels were measured, the `adapter`, and the `tuning`, where `"any"` stands for
/// any number of classes.
///
/// ```
/// # fn main() -> wgpu_loss::Result<()> {
/// use wgpu_loss::plan::{AdapterClass, Capabilities, Tuning, TuningFile};
/// let info = wgpu_loss::wgpu::AdapterInfo::new(
///     wgpu_loss::wgpu::DeviceType::Cpu,
///     wgpu_loss::wgpu::Backend::Noop,
/// );
/// let capabilities = Capabilities::web_gpu(AdapterClass::Software);
/// let file = TuningFile::new(&info, &capabilities, Tuning::built_in(AdapterClass::Software));
/// let read = TuningFile::from_json(file.to_json()?.as_bytes())?;
/// assert_eq!(read.difference(&info, &capabilities), None);
/// assert_eq!(read.tuning, file.tuning); // for `Gpu::with_tuning` or `Kernels::with`
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningFile {
    version: u32,
    library: String,
    /// The adapter that was measured.
    pub adapter: TunedAdapter,
    /// The geometries.
    pub tuning: Tuning,
}

/// An adapter, as far as measured times depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunedAdapter {
    /// Its name.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// The interface wgpu reaches it through.
    pub backend: String,
    /// Its class.
    pub class: AdapterClass,
    /// Its subgroup sizes, where they could be used.
    pub subgroups: Option<SubgroupSizes>,
}

impl TuningFile {
    /// A tuning that was measured on this adapter, by this version of the library.
    pub(crate) fn of(adapter: TunedAdapter, tuning: Tuning) -> Self {
        let library = env!("CARGO_PKG_VERSION").to_owned();
        Self { version: VERSION, library, adapter, tuning }
    }

    /// What is another on this adapter than it was measured with.
    pub(crate) fn difference_from(&self, adapter: TunedAdapter) -> Option<String> {
        let here = Self::of(adapter, self.tuning.clone());
        let (there, here) = (self.parts(), here.parts());
        there.into_iter().zip(here).find_map(|((name, there), (_, here))| {
            (there != here).then(|| format!("made for {name} {there}, not {here}"))
        })
    }

    /// What has to be the same, by name.
    fn parts(&self) -> [(&'static str, String); 6] {
        let TunedAdapter { name, driver, backend, class, subgroups } = &self.adapter;
        [
            ("adapter", name.clone()),
            ("driver", driver.clone()),
            ("backend", backend.clone()),
            ("class", format!("{class:?}")),
            ("subgroups", format!("{subgroups:?}")),
            ("wgpu-loss", self.library.clone()),
        ]
    }

    /// Reads and validates.
    ///
    /// # Errors
    /// [`Error::Tuning`], which names the field, what was expected and what was found.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        // Another version may have other fields, so it is looked at alone.
        let head: Head = parse(json)?;
        if head.version != VERSION {
            return Err(Error::Tuning {
                place: PLACE.to_owned(),
                field: "version".to_owned(),
                expected: VERSION.to_string(),
                found: head.version.to_string(),
            });
        }
        let file: Self = parse(json)?;
        file.tuning.validate()?;
        Ok(file)
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`Error::Tuning`] where the tuning is not valid: nothing is written that cannot be read.
    pub fn to_json(&self) -> Result<String> {
        self.tuning.validate()?;
        let mut text = serde_json::to_string_pretty(self).map_err(|error| Error::Tuning {
            place: PLACE.to_owned(),
            field: "tuning".to_owned(),
            expected: "something that JSON can hold".to_owned(),
            found: error.to_string(),
        })?;
        text.push('\n');
        Ok(text)
    }

    /// Reads and validates a file.
    ///
    /// # Errors
    /// [`Error::Tuning`], which names the file and the field; [`Error::File`] where it cannot be
    /// read.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn load(path: &std::path::Path) -> Result<Self> {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|error| file_error("reading a tuning", path, &error))?;
        let found = bytes.len() as u64;
        let file = if found > MOST_BYTES {
            Err(Error::Tuning {
                place: PLACE.to_owned(),
                field: "size".to_owned(),
                expected: format!("at most {MOST_BYTES} bytes"),
                found: "more".to_owned(),
            })
        } else {
            Self::from_json(&bytes)
        };
        file.map_err(|error| match error {
            Error::Tuning { field, expected, found, .. } => {
                Error::Tuning { place: path.display().to_string(), field, expected, found }
            }
            other => other,
        })
    }

    /// Writes the file: whole, or not at all. A file that is replaced keeps its mode; a link stays
    /// one, and the file that it names is replaced; what is no file is written to as it is.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be written; as [`to_json`](Self::to_json).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn save(&self, path: &std::path::Path) -> Result<()> {
        let text = self.to_json()?;
        replace(path, text.as_bytes()).map_err(|error| file_error("writing a tuning", path, &error))
    }
}

/// Writes a file in one step.
#[cfg(not(target_arch = "wasm32"))]
fn replace(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::fs;
    use std::io::Write as _;
    let before = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return fs::write(path, bytes),
        // A link to nothing: nothing is lost on the way.
        Err(_) if path.is_symlink() => return fs::write(path, bytes),
        before => before.ok(),
    };
    let target = if before.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
    let folder = match target.parent() {
        Some(parent) if parent != std::path::Path::new("") => parent,
        _ => std::path::Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wgpu-loss-").suffix(".part");
    // A temporary file is its owner's alone; a new one becomes an ordinary file.
    #[cfg(unix)]
    if before.is_none() {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Some(before) = before {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// What stands for the file until its path is known.
const PLACE: &str = "tuning file";

#[cfg(not(target_arch = "wasm32"))]
fn file_error(operation: &'static str, path: &std::path::Path, error: &std::io::Error) -> Error {
    Error::File { operation, path: path.to_owned(), message: error.to_string() }
}

/// Something that a file says, which may have line breaks and worse in it.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => printable.extend(character.escape_debug()),
            false => printable.push(character),
        }
    }
    printable
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let refused = |field: String, found: serde_json::Error| Error::Tuning {
        place: PLACE.to_owned(),
        // Where the whole is at fault, or ends too early.
        field: match field.as_str() {
            "." | "?" => "document".to_owned(),
            field => printable(field),
        },
        expected: "a tuning in JSON".to_owned(),
        found: printable(&found.to_string()),
    };
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| refused(error.path().to_string(), error.into_inner()))?;
    deserializer.end().map_err(|error| refused(".".to_owned(), error))?;
    Ok(value)
}

/// The largest number an entry is for: `"any"` is no limit, which JSON's readers cannot round.
pub(crate) mod limit {
    use super::*;

    const ANY: &str = "any";

    pub(crate) fn serialize<S: Serializer>(
        limit: &u64,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        match *limit {
            u64::MAX => serializer.serialize_str(ANY),
            limit => serializer.serialize_u64(limit),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<u64, D::Error> {
        deserializer.deserialize_any(Limit)
    }

    struct Limit;

    impl Visitor<'_> for Limit {
        type Value = u64;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "a number or {ANY:?}")
        }

        fn visit_u64<E: serde::de::Error>(self, value: u64) -> std::result::Result<u64, E> {
            Ok(value)
        }

        fn visit_str<E: serde::de::Error>(self, value: &str) -> std::result::Result<u64, E> {
            match value {
                ANY => Ok(u64::MAX),
                other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
            }
        }
    }
}
