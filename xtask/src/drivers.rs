//! What lanes need beside a Vulkan driver: is it installed, and where?

use std::path::{Path, PathBuf};

use crate::adapter::Machine;

/// Folders of browsers whose Vulkan driver works for other programs as well.
const BROWSERS: [&str; 5] = [
    "/usr/lib/chromium",
    "/usr/lib/chromium-browser",
    "/usr/lib64/chromium-browser",
    "/opt/google/chrome",
    "/opt/chromium.org/chromium",
];

impl Machine {
    /// The manifest of Mesa's software driver.
    pub fn lavapipe(&self) -> Option<PathBuf> {
        let folders = self.manifest_folders();
        let manifests = folders.iter().flat_map(|folder| self.manifests(folder));
        let is_lavapipe = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("lvp_icd")
        };
        manifests.filter(|path| is_lavapipe(path)).find(|path| self.why_unusable(path).is_none())
    }

    /// The manifest of SwiftShader, which comes with Chromium.
    pub fn swiftshader(&self) -> Option<PathBuf> {
        let manifests =
            BROWSERS.iter().map(|folder| Path::new(folder).join("vk_swiftshader_icd.json"));
        let mut usable = manifests.filter(|path| self.at(path).is_file());
        usable.find(|path| self.why_unusable(path).is_none())
    }

    /// Whether OpenGL ES can be had without a display.
    pub fn has_gl(&self) -> bool {
        self.library("libEGL.so.1") && self.library("dri/swrast_dri.so")
    }

    /// Whether the Vulkan validation layer is there.
    pub fn has_validation_layer(&self) -> bool {
        let mut folders: Vec<PathBuf> = match self.variable("VK_LAYER_PATH") {
            Some(_) => self.paths("VK_LAYER_PATH").collect(),
            None => self.vulkan_folders("explicit_layer.d"),
        };
        folders.extend(self.paths("VK_ADD_LAYER_PATH"));
        let manifests = folders.iter().map(|folder| folder.join("VkLayer_khronos_validation.json"));
        manifests.filter(|path| self.at(path).is_file()).any(|path| {
            // Its library, which a manifest of a driver names alike.
            self.why_unusable(&path).is_none()
        })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::adapter::tests::Root;

    fn machine(root: &Root) -> Machine {
        Machine::fake(&root.0, &[])
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let root = Root::new();
        let machine = machine(&root);
        assert_eq!((machine.lavapipe(), machine.swiftshader()), (None, None));
        assert!(!machine.has_gl() && !machine.has_validation_layer());
    }

    #[test]
    fn lavapipe_is_told_from_other_drivers() {
        let root = Root::new().with_lavapipe();
        let found = machine(&root).lavapipe().expect("lavapipe");
        assert!(found.to_string_lossy().contains("lvp_icd"), "{found:?}");
        let root = Root::new().with(
            "/usr/share/vulkan/icd.d/lvp_icd.json",
            r#"{"ICD": {"library_path": "libvulkan_lvp.so"}}"#,
        );
        assert_eq!(machine(&root).lavapipe(), None, "its library is not there");
    }

    #[test]
    fn swiftshader_is_found_beside_its_manifest() {
        let manifest = "/usr/lib/chromium/vk_swiftshader_icd.json";
        let text = r#"{"ICD": {"library_path": "./libvk_swiftshader.so"}}"#;
        let root = Root::new().with(manifest, text);
        assert_eq!(machine(&root).swiftshader(), None);
        let root = root.with("/usr/lib/chromium/libvk_swiftshader.so", "");
        assert_eq!(machine(&root).swiftshader(), Some(PathBuf::from(manifest)));
    }

    #[test]
    fn gl_needs_egl_and_a_driver() {
        let root = Root::new().with("/usr/lib/x86_64-linux-gnu/libEGL.so.1", "");
        assert!(!machine(&root).has_gl());
        let root = root.with("/usr/lib/x86_64-linux-gnu/dri/swrast_dri.so", "");
        assert!(machine(&root).has_gl());
    }

    #[test]
    fn the_layer_is_found_where_the_loader_looks() {
        let text = r#"{"layer": {"library_path": "libVkLayer_khronos_validation.so"}}"#;
        let name = "VkLayer_khronos_validation.json";
        let library = "/usr/lib/libVkLayer_khronos_validation.so";
        let installed = format!("/usr/share/vulkan/explicit_layer.d/{name}");
        let root = Root::new().with(&installed, text);
        assert!(!machine(&root).has_validation_layer(), "its library is not there");
        let root = root.with(library, "");
        assert!(machine(&root).has_validation_layer());

        let root = Root::new().with(&format!("/layers/{name}"), text).with(library, "");
        assert!(!machine(&root).has_validation_layer());
        for variable in ["VK_LAYER_PATH", "VK_ADD_LAYER_PATH"] {
            let machine = Machine::fake(&root.0, &[(variable, "/layers")]);
            assert!(machine.has_validation_layer(), "{variable}");
        }
    }
}
