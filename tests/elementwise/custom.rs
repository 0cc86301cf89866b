//! Losses of the caller's.

use wgpu_loss::{
    CustomLoss, Elementwise, ElementwiseLoss, ElementwiseUpstream, Engine, Error, Logits,
    LossFunction, cpu,
};

use crate::device;

#[path = "../../examples/custom_loss.rs"]
#[allow(dead_code)] // its main
mod example;

/// log cosh(x - t), and its derivative tanh(x - t), times the first parameter.
pub const LOG_COSH: CustomLoss = CustomLoss {
    name: "log-cosh",
    wgsl: "
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let error = x - t;
    let value = abs(error) + softplus(-2.0 * abs(error)) - 0.6931472;
    let p = sigmoids(2.0 * error);
    return Loss(parameters.loss.x * value, parameters.loss.x * (p.x - p.y), 0.0);
}
",
    parameters: [2.0, 0.0, 0.0, 0.0],
    function: |x, t, parameters| {
        let error = x - t;
        [parameters[0] * error.cosh().ln(), parameters[0] * error.tanh()]
    },
};

#[test]
fn a_loss_of_the_callers_is_the_same_everywhere() {
    let x = [0.5f32, -1.0, 3.0, 2.0, f32::INFINITY, -7.0];
    let t = [0.0f32, 1.0, 3.5, -2.0, 0.0, 1.5];
    let operands = Elementwise::new(
        Logits::new(&x, 2, 3).expect("rows"),
        Logits::new(&t, 2, 3).expect("rows"),
    );
    let options = ElementwiseLoss::unreduced(LossFunction::Custom(LOG_COSH));
    let upstream = ElementwiseUpstream::Scalar(3.0);
    let gpu = device::new_gpu();
    let engines: [&dyn Engine; 3] = [&gpu, &cpu::Fast, &cpu::Oracle];
    for engine in engines {
        let out =
            engine.elementwise_loss_with_gradient(&operands, upstream, &options).expect("losses");
        let gradient = out.gradient.expect("a gradient").into_f32();
        for at in 0..6 {
            if at == 4 {
                assert!(out.values[at].is_nan() && gradient[at].is_nan(), "{}", engine.name());
                continue;
            }
            let error = f64::from(x[at]) - f64::from(t[at]);
            let (value, slope) = (2.0 * error.cosh().ln(), 6.0 * error.tanh());
            assert!((f64::from(out.values[at]) - value).abs() < 1e-6, "{} {at}", engine.name());
            assert!((f64::from(gradient[at]) - slope).abs() < 2e-6, "{} {at}", engine.name());
        }
    }
}

#[test]
fn modules_that_are_none_are_refused() {
    let gpu = device::new_gpu();
    let x = Logits::new(&[1.0f32], 1, 1).expect("a row");
    let evaluate = |wgsl: &'static str| {
        let custom = CustomLoss { wgsl, ..LOG_COSH };
        let options = ElementwiseLoss::new(LossFunction::Custom(custom));
        gpu.elementwise_loss(&Elementwise::new(x, x), &options).expect_err("no module")
    };
    let nothing = evaluate("fn loss(x: f32) -> f32 { return x; }");
    assert!(
        nothing.to_string().contains("log-cosh: loss module: expected a function"),
        "{nothing}"
    );
    let binding = evaluate("@group(0) @binding(20) var<storage> a: array<f32>; fn loss_of() {}");
    assert!(binding.to_string().contains("no bindings and no entry points"), "{binding}");
    // What the module means is the device's to judge: its message names the place.
    let wrong = evaluate("fn loss_of(x: f32, t: f32, third: f32) -> Loss { return x + unknown; }");
    assert!(matches!(wrong, Error::Device { .. }), "{wrong}");
    assert!(wrong.to_string().contains("unknown"), "{wrong}");
    let loss = "fn loss_of(x: f32, t: f32, third: f32) -> Loss {\n";
    let in_line = |line: &str, number: usize, cause: &str| {
        // A helper whose name is linked under another, before it: places are the caller's.
        let text = format!("fn load(x: f32) -> f32 {{ return x; }}\n{loss}    {line}\n}}\n");
        let error = evaluate(Box::leak(text.into_boxed_str())).to_string();
        let begins = format!("log-cosh: line {number} of its WGSL: {cause}");
        assert!(error.starts_with(&begins), "{error}");
        assert!(error.ends_with(&format!("`{line}`")), "{error}");
        assert!(!error.contains("caller_"), "{error}");
    };
    in_line("return Loss(load(x) + unknown, 0.0, 0.0);", 3, "no definition in scope");
    in_line("return Loss(load(x, t), 0.0, 0.0);", 3, "");
    in_line("let a = x + 1u; return Loss(load(x), 0.0, 0.0);", 3, "");
    in_line("return load(x);", 3, "");
    in_line("return Loss(load(x), 0.0 0.0);", 3, "");
    in_line("let a = x < 1.0 && t < 1.0 || x > t;", 3, "`&&` beside `||` needs parentheses");
    in_line("let x = load(x);", 3, "`x` is a parameter of the function");
    in_line("return Loss(load(1e39f), 0.0, 0.0);", 3, "`1e39f` is beyond the largest f32");
    in_line("workgroupBarrier();", 3, "`workgroupBarrier` cannot stand in a loss");
    let clash = evaluate("struct Loss { a: f32 }\nfn loss_of(x: f32, t: f32, u: f32) -> Loss {}");
    assert!(
        clash.to_string().starts_with("log-cosh: line 1 of its WGSL: `Loss` is what"),
        "{clash}"
    );
    let arity = evaluate("\n\nfn loss_of(x: f32, t: f32) -> Loss { return Loss(x, t, 0.0); }");
    assert!(
        arity.to_string().starts_with("log-cosh: line 3 of its WGSL: `loss_of` takes"),
        "{arity}"
    );
    let result = evaluate("fn loss_of(x: f32, t: f32, third: f32) -> f32 { return x; }");
    assert!(result.to_string().starts_with("log-cosh: its WGSL does not fit where"), "{result}");
}

/// Every kind of name that a kernel has: of its own, of its libraries, and of its interface.
pub const CLASHES: CustomLoss = CustomLoss {
    name: "clashes",
    wgsl: "
struct Row { value: f32, sum: f32 }
struct Losses { run: Row }
alias Words = f32;
const LANES = 2.0;
const MASKED: Words = 0.5;
var<private> parameters_seen: f32;
fn square(x: f32) -> f32 { return x * x; }
fn load(value: f32) -> Row { return Row(value, square(value)); }
fn sum(losses: Losses) -> f32 { return losses.run.sum + losses.run.value; }
fn main(x: f32) -> f32 { return x; }
fn run(x: f32) -> f32 { return main(x); }
fn log_of(x: f32) -> f32 { return x + 1.0; }
fn exp_nonpositive(x: f32) -> f32 { return x; }
fn losses4(x: f32) -> f32 { return x; }
fn special(x: f32) -> f32 { return exp_of(x); }
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    parameters_seen = parameters.loss.x;
    let row = load(log_of(exp_nonpositive(x)));
    let value = sum(Losses(row)) * LANES * MASKED + run(t) + losses4(parameters_seen);
    return Loss(value, 2.0 * x + 3.0 + special(0.0) - 1.0, 0.0);
}
",
    parameters: [0.25, 0.0, 0.0, 0.0],
    function: |x, t, [add, ..]| [(x + 1.0) * (x + 1.0) + (x + 1.0) + t + add, 2.0 * x + 3.0],
};

#[test]
fn helpers_may_have_any_name() {
    let gpu = device::new_gpu();
    let report = CLASHES.check(&gpu, &[[0.5, 2.0], [-3.0, 0.0], [7.0, -1.0]]).expect("agrees");
    assert_eq!((report.inputs, report.special, report.without_slope), (3, 0, 0), "{report}");
    for engine in [&gpu as &dyn Engine, &cpu::Fast, &cpu::Oracle] {
        let x = Logits::new(&[0.5f32, -3.0], 1, 2).expect("a row");
        let options = ElementwiseLoss::unreduced(LossFunction::Custom(CLASHES));
        let out = engine.elementwise_loss(&Elementwise::new(x, x), &options).expect("losses");
        assert_eq!(out.values, [4.5, -0.75], "{}", engine.name());
    }
}

#[test]
fn the_example_of_a_loss_of_the_callers_runs() {
    let gpu = device::new_gpu();
    example::check(&gpu).unwrap_or_else(|error| panic!("{error}"));
    for losses in example::evaluate(&gpu).expect("losses") {
        let expected = [2.0 * 0.25_f64.cosh().ln(), 2.0 * (100.0 - 2.0_f64.ln()), 0.0];
        for (found, expected) in losses.iter().zip(expected) {
            assert!(
                (f64::from(*found) - expected).abs() <= 1e-6 * expected.max(0.05),
                "{losses:?}"
            );
        }
        assert_eq!(losses[3], f32::INFINITY);
    }
}

#[test]
fn a_check_names_what_is_wrong() {
    let gpu = device::new_gpu();
    let check = |loss: &CustomLoss, inputs: &[[f32; 2]]| loss.check(&gpu, inputs);
    // Operands that are not finite give NaN, and the check knows.
    let specials = [[f32::INFINITY, 0.0], [0.5, f32::NAN], [0.5, 0.0], [1.0, 1.0]];
    let report = check(&LOG_COSH, &specials).expect("agrees");
    assert_eq!((report.inputs, report.special), (4, 2), "{report}");
    // The built-in functions give it no chance: cosh is infinite from 89 on.
    let wgsl = "fn loss_of(x: f32, t: f32, third: f32) -> Loss {
        return Loss(log(cosh(x - t)), tanh(x - t), 0.0);
    }";
    let built_in = CustomLoss { wgsl, parameters: [1.0, 0.0, 0.0, 0.0], ..LOG_COSH };
    let error = check(&built_in, &[[1.0, 0.0], [95.0, 0.0], [-95.0, 0.0]]).expect_err("infinite");
    let Error::Disagreement { x: 95.0, t: 0.0, what: "value", function, .. } = error else {
        panic!("{error}");
    };
    assert!((function - 94.306853).abs() < 1e-5, "{error}");
    // A derivative that is not the function's, and one that is no derivative.
    let wgsl = "fn loss_of(x: f32, t: f32, third: f32) -> Loss { return Loss((x - t) * (x - t), x - t, 0.0); }";
    let half: CustomLoss = CustomLoss {
        name: "square",
        wgsl,
        parameters: [0.0; 4],
        function: |x, t, _| [(x - t) * (x - t), 2.0 * (x - t)],
    };
    let error = check(&half, &[[1.0, 1.0], [3.0, 1.0]]).expect_err("half").to_string();
    let expected = "square: derivative at x = 3.0, t = 1.0: WGSL gives 2.0, the function 4.0, \
                    differences of the function's values 4.000";
    assert_eq!(error, expected);
    let wrong = CustomLoss { function: |x, t, _| [(x - t) * (x - t), x - t], ..half };
    let error = check(&wrong, &[[1.0, 1.0], [3.0, 1.0]]).expect_err("half").to_string();
    assert!(
        error.contains("the function 2.0, differences of the function's values 4.0"),
        "{error}"
    );
}

/// The functions of the interface, those of four numbers behind: the target says which.
pub const FUNCTIONS: CustomLoss = CustomLoss {
    name: "functions",
    wgsl: "
fn chosen(x: f32, t: f32) -> f32 {
    let four = vec4<f32>(0.5, x, -0.5, 0.25);
    switch u32(t) {
        case 0u: { return exp_of(x); }
        case 1u: { return log_of(x); }
        case 2u: { return log1p_of(x); }
        case 3u: { return tanh_of(x); }
        case 4u: { return select(0.0, 1.0, is_nan(x)); }
        case 5u: { return exp_of4(four).y; }
        case 6u: { return log_of4(four).y; }
        case 7u: { return log1p_of4(four).y; }
        case 8u: { return tanh_of4(four).y; }
        default: { return select(0.0, 1.0, is_nan4(four).y); }
    }
}
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    return Loss(chosen(x, t), 0.0, 0.0);
}
fn special_loss_of(x: f32, t: f32, third: f32) -> Loss {
    return loss_of(x, t, third);
}
",
    parameters: [0.0; 4],
    function: |x, t, _| {
        let value = match t as u32 % 5 {
            0 => x.exp(),
            1 => x.ln(),
            2 => x.ln_1p(),
            3 => x.tanh(),
            _ => f64::from(u8::from(x.is_nan())),
        };
        [value, 0.0]
    },
};

/// Errors in units in the last place that `docs/custom-loss.md` tells, of the functions in the order
/// of `FUNCTIONS`.
const MOST_ULP: [(&str, f64); 5] =
    [("exp_of", 2.0), ("log_of", 1.0), ("log1p_of", 1.5), ("tanh_of", 2.0), ("is_nan", 0.0)];

/// Arguments of every kind: special ones, powers of two and their neighbours, subnormals, where
/// functions begin to overflow, and a sweep over all bit patterns.
fn arguments() -> Vec<f32> {
    let mut bits: Vec<u32> = vec![0x7f80_0001, 0x7fc0_0000, 0xffc0_0000, 0xffff_ffff];
    let mut around = |center: f32, neighbours: i32| {
        let center = center.to_bits() as i32;
        bits.extend((-neighbours..=neighbours).map(|step| center.wrapping_add(step) as u32));
    };
    for exponent in 0..=255_u32 {
        around(f32::from_bits(exponent << 23), 2);
        around(f32::from_bits(0x8000_0000 | exponent << 23), 2);
    }
    let edges = [88.722_83, -87.0, -87.336_54, -103.278_93, -103.972_08, -104.0, 9.01, 0.6, 1e-4];
    for edge in [
        0.414_21,
        -0.292_89,
        std::f32::consts::SQRT_2,
        std::f32::consts::FRAC_1_SQRT_2,
        2.980_232e-8,
        1e-30,
    ]
    .into_iter()
    .chain(edges)
    {
        around(edge, 20);
        around(-edge, 20);
    }
    around(1.0, 400);
    around(-1.0, 400);
    // A prime step meets every significand.
    bits.extend((0..u32::MAX).step_by(214_783));
    bits.extend((1..0x0080_0000_u32).step_by(8_191));
    // Where most arguments are.
    let sweep = (-6000..6000).map(|step| step as f32 / 59.7);
    bits.into_iter().map(f32::from_bits).chain(sweep).collect()
}

/// The distance in units in the last place of what was to come.
fn ulps(found: f32, expected: f64) -> f64 {
    let exponent = (expected.abs().log2().floor() as i32).max(-126);
    (f64::from(found) - expected).abs() / f64::from(exponent - 23).exp2()
}

#[test]
fn functions_for_a_loss_of_the_callers_are_right_for_every_argument() {
    let arguments = arguments();
    let x: Vec<f32> = (0..10).flat_map(|_| arguments.iter().copied()).collect();
    let t: Vec<f32> = (0..x.len()).map(|at| (at / arguments.len()) as f32).collect();
    let rows = |values| Logits::new(values, 10, arguments.len()).expect("rows");
    let operands = Elementwise::new(rows(&x), rows(&t));
    let options = ElementwiseLoss::unreduced(LossFunction::Custom(FUNCTIONS));
    let out = device::new_gpu().elementwise_loss(&operands, &options).expect("values");
    let mut most = [[(0.0, 0.0); 2]; 5];
    let mut wrong = Vec::new();
    for ((&x, &t), &found) in x.iter().zip(&t).zip(&out.values) {
        let (function, is_vector) = (t as usize % 5, t >= 5.0);
        let [expected, _] = (FUNCTIONS.function)(x.into(), t.into(), [0.0; 4]);
        let nearest = expected as f32;
        let is_right = match nearest.is_finite() {
            // A zero keeps its sign.
            true if expected == 0.0 => found.to_bits() == nearest.to_bits(),
            true => found.is_finite(),
            false => (found.is_nan() && nearest.is_nan()) || found == nearest,
        };
        if !is_right {
            wrong.push(format!(
                "{}({x:?}) = {found:?}, expected {expected:?}",
                MOST_ULP[function].0
            ));
        } else if nearest.is_finite() && expected != 0.0 {
            let error = ulps(found, expected);
            let most = &mut most[function][usize::from(is_vector)];
            if error > most.0 {
                *most = (error, x);
            }
        }
    }
    println!("{most:?}");
    assert!(
        wrong.is_empty(),
        "{} wrong, the first {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(9)]
    );
    for ((name, allowed), found) in MOST_ULP.into_iter().zip(most) {
        for (error, x) in found {
            assert!(error <= allowed, "{name}({x:?}) is {error} units off");
        }
    }
}
