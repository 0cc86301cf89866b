//! What signals do: the program ends, without partial files; what was ignored when it began stays
//! ignored.

use crate::{output, pending};

/// Ends the program at once when it is interrupted, told to end, or loses its terminal. Called
/// before there are other threads.
#[cfg(unix)]
pub fn handle() {
    use std::thread;

    use nix::sys::signal::{SigSet, SigmaskHow, Signal};

    let blocked = SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty());
    let mut ending = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        if !system::is_ignored(signal) && !blocked.contains(signal) {
            ending.add(signal);
        }
    }
    // Every thread inherits what this one blocks, and the one below takes it. Past the limit of
    // file sizes, writing is an error then, and no end.
    let mut all = ending;
    all.add(Signal::SIGXFSZ);
    let _ = all.thread_block();
    let end = move || {
        if let Ok(signal) = ending.wait() {
            let _none_begins = pending::remove_all();
            // What a shell answers for a program that a signal ended.
            system::exit(128 + signal as i32);
        }
    };
    if ending != SigSet::empty()
        && let Err(error) = thread::Builder::new().name("signals".to_owned()).spawn(end)
    {
        let _ = ending.thread_swap_mask(SigmaskHow::SIG_UNBLOCK);
        output::note(format_args!("interruptions may leave temporary files behind: {error}"));
    }
}

/// The same of Ctrl-C and of closed windows.
#[cfg(not(unix))]
pub fn handle() {
    let handler = || {
        let _none_begins = pending::remove_all();
        std::process::exit(130);
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        output::note(format_args!("interruptions are not handled: {error}"));
    }
}

#[cfg(unix)]
mod system {
    #![allow(unsafe_code)]

    use std::mem::MaybeUninit;
    use std::ptr;

    use nix::libc;
    use nix::sys::signal::Signal;

    /// Whether nothing happens at this signal, as `nohup` and shells arrange for their children.
    pub fn is_ignored(signal: Signal) -> bool {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: without a new action, the call only writes the present one; zeros are an action,
        // too, where it fails.
        let action = unsafe {
            libc::sigaction(signal as i32, ptr::null(), action.as_mut_ptr());
            action.assume_init()
        };
        action.sa_sigaction == libc::SIG_IGN
    }

    /// Ends the program without running what libraries want to do at its end: their threads run on
    /// meanwhile.
    pub fn exit(code: i32) -> ! {
        // SAFETY: nothing runs after it.
        unsafe { libc::_exit(code) }
    }
}
