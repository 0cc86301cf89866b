//! Infinities and NaN among the logits, with the default options and with label smoothing.

use wgpu_loss::Element;

use super::*;

/// 2^124, exact in every type that reaches so far.
const FAR: f32 = f32::from_bits(0x7d80_0000);
/// 1.5 * 2^127.
const FARTHEST: f32 = f32::from_bits(0x7f40_0000);

pub const ROWS: &[Row] = &[
    Row { name: "nothing special", ..ROW }.gives(ORDINARY),
    Row {
        name: "three equal logits: the lowest index leads",
        logits: [0.0; 3],
        target: Target::Class(2),
        log_sum_exp: Is::Value(LN_3),
        entropy: Is::Value(LN_3),
        target_log_probability: Is::Value(-LN_3),
        argmax: Argmax::Column(0),
        ..ROW
    }
    .gives(Outcome::new(Is::Value(LN_3), gradient([1.0 / 3.0, 1.0 / 3.0, -2.0 / 3.0]))),
    Row { name: "-inf on another class", logits: [0.0, NEG, 0.0], ..HALVES }
        .gives(Outcome::new(Is::Value(LN_2), gradient([-0.5, 0.0, 0.5]))),
    Row {
        name: "only the target is finite",
        logits: [NEG, 0.0, NEG],
        target: Target::Class(1),
        others: NEG,
        log_sum_exp: Is::Zero,
        entropy: Is::Zero,
        target_log_probability: Is::Zero,
        ..ROW
    }
    .gives(NOTHING),
    Row { name: "-inf on the target", ..HALVES_MISSED }
        .gives(Outcome::new(Is::Inf, gradient([0.5, -1.0, 0.5]))),
    Row { name: "-inf on another class, label smoothing", logits: [0.0, NEG, 0.0], ..HALVES }
        .smoothed(0.125)
        .gives(Outcome::all(Is::Inf, Is::Textbook)),
    Row { name: "-inf on the target, label smoothing", ..HALVES_MISSED }
        .smoothed(0.125)
        .gives(Outcome::all(Is::Inf, Is::Textbook)),
    Row {
        name: "-inf on a class of weight 0, label smoothing",
        logits: [0.0, NEG, 0.0],
        class_weights: Some([1.0, 0.0, 0.5]),
        ..HALVES
    }
    .smoothed(0.125)
    .gives_each(Outcome::all(Is::Nan, Is::Textbook), ORDINARY),
    Row {
        name: "-inf on a class of weight 0 and on one of weight 1, label smoothing",
        logits: [0.0, NEG, NEG],
        class_weights: Some([1.0, 0.0, 1.0]),
        ..ROW
    }
    .smoothed(0.125)
    .gives_each(Outcome::all(Is::Nan, Is::Textbook), Outcome::all(Is::Inf, Is::Textbook))
    .led_by(0),
    Row { name: "nothing but label smoothing", ..ROW }.smoothed(1.0).gives(ORDINARY),
    Row { name: "-inf, nothing but label smoothing", ..HALVES_MISSED }
        .smoothed(1.0)
        .gives(Outcome::all(Is::Inf, Is::Textbook)),
    Row { name: "nothing but -inf", logits: [NEG; 3], others: NEG, ..ROW }
        .undefined(Is::NegInf, Argmax::First),
    Row { name: "nothing but -inf, label smoothing", logits: [NEG; 3], others: NEG, ..ROW }
        .smoothed(0.125)
        .undefined(Is::NegInf, Argmax::First),
    Row { name: "+inf on another class", logits: [0.0, INF, 0.0], ..ROW }
        .undefined(Is::Inf, Argmax::Column(1)),
    Row { name: "+inf on the target", logits: [INF, 0.0, 0.0], ..ROW }
        .undefined(Is::Inf, Argmax::Column(0)),
    Row { name: "two times +inf", logits: [0.0, INF, INF], target: Target::Class(2), ..ROW }
        .undefined(Is::Inf, Argmax::Column(1)),
    Row { name: "+inf among -inf", logits: [NEG, NEG, INF], others: NEG, ..ROW }
        .undefined(Is::Inf, Argmax::Column(2)),
    Row { name: "NaN on another class", logits: [0.0, 3.0, NAN_LOGIT], ..ROW }
        .undefined(Is::Nan, Argmax::Column(2)),
    Row { name: "NaN on the target", logits: [NAN_LOGIT, 0.0, 0.0], ..ROW }
        .undefined(Is::Nan, Argmax::Column(0)),
    Row { name: "NaN with its sign set", logits: [0.0, -NAN_LOGIT, 0.0], ..ROW }
        .undefined(Is::Nan, Argmax::Column(1)),
    Row { name: "NaN behind +inf", logits: [INF, NAN_LOGIT, NAN_LOGIT], ..ROW }
        .undefined(Is::Nan, Argmax::Column(1)),
    Row { name: "NaN before +inf", logits: [NAN_LOGIT, 0.0, INF], ..ROW }
        .undefined(Is::Nan, Argmax::Column(0)),
    Row { name: "NaN among -inf", logits: [NEG, NEG, NAN_LOGIT], others: NEG, ..ROW }
        .undefined(Is::Nan, Argmax::Column(2)),
    Row {
        name: "the target leads by 20",
        logits: [20.0, 0.0, NEG],
        log_sum_exp: Is::Value(20.000_000_002_061_153),
        entropy: Is::Textbook,
        target_log_probability: Is::Value(-2.061_153_620_314_381e-9),
        argmax: Argmax::Column(0),
        ..ROW
    }
    .gives(Outcome::new(
        Is::Value(2.061_153_620_314_381e-9),
        gradient([-2.061_153_618_190_204e-9, 2.061_153_618_190_204e-9, 0.0]),
    )),
    Row {
        name: "an offset of 2^24",
        logits: [16_777_216.0, 16_777_218.0, NEG],
        elements: &[Element::F32],
        log_sum_exp: Is::Value(16_777_218.126_928_011),
        target_log_probability: Is::Value(-2.126_928_011_042_972_5),
        argmax: Argmax::Column(1),
        ..ROW
    }
    .gives(Outcome::new(
        Is::Value(2.126_928_011_042_972_5),
        gradient([-0.880_797_077_977_882_3, 0.880_797_077_977_882_3, 0.0]),
    )),
    Row {
        name: "finite logits further apart than f32 reaches",
        logits: [FARTHEST, -FARTHEST, 0.0],
        elements: &[Element::F32, Element::Bf16],
        entropy: Is::Zero,
        target_log_probability: Is::Zero,
        argmax: Argmax::Column(0),
        ..ROW
    }
    .gives(NOTHING),
    Row {
        name: "finite logits almost as far apart",
        logits: [FAR, -FAR, 0.0],
        target: Target::Class(1),
        elements: &[Element::F32, Element::Bf16],
        entropy: Is::Zero,
        target_log_probability: Is::Value(-4.253529586511731e37),
        argmax: Argmax::Column(0),
        ..ROW
    }
    .gives(Outcome::new(Is::Value(4.253529586511731e37), gradient([1.0, -1.0, 0.0]))),
];
