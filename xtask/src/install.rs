//! Making sure of an adapter: Mesa's software Vulkan driver where the machine has none.

use std::io::{self, IsTerminal};

use crate::adapter::{Machine, Vulkan};
use crate::commands::Step;
use crate::note;

/// Whether installing is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// As far as the machine allows it.
    Given,
    /// Only name what is missing.
    Never,
}

/// A distribution's way to install packages.
#[derive(Debug, PartialEq, Eq)]
struct Manager {
    /// The program.
    program: &'static str,
    /// Its arguments before the packages.
    install: &'static str,
    /// The software driver and the loader, under the distribution's names.
    packages: [&'static str; 2],
}

/// The ones we know. Debian's comes first: Debian packages the others' programs too.
const MANAGERS: [Manager; 5] = [
    Manager {
        program: "apt-get",
        install: "install",
        packages: ["mesa-vulkan-drivers", "libvulkan1"],
    },
    Manager {
        program: "dnf",
        install: "install",
        packages: ["mesa-vulkan-drivers", "vulkan-loader"],
    },
    Manager { program: "pacman", install: "-S", packages: ["vulkan-swrast", "vulkan-icd-loader"] },
    Manager { program: "apk", install: "add", packages: ["mesa-vulkan-swrast", "vulkan-loader"] },
    Manager { program: "zypper", install: "install", packages: ["libvulkan_lvp", "libvulkan1"] },
];

/// Why packages were not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It was not tried: without consent, without the rights, or without apt-get.
    Untried,
    /// It was tried.
    Failed,
}

/// How root's rights are had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    /// They're there.
    Root,
    /// By sudo, which doesn't ask.
    Sudo,
    /// By sudo, which asks for a password on the terminal.
    SudoAsking,
    /// Not at all.
    None,
}

/// Finds an adapter or installs one. The error is the advice to print.
pub fn ensure_adapter(machine: &Machine, consent: Consent) -> Result<(), String> {
    // Metal and DX12 come with the system.
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    ensure_vulkan(machine, consent, |step| step.run_quietly_on_stderr())
}

/// The part for Linux, with the runner of commands replaceable.
fn ensure_vulkan(
    machine: &Machine,
    consent: Consent,
    mut run: impl FnMut(&Step) -> bool,
) -> Result<(), String> {
    if let Some(backends) = machine.other_backend() {
        note(&format!("WGPU_BACKEND={backends}: not looking for Vulkan"));
        return Ok(());
    }
    let problem = match machine.vulkan() {
        Vulkan::Ready(drivers) => {
            note(&format!("Vulkan drivers: {}", drivers.join(", ")));
            return Ok(());
        }
        Vulkan::Misdirected { variable, rejected } => {
            let reasons = if rejected.is_empty() {
                "it names no driver".to_owned()
            } else {
                rejected.join("; ")
            };
            return Err(format!(
                "xtask: {variable} hides every Vulkan driver that works ({reasons}): \
                 unset or correct it"
            ));
        }
        Vulkan::Missing { loader, rejected } => describe(loader, &rejected),
    };
    note(&problem);

    let advice = advice(manager(machine));
    let what = "Mesa's Vulkan drivers, which need no GPU";
    match install_with(machine, consent, what, &MANAGERS[0].packages, &mut run) {
        Ok(()) => {}
        Err(Refusal::Untried) => return Err(advice),
        Err(Refusal::Failed) => return Err(format!("xtask: the installation failed\n{advice}")),
    }
    // The linker's cache was read before, but packages install into the standard folders.
    match machine.vulkan() {
        Vulkan::Ready(drivers) => {
            note(&format!("Vulkan drivers: {}", drivers.join(", ")));
            Ok(())
        }
        Vulkan::Missing { loader, rejected } => {
            Err(format!("xtask: installed, but {}", describe(loader, &rejected)))
        }
        Vulkan::Misdirected { variable, .. } => {
            Err(format!("xtask: installed, but {variable} hides it: unset it"))
        }
    }
}

/// The machine's way to install packages, if we know it.
fn manager(machine: &Machine) -> Option<&'static Manager> {
    MANAGERS.iter().find(|manager| machine.program(manager.program).is_some())
}

/// Installs packages of Debian's, where that can be done.
pub fn install(
    machine: &Machine,
    consent: Consent,
    what: &str,
    packages: &[&str],
) -> Result<(), Refusal> {
    install_with(machine, consent, what, packages, &mut |step| step.run_quietly_on_stderr())
}

/// The same, with the runner of commands replaceable.
fn install_with(
    machine: &Machine,
    consent: Consent,
    what: &str,
    packages: &[&str],
    run: &mut impl FnMut(&Step) -> bool,
) -> Result<(), Refusal> {
    // Only Debian's answers no question that the user should have been asked.
    let is_debian = manager(machine).is_some_and(|manager| manager.program == "apt-get");
    if consent == Consent::Never || !is_debian {
        return Err(Refusal::Untried);
    }
    let rights = rights(machine, io::stdin().is_terminal(), run);
    let [update, install] = apt_steps(rights, packages).ok_or(Refusal::Untried)?;
    note(&format!("installing {what}"));
    // One broken package source fails the update, not what it brought: the installation decides.
    if !run(&update) {
        note("the update failed: trying with the package lists that are there");
    }
    if run(&install) { Ok(()) } else { Err(Refusal::Failed) }
}

/// Says what is missing.
fn describe(loader: bool, rejected: &[String]) -> String {
    let mut text = match loader {
        true => "no Vulkan driver".to_owned(),
        false => "no Vulkan loader (libvulkan.so.1)".to_owned(),
    };
    if !rejected.is_empty() {
        text.push_str(&format!(" that works ({})", rejected.join("; ")));
    }
    text
}

/// What somebody can do about it.
fn advice(manager: Option<&Manager>) -> String {
    match manager {
        Some(Manager { program, install, packages: [driver, loader] }) => format!(
            "xtask: a Vulkan driver that needs no GPU can be installed, as root, with\n  \
             {program} {install} {driver} {loader}"
        ),
        None => "xtask: install the Vulkan loader (libvulkan.so.1) and a driver: \
                 Mesa's lavapipe needs no GPU"
            .to_owned(),
    }
}

/// Finds out how root's rights can be had; asking sudo whether it would ask is done by running it.
fn rights(machine: &Machine, terminal: bool, run: &mut impl FnMut(&Step) -> bool) -> Rights {
    if machine.is_root() {
        Rights::Root
    } else if machine.program("sudo").is_none() {
        Rights::None
    } else if run(&Step::new("sudo").arguments(["-n", "true"])) {
        Rights::Sudo
    } else if terminal {
        Rights::SudoAsking
    } else {
        Rights::None
    }
}

/// The update and the installation with apt-get, if the rights are there.
fn apt_steps(rights: Rights, packages: &[&str]) -> Option<[Step; 2]> {
    let prefix: &[&str] = match rights {
        Rights::Root => &[],
        Rights::Sudo => &["sudo", "-n"],
        Rights::SudoAsking => &["sudo"],
        Rights::None => return None,
    };
    // `env`, not our own environment, which sudo drops. The lock may be an unattended upgrade's.
    let apt =
        ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"];
    let step = |arguments: &[&str]| {
        let mut words = prefix.iter().chain(&apt).chain(arguments);
        Step::new(words.next().expect("apt's words")).arguments(words)
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    Some([step(&["update"]), step(&install)])
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::adapter::tests::Root;

    /// A machine of that kind of user that has these programs.
    fn machine(user: u32, programs: &[&str]) -> Root {
        let status = format!("Uid:\t{user}\t{user}\t{user}\t{user}\n");
        let root = Root::new().with("/proc/self/status", status);
        programs.iter().fold(root, |root, program| root.with(&format!("/usr/bin/{program}"), ""))
    }

    /// Ensures Vulkan there, with commands that succeed or not; also returns the commands.
    fn ensure(
        root: &Root,
        variables: &[(&str, &str)],
        consent: Consent,
        mut succeeds: impl FnMut(&str) -> bool,
    ) -> (Result<(), String>, Vec<String>) {
        let variables: Vec<_> = variables.iter().copied().chain([("PATH", "/usr/bin")]).collect();
        let mut ran = Vec::new();
        let result = ensure_vulkan(&Machine::fake(&root.0, &variables), consent, |step| {
            ran.push(step.to_string());
            succeeds(&step.to_string())
        });
        (result, ran)
    }

    /// Puts the driver there, as the real command would.
    fn install_into(root: &Root) {
        // The folder stays the first value's: this one must not remove it.
        std::mem::forget(Root(root.0.clone()).with_loader().with_lavapipe());
    }

    /// apt-get's commands as root.
    const UPDATE: &str =
        "env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 update";
    /// See [`UPDATE`].
    const INSTALL: &str = "env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 \
                           install -y --no-install-recommends mesa-vulkan-drivers libvulkan1";

    #[test]
    fn nothing_is_run_where_a_driver_is_installed() {
        let root = machine(0, &["apt-get"]).with_loader().with_lavapipe();
        assert_eq!(ensure(&root, &[], Consent::Given, |_| false), (Ok(()), vec![]));
    }

    #[test]
    fn nothing_is_run_for_another_backend() {
        let root = machine(0, &["apt-get"]);
        assert_eq!(
            ensure(&root, &[("WGPU_BACKEND", "gl")], Consent::Given, |_| false),
            (Ok(()), vec![])
        );
    }

    #[test]
    fn root_installs_with_apt() {
        let root = machine(0, &["apt-get", "sudo"]);
        let (result, ran) = ensure(&root, &[], Consent::Given, |command| {
            if command.contains("install -y") {
                install_into(&root);
            }
            true
        });
        assert_eq!(result, Ok(()));
        assert_eq!(ran, [UPDATE, INSTALL]);
    }

    #[test]
    fn a_failed_update_does_not_stop_the_installation() {
        let root = machine(0, &["apt-get"]);
        let (result, ran) = ensure(&root, &[], Consent::Given, |command| {
            install_into(&root);
            command != UPDATE
        });
        assert_eq!(result, Ok(()));
        assert_eq!(ran, [UPDATE, INSTALL]);
    }

    #[test]
    fn a_failed_installation_and_one_that_helps_nothing_are_errors() {
        let root = machine(0, &["apt-get"]);
        let (result, ran) = ensure(&root, &[], Consent::Given, |_| false);
        assert!(
            result
                .is_err_and(|text| text.contains("apt-get install mesa-vulkan-drivers libvulkan1"))
        );
        assert_eq!(ran, [UPDATE, INSTALL]);

        let (result, _) = ensure(&root, &[], Consent::Given, |_| true);
        assert!(result.is_err_and(|text| text.contains("installed, but no Vulkan loader")));
    }

    #[test]
    fn a_user_installs_with_sudo() {
        let root = machine(1000, &["apt-get", "sudo"]);
        let (_, ran) = ensure(&root, &[], Consent::Given, |_| true);
        assert_eq!(
            ran,
            ["sudo -n true", &format!("sudo -n {UPDATE}"), &format!("sudo -n {INSTALL}")]
        );
    }

    #[test]
    fn sudo_asks_only_on_a_terminal() {
        let root = machine(1000, &["sudo"]);
        let machine = Machine::fake(&root.0, &[("PATH", "/usr/bin")]);
        assert_eq!(rights(&machine, true, &mut |_: &Step| false), Rights::SudoAsking);
        assert_eq!(rights(&machine, false, &mut |_: &Step| false), Rights::None);
        let [update, _] = apt_steps(Rights::SudoAsking, &["package"]).expect("steps");
        assert_eq!(update.to_string(), format!("sudo {UPDATE}"));
    }

    #[test]
    fn without_rights_or_consent_the_packages_are_named() {
        let user = machine(1000, &["apt-get"]);
        let root = machine(0, &["apt-get"]);
        for (root, consent) in [(&user, Consent::Given), (&root, Consent::Never)] {
            let (result, ran) = ensure(root, &[], consent, |_| true);
            assert!(result.is_err_and(|text| {
                text.ends_with("apt-get install mesa-vulkan-drivers libvulkan1")
            }));
            assert!(ran.is_empty());
        }
    }

    #[test]
    fn other_managers_are_only_named() {
        for manager in &MANAGERS[1..] {
            let root = machine(0, &[manager.program, "sudo"]);
            let (result, ran) = ensure(&root, &[], Consent::Given, |_| true);
            assert!(result.is_err_and(
                |text| text.contains(manager.packages[0]) && text.contains(manager.packages[1])
            ));
            assert!(ran.is_empty());
        }
        let (result, _) = ensure(&machine(0, &[]), &[], Consent::Given, |_| true);
        assert!(result.is_err_and(|text| text.contains("lavapipe")));
    }

    #[test]
    fn a_misleading_variable_is_not_installed_away() {
        let root = machine(0, &["apt-get"]).with_loader().with_lavapipe();
        let (result, ran) =
            ensure(&root, &[("VK_ICD_FILENAMES", "/gone.json")], Consent::Given, |_| true);
        assert!(
            result
                .is_err_and(|text| text.contains("VK_ICD_FILENAMES") && text.contains("gone.json"))
        );
        assert!(ran.is_empty());
    }
}
