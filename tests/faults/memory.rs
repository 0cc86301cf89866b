//! Memory that is at an end.

#[cfg(target_os = "linux")]
#[test]
fn out_of_memory() {
    use std::process::Command;

    let _watchdog = crate::watchdog::watch();
    const CHILD: &str = "WGPU_LOSS_TEST_WITHOUT_MEMORY";
    if std::env::var_os(CHILD).is_some() {
        return without_memory();
    }
    // A process of its own: other tests need their memory.
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program)
        .args(["--exact", "memory::out_of_memory", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("3 calls ran out of memory"), "{said}\n{errors}");
}

/// Calls whose buffers no memory is left for.
#[cfg(target_os = "linux")]
fn without_memory() {
    use wgpu_loss::{CrossEntropy, Engine, Error, LogSumExp, Softmax};

    use crate::scene::{Batch, assert_works, own};

    let batch = Batch::new(64_000, 1000);
    let (logits, targets) = (batch.logits(), batch.targets());
    let mut results = vec![0f32; 64_000 * 1000];
    let mut refused = 0;
    for call in 0..3 {
        let gpu = own();
        assert_works(&gpu);
        let limit = limit_memory(48 << 20);
        let result = match call {
            0 => gpu.log_sum_exp(logits, &LogSumExp::default()).map(drop),
            1 => gpu.cross_entropy(logits, targets, &CrossEntropy::default()).map(drop),
            _ => gpu.softmax_into(logits, None, &Softmax::default(), &mut results),
        };
        set_limit(limit);
        let error = result.expect_err("there is no memory for it");
        // Of GL wgpu hears no more than that the device is lost.
        let is_gl = gpu.adapter_info().backend == wgpu_loss::wgpu::Backend::Gl;
        let is_lost = is_gl && matches!(error, Error::DeviceLost { .. });
        assert!(is_lost || matches!(error, Error::OutOfMemory { .. }), "{error:?}");
        refused += 1;
        // wgpu may have given the device up; the process goes on with a new one.
        let again = gpu.log_sum_exp(Batch::new(3, 5).logits(), &LogSumExp::default());
        assert!(matches!(again, Ok(_) | Err(Error::DeviceLost { .. })), "{again:?}");
        assert_works(&own());
    }
    println!("{refused} calls ran out of memory");
}

/// Leaves the process so many bytes of address space; the limit there was.
#[cfg(target_os = "linux")]
fn limit_memory(bytes: u64) -> libc::rlimit {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: u64 = pages.split(' ').next().and_then(|it| it.parse().ok()).expect("a number");
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given what they are to fill in.
    let page = unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &mut limit), 0);
        libc::sysconf(libc::_SC_PAGESIZE) as u64
    };
    set_limit(libc::rlimit { rlim_cur: pages * page + bytes, ..limit });
    limit
}

#[cfg(target_os = "linux")]
fn set_limit(limit: libc::rlimit) {
    // SAFETY: the call reads the limit.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}
