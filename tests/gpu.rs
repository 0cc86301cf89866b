//! The GPU against the oracle.
use wgpu_loss::runtime::TwoStep;
use wgpu_loss::verify::{Extent, verify};
use wgpu_loss::{Engine, Gpu};

#[test]
fn quick() {
    let gpu = Gpu::new().unwrap();
    let two = TwoStep(&gpu);
    let engines: [&dyn Engine; 2] = [&gpu, &two];
    for engine in engines {
        let start = std::time::Instant::now();
        let report = verify(engine, Extent::Quick, &mut |_, _| {}).unwrap();
        println!("{}: {} checked, {} failed, worst {:e} in {} ({:?})", engine.name(), report.checked, report.failed, report.worst_relative_error, report.worst_case, start.elapsed());
        for failure in report.failures.iter().take(12) { println!("{failure:?}"); }
        assert_eq!(report.failed, 0);
    }
}
