//! Kernels compile through the caller's pipeline cache. Needs an adapter.

use wgpu_loss::wgpu::{Features, PipelineCache, PipelineCacheDescriptor};
use wgpu_loss::{Engine, Error, Gpu, LogSumExp, LogSumExpOutput, Logits, Upstream, runtime};

fn gpu() -> Gpu {
    Gpu::new().expect("these tests need an adapter: `cargo xtask test` installs one")
}

fn cache(gpu: &Gpu, data: Option<&[u8]>) -> PipelineCache {
    let descriptor = PipelineCacheDescriptor { label: Some("kernels"), data, fallback: false };
    // SAFETY: what data there is came from `PipelineCache::get_data` on the same adapter.
    unsafe { gpu.device().create_pipeline_cache(&descriptor) }
}

fn call(gpu: &Gpu) -> LogSumExpOutput {
    let values: Vec<f32> = (0..37 * 50).map(|i| ((i * 7919) % 1013) as f32 / 100.0).collect();
    let logits = Logits::new(&values, 37, 50).expect("as many values");
    let options = LogSumExp::default();
    gpu.log_sum_exp_with_gradient(logits, Upstream::Scalar(0.5), &options).expect("a call")
}

/// Filled by one device, taken by another.
#[test]
fn a_cache_is_filled_and_used() {
    let first = gpu();
    let expected = call(&first);
    let has_caches = first.device().features().contains(Features::PIPELINE_CACHE);
    let adapter = runtime::adapters().into_iter().next().expect("the adapter there was");
    assert_eq!(adapter.features().contains(Features::PIPELINE_CACHE), has_caches, "asked for");
    if !has_caches {
        // wgpu has none for this backend: then it compiles without.
        let scope = first.device().push_error_scope(wgpu_loss::wgpu::ErrorFilter::Validation);
        let none = cache(&first, None);
        assert!(pollster::block_on(scope.pop()).is_some(), "a cache of which kind?");
        assert_eq!(none.get_data(), None);
        return;
    }
    let empty = cache(&first, None);
    let bytes = |cache: &PipelineCache| cache.get_data().map_or(0, |data| data.len());
    let of_nothing = bytes(&empty);
    let cached = first.with_kernels(first.kernels().with_pipeline_cache(empty.clone()));
    assert_eq!(cached.kernels().compiled().len(), 0, "kernels of their own");
    assert_eq!(call(&cached), expected);
    let data = empty.get_data().expect("Vulkan's caches have data");
    assert!(data.len() >= of_nothing && !data.is_empty(), "{} bytes", data.len());

    let second = gpu();
    let filled = cache(&second, Some(&data));
    assert!(bytes(&filled) > 0, "the second device takes it");
    let warm = second.with_kernels(second.kernels().with_pipeline_cache(filled.clone()));
    warm.kernels().warm_up(&cached.kernels().compiled()).expect("the same adapter");
    assert_eq!(call(&warm), expected);
    assert_eq!(warm.kernels().compiled().len(), cached.kernels().compiled().len());

    // It is not left aside: a cache of another device is refused.
    let options = LogSumExp::default();
    let foreign = first.with_kernels(first.kernels().with_pipeline_cache(filled));
    let logits = Logits::new(&[1.0f32, 2.0], 1, 2).expect("two values");
    let error = foreign.log_sum_exp(logits, &options).expect_err("another device's");
    assert!(matches!(error, Error::Device { .. }), "{error:?}");
}
