//! Is there a Vulkan driver? Answered from files, the way the Vulkan loader looks for them.
//!
//! wgpu would answer it better, but this runs before wgpu has been built.

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The loader, under the name that wgpu opens.
const LOADER: &str = "libvulkan.so.1";

/// Where libraries are besides the linker's cache; Debian's folders per architecture come on top.
const LIBRARY_FOLDERS: [&str; 7] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/run/opengl-driver/lib",
];

/// Drivers of hardware by the start of their manifest's name, and the device node they need.
const HARDWARE: [(&str, &str, &str); 6] = [
    ("amd", "/dev/dri", "renderD"),
    ("intel", "/dev/dri", "renderD"),
    ("nouveau", "/dev/dri", "renderD"),
    ("nvidia", "/dev", "nvidia"),
    ("radeon", "/dev/dri", "renderD"),
    ("virtio", "/dev/dri", "renderD"),
];

/// What the detection reads of a machine; a test puts a folder and a map in its place.
pub struct Machine {
    /// Stands for `/`.
    root: PathBuf,
    /// The environment.
    variables: HashMap<OsString, OsString>,
    /// What `ldconfig -p` prints, empty where it can't be asked.
    linker_cache: String,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Vulkan {
    /// The loader and at least one driver: the manifests' file names.
    Ready(Vec<String>),
    /// Not enough to go on.
    Missing {
        /// Whether the loader was found.
        loader: bool,
        /// Drivers that were found and can't work, with the reason.
        rejected: Vec<String>,
    },
    /// A variable limits the loader to drivers that can't work, so installing others wouldn't help.
    Misdirected {
        /// The variable.
        variable: &'static str,
        /// Its drivers, with the reason.
        rejected: Vec<String>,
    },
}

impl Machine {
    /// The machine this runs on.
    pub fn here() -> Self {
        // Debian keeps ldconfig out of an ordinary user's PATH.
        let linker_cache = ["ldconfig", "/sbin/ldconfig", "/usr/sbin/ldconfig"]
            .iter()
            .filter(|_| cfg!(target_os = "linux"))
            .find_map(|program| Command::new(program).arg("-p").output().ok())
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        Self { root: PathBuf::from("/"), variables: env::vars_os().collect(), linker_cache }
    }

    /// A variable, unless it's unset or empty.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// The first program of that name in `PATH`.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        self.paths("PATH")
            .map(|folder| folder.join(name))
            .find(|program| self.at(program).is_file())
    }

    /// Whether this process has the rights of root.
    pub fn is_root(&self) -> bool {
        let status = fs::read_to_string(self.at("/proc/self/status")).unwrap_or_default();
        // Real, effective, saved and file system's user: the second counts.
        status
            .lines()
            .find_map(|line| line.strip_prefix("Uid:"))
            .and_then(|users| users.split_whitespace().nth(1))
            .is_some_and(|effective| effective == "0")
    }

    /// The backends asked for with `WGPU_BACKEND`, when Vulkan isn't one of them.
    pub fn other_backend(&self) -> Option<String> {
        let asked = self.variable("WGPU_BACKEND")?.to_string_lossy().to_lowercase();
        let vulkan = asked.split(',').any(|backend| matches!(backend.trim(), "vulkan" | "vk"));
        (!vulkan).then_some(asked)
    }

    /// Looks for the loader and for drivers.
    pub fn vulkan(&self) -> Vulkan {
        let only = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]
            .into_iter()
            .find(|name| self.variable(name).is_some());
        let mut places: Vec<PathBuf> = match only {
            Some(name) => self.paths(name).collect(),
            None => self.manifest_folders(),
        };
        places.extend(self.paths("VK_ADD_DRIVER_FILES"));

        let mut usable = Vec::new();
        let mut rejected = Vec::new();
        for manifest in places.iter().flat_map(|place| self.manifests(place)) {
            let name = manifest.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match self.why_unusable(&manifest) {
                None => usable.push(name),
                Some(reason) => rejected.push(format!("{name}: {reason}")),
            }
        }

        let loader = self.library(LOADER);
        match only {
            _ if loader && !usable.is_empty() => Vulkan::Ready(usable),
            Some(variable) if usable.is_empty() => Vulkan::Misdirected { variable, rejected },
            _ => Vulkan::Missing { loader, rejected },
        }
    }

    /// The folders the loader reads drivers' manifests from, in its order.
    pub fn manifest_folders(&self) -> Vec<PathBuf> {
        self.vulkan_folders("icd.d")
    }

    /// The folders of one kind of manifests, in the loader's order.
    pub fn vulkan_folders(&self, kind: &str) -> Vec<PathBuf> {
        let home = |folder: &str| self.variable("HOME").map(|home| Path::new(home).join(folder));
        let one = |name: &str| self.variable(name).map(PathBuf::from);
        let several = |name: &str, default: &[&str]| -> Vec<PathBuf> {
            match self.variable(name) {
                Some(_) => self.paths(name).collect(),
                None => default.iter().map(PathBuf::from).collect(),
            }
        };

        let mut folders: Vec<PathBuf> = Vec::new();
        folders.extend(one("XDG_CONFIG_HOME").or_else(|| home(".config")));
        folders.extend(several("XDG_CONFIG_DIRS", &["/etc/xdg"]));
        folders.push(PathBuf::from("/etc"));
        folders.extend(one("XDG_DATA_HOME").or_else(|| home(".local/share")));
        folders.extend(several("XDG_DATA_DIRS", &[]));
        // Built into the loader, on top of what the variable says.
        folders.extend(["/usr/local/share", "/usr/share"].map(PathBuf::from));

        let mut unique: Vec<PathBuf> = Vec::new();
        for folder in folders {
            let folder = folder.join("vulkan").join(kind);
            if !unique.contains(&folder) {
                unique.push(folder);
            }
        }
        unique
    }

    /// The manifests at a place, which may be a folder of them or one of them.
    pub fn manifests(&self, place: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.at(place)) else {
            return if self.at(place).is_dir() { Vec::new() } else { self.named_manifest(place) };
        };
        let mut manifests: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| place.join(entry.file_name()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        manifests.sort();
        manifests
    }

    /// A manifest named by a variable: listed even where it doesn't exist, to be rejected by name.
    fn named_manifest(&self, path: &Path) -> Vec<PathBuf> {
        if path.extension().is_some_and(|extension| extension == "json") {
            vec![path.to_owned()]
        } else {
            Vec::new()
        }
    }

    /// Why the driver of a manifest can't work, where its files tell.
    pub fn why_unusable(&self, manifest: &Path) -> Option<String> {
        let Ok(text) = fs::read_to_string(self.at(manifest)) else {
            return Some("can't be read".to_owned());
        };
        let Some(library) = string_field(&text, "library_path") else {
            return Some("names no library".to_owned());
        };
        let found = if library.contains('/') {
            // An absolute path replaces the folder it's joined to.
            let folder = manifest.parent().unwrap_or(Path::new("/"));
            self.loadable(&folder.join(&library))
        } else {
            self.library(&library)
        };
        if !found {
            return Some(format!("its library {library} isn't there"));
        }
        let name = manifest.file_name().unwrap_or_default().to_string_lossy();
        let (_, folder, node) = HARDWARE.iter().find(|(driver, ..)| name.starts_with(driver))?;
        (!self.has_entry(folder, node)).then(|| format!("no {folder}/{node}*"))
    }

    /// Whether a folder has an entry whose name starts like this.
    fn has_entry(&self, folder: &str, start: &str) -> bool {
        fs::read_dir(self.at(folder)).is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(start))
        })
    }

    /// Whether the dynamic linker would find a library by its bare name.
    pub fn library(&self, name: &str) -> bool {
        let cached = self.linker_cache.lines().filter_map(|line| {
            let (entry, path) = line.split_once(" => ")?;
            (entry.split_whitespace().next() == Some(name)).then(|| PathBuf::from(path.trim()))
        });
        let standard = LIBRARY_FOLDERS.iter().map(PathBuf::from);
        let per_architecture = ["/lib", "/usr/lib"].into_iter().flat_map(|folder| {
            let entries = fs::read_dir(self.at(folder)).into_iter().flatten().flatten();
            entries
                .map(|entry| entry.file_name())
                .filter(|name| name.to_string_lossy().contains("-linux-"))
                .map(move |name| Path::new(folder).join(name))
        });
        let folders = self.paths("LD_LIBRARY_PATH").chain(standard).chain(per_architecture);
        folders.map(|folder| folder.join(name)).chain(cached).any(|path| self.loadable(&path))
    }

    /// Whether a library exists and isn't of the other word size, as Steam's 32-bit drivers are.
    fn loadable(&self, library: &Path) -> bool {
        let Ok(mut file) = File::open(self.at(library)) else {
            return false;
        };
        let mut header = [0; 5];
        let word = if cfg!(target_pointer_width = "64") { 2 } else { 1 };
        match file.read_exact(&mut header) {
            Ok(()) if header.starts_with(b"\x7fELF") => header[4] == word,
            // No header to judge by: existing has to do.
            _ => true,
        }
    }

    /// The paths in a variable.
    pub fn paths(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        let value = self.variable(name).unwrap_or_default().to_owned();
        let paths: Vec<PathBuf> =
            env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect();
        paths.into_iter()
    }

    /// Where a path of that machine is on this one.
    pub fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        match path.strip_prefix("/") {
            Ok(inside) => self.root.join(inside),
            Err(_) => path.to_owned(),
        }
    }
}

/// The first string called `name` in a JSON text: a whole parser would be most of this program.
fn string_field(json: &str, name: &str) -> Option<String> {
    let (_, after) = json.split_once(&format!("\"{name}\""))?;
    let quoted = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let mut text = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            // Paths need \/, \\ and \" only.
            '\\' => text.push(characters.next()?),
            character => text.push(character),
        }
    }
}

#[cfg(test)]
impl Machine {
    /// A machine made of a folder and variables.
    pub fn fake(root: &Path, variables: &[(&str, &str)]) -> Self {
        Self {
            root: root.to_owned(),
            variables: variables.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            linker_cache: String::new(),
        }
    }
}

#[cfg(all(test, unix))]
pub mod tests {
    use super::*;
    use std::process;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A folder that stands for `/` and goes with the value.
    pub struct Root(pub PathBuf);

    impl Root {
        /// An empty one.
        pub fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let unique = format!(
                "wgpu-loss-xtask-{}-{}",
                process::id(),
                COUNT.fetch_add(1, Ordering::Relaxed)
            );
            let folder = env::temp_dir().join(unique);
            fs::create_dir_all(&folder).expect("a temporary folder");
            Self(folder)
        }

        /// With one more file.
        pub fn with(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
            let path = self.0.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
            fs::write(path, contents).expect("a file");
            self
        }

        /// With the loader in Debian's place.
        pub fn with_loader(self) -> Self {
            self.with("/usr/lib/x86_64-linux-gnu/libvulkan.so.1", "")
        }

        /// With lavapipe as Debian installs it.
        pub fn with_lavapipe(self) -> Self {
            let library = "/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so";
            self.with(library, "")
                .with("/usr/share/vulkan/icd.d/lvp_icd.x86_64.json", manifest(library))
        }

        /// What's found there.
        fn vulkan(&self, variables: &[(&str, &str)]) -> Vulkan {
            Machine::fake(&self.0, variables).vulkan()
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            // A folder left behind in the system's temporary folder fails no test.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A driver's manifest.
    fn manifest(library: &str) -> String {
        format!(
            "{{\"file_format_version\": \"1.0.0\", \"ICD\": {{\n  \"library_path\" : \"{library}\"\n}}}}"
        )
    }

    /// Found, with one driver of that name.
    fn ready(name: &str) -> Vulkan {
        Vulkan::Ready(vec![name.to_owned()])
    }

    /// Not found.
    fn missing(loader: bool, rejected: &[&str]) -> Vulkan {
        Vulkan::Missing { loader, rejected: rejected.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn an_empty_machine_has_nothing() {
        assert_eq!(Root::new().vulkan(&[]), missing(false, &[]));
    }

    #[test]
    fn loader_and_driver_are_both_needed() {
        assert_eq!(Root::new().with_loader().vulkan(&[]), missing(true, &[]));
        assert_eq!(Root::new().with_lavapipe().vulkan(&[]), missing(false, &[]));
        assert_eq!(
            Root::new().with_loader().with_lavapipe().vulkan(&[]),
            ready("lvp_icd.x86_64.json")
        );
    }

    #[test]
    fn a_manifest_without_its_library_does_not_count() {
        let root = Root::new()
            .with_loader()
            .with("/etc/vulkan/icd.d/a.json", manifest("/opt/gone.so"))
            .with("/etc/vulkan/icd.d/b.json", manifest("libgone.so.0"))
            .with("/etc/vulkan/icd.d/c.json", "{}")
            .with("/etc/vulkan/icd.d/notes.txt", manifest("/opt/gone.so"));
        let reasons = [
            "a.json: its library /opt/gone.so isn't there",
            "b.json: its library libgone.so.0 isn't there",
            "c.json: names no library",
        ];
        assert_eq!(root.vulkan(&[]), missing(true, &reasons));
    }

    #[test]
    fn libraries_are_found_by_bare_name_relative_path_and_in_the_linker_s_cache() {
        let bare = Root::new().with_loader().with("/usr/lib64/libdriver.so", "");
        let bare = bare.with("/usr/local/share/vulkan/icd.d/d.json", manifest("libdriver.so"));
        assert_eq!(bare.vulkan(&[]), ready("d.json"));

        let relative = Root::new().with_loader().with("/usr/share/vulkan/lib/libdriver.so", "");
        let relative =
            relative.with("/usr/share/vulkan/icd.d/d.json", manifest("../lib/libdriver.so"));
        // The file system resolves the `..` only through a folder that exists.
        assert_eq!(relative.vulkan(&[]), ready("d.json"));

        let cached = Root::new().with_lavapipe().with("/opt/vulkan/libvulkan.so.1", "");
        let mut machine = Machine::fake(&cached.0, &[]);
        machine.linker_cache = "2 libs found in cache\n\
                                \tlibvulkan.so.1 (libc6,x86-64) => /opt/vulkan/libvulkan.so.1\n\
                                \tlibother.so.1 (libc6) => /opt/other.so.1\n"
            .to_owned();
        assert_eq!(machine.vulkan(), ready("lvp_icd.x86_64.json"));
        machine.linker_cache =
            "\tlibvulkan.so.1 (libc6,x86-64) => /opt/stale/libvulkan.so.1".to_owned();
        assert_eq!(machine.vulkan(), missing(false, &[]));
    }

    #[test]
    fn libraries_of_the_other_word_size_do_not_count() {
        let (own, other) = if cfg!(target_pointer_width = "64") { (2, 1) } else { (1, 2) };
        let root = |word| {
            Root::new()
                .with_lavapipe()
                .with("/usr/lib/libvulkan.so.1", [0x7f, b'E', b'L', b'F', word, 1])
        };
        assert_eq!(root(own).vulkan(&[]), ready("lvp_icd.x86_64.json"));
        assert_eq!(root(other).vulkan(&[]), missing(false, &[]));
    }

    #[test]
    fn drivers_of_hardware_need_their_device() {
        let root = Root::new()
            .with_loader()
            .with("/usr/lib/libdriver.so", "")
            .with("/usr/share/vulkan/icd.d/nvidia_icd.json", manifest("libdriver.so"))
            .with("/usr/share/vulkan/icd.d/radeon_icd.json", manifest("libdriver.so"));
        let reasons = ["nvidia_icd.json: no /dev/nvidia*", "radeon_icd.json: no /dev/dri/renderD*"];
        assert_eq!(root.vulkan(&[]), missing(true, &reasons));
        let root = root.with("/dev/nvidia0", "");
        assert_eq!(root.vulkan(&[]), ready("nvidia_icd.json"));
        let root = root.with("/dev/dri/renderD128", "");
        assert_eq!(
            root.vulkan(&[]),
            Vulkan::Ready(vec!["nvidia_icd.json".into(), "radeon_icd.json".into()])
        );
    }

    #[test]
    fn variables_point_elsewhere() {
        let root = Root::new()
            .with_loader()
            .with("/opt/d.so", "")
            .with("/opt/icd/d.json", manifest("/opt/d.so"));
        for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"] {
            assert_eq!(
                root.vulkan(&[(variable, "/nowhere.json:/opt/icd/d.json")]),
                ready("d.json"),
                "{variable}"
            );
            assert_eq!(
                root.vulkan(&[(variable, "/opt/icd")]),
                ready("d.json"),
                "{variable}: a folder"
            );
        }
        let root = root.with("/home/me/.local/share/vulkan/icd.d/mine.json", manifest("/opt/d.so"));
        assert_eq!(root.vulkan(&[("HOME", "/home/me")]), ready("mine.json"));
        assert_eq!(root.vulkan(&[("XDG_DATA_HOME", "/home/me/.local/share")]), ready("mine.json"));
        assert_eq!(
            root.vulkan(&[("XDG_DATA_DIRS", "/usr/share:/home/me/.local/share")]),
            ready("mine.json")
        );
        assert_eq!(root.vulkan(&[("HOME", "/home/you")]), missing(true, &[]));
    }

    #[test]
    fn a_variable_that_hides_every_driver_is_named() {
        let root = Root::new().with_loader().with_lavapipe();
        let rejected = vec!["gone.json: can't be read".to_owned()];
        let expected = Vulkan::Misdirected { variable: "VK_DRIVER_FILES", rejected };
        assert_eq!(root.vulkan(&[("VK_DRIVER_FILES", "/gone.json")]), expected);
        assert_eq!(root.vulkan(&[("VK_DRIVER_FILES", "")]), ready("lvp_icd.x86_64.json"));
    }

    #[test]
    fn backends_are_read_as_wgpu_reads_them() {
        let other =
            |value| Machine::fake(Path::new("/"), &[("WGPU_BACKEND", value)]).other_backend();
        assert_eq!(other("GL"), Some("gl".to_owned()));
        assert_eq!(other("gl, Vulkan"), None);
        assert_eq!(other("vk"), None);
        assert_eq!(other(""), None);
        assert_eq!(Machine::fake(Path::new("/"), &[]).other_backend(), None);
    }

    #[test]
    fn root_is_told_by_the_effective_user() {
        let root = |users| {
            Root::new()
                .with("/proc/self/status", format!("Name:\tx\nUid:\t{users}\nGid:\t0\t0\t0\t0\n"))
        };
        let (user, setuid) = (root("0\t1000\t0\t0"), root("1000\t0\t0\t0"));
        assert!(!Machine::fake(&user.0, &[]).is_root());
        assert!(Machine::fake(&setuid.0, &[]).is_root());
        assert!(!Machine::fake(&Root::new().0, &[]).is_root());
    }

    #[test]
    fn strings_are_read_out_of_json() {
        assert_eq!(
            string_field(r#"{"ICD":{"library_path":"a\/b\\c\"d"}}"#, "library_path"),
            Some("a/b\\c\"d".into())
        );
        assert_eq!(string_field(r#"{"library_path": 3}"#, "library_path"), None);
        assert_eq!(string_field(r#"{"library_path": "open"#, "library_path"), None);
    }
}
