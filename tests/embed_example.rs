//! The example trains: its loss falls.

#[path = "../examples/embed.rs"]
#[allow(dead_code)] // its main
mod embed;

/// What the example reads back.
const _: () = assert!(size_of::<wgpu_loss::Totals>() <= 32);

#[test]
fn the_loss_falls() {
    let losses = embed::run(41).unwrap_or_else(|error| panic!("{error}"));
    println!("{losses:?}");
    // Before the first step every class is as likely as any other.
    assert!((losses[0] - 10f32.ln()).abs() < 1e-5, "{losses:?}");
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    assert!(losses[4] < 0.5 * losses[0], "{losses:?}");
}
