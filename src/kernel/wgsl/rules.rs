//! What the WGSL specification forbids, browsers refuse, and naga takes or blames on something else.
//! Each rule was held against small cases that Tint (Chromium) answered.

use std::collections::{HashMap, HashSet};

use super::Fault;
use super::tokens::{Kind, Token, tokens};

/// The first thing in a text that browsers refuse, as far as it can be told without types.
pub fn browser_fault(text: &str) -> Option<Fault> {
    let tokens = match tokens(text) {
        Ok(tokens) => tokens,
        Err(fault) => return Some(fault),
    };
    let rules = [directive, unbalanced, unparenthesised, redeclared, constant, unused, foreign];
    rules.into_iter().find_map(|rule| rule(&tokens))
}

/// The first operator that needs parentheses between it and its neighbour.
/// <https://www.w3.org/TR/WGSL/#operator-precedence-associativity>
pub fn operator_fault(text: &str) -> Option<Fault> {
    tokens(text).map_or_else(Some, |tokens| unparenthesised(&tokens))
}

/// `enable`, `requires` and `diagnostic` stand at the top of a module, and this is a part of one.
fn directive(tokens: &[Token<'_>]) -> Option<Fault> {
    let begins = |at: usize| at == 0 || matches!(tokens[at - 1].text, ";" | "}");
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "enable" | "requires" | "diagnostic" if depth == 0 && begins(at) => {
                let reason = format!(
                    "`{}` is a directive, which stands at the top of a kernel, of which this is a part",
                    token.text
                );
                return Some(Fault::new(token.start, reason));
            }
            _ => {}
        }
    }
    None
}

/// A bracket without its partner.
fn unbalanced(tokens: &[Token<'_>]) -> Option<Fault> {
    let mut open: Vec<&Token<'_>> = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Symbol) {
        let partner = match token.text {
            "(" | "[" | "{" => {
                open.push(token);
                continue;
            }
            ")" => "(",
            "]" => "[",
            "}" => "{",
            _ => continue,
        };
        if open.pop().is_none_or(|opened| opened.text != partner) {
            return Some(Fault::new(token.start, format!("`{}` closes nothing", token.text)));
        }
    }
    open.last().map(|token| Fault::new(token.start, format!("`{}` is never closed", token.text)))
}

/// How tightly operators bind, as far as they may stand side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Arithmetic,
    Shift,
    Comparison,
    Bits,
    Logic,
}

fn class_of(operator: &str) -> Option<Class> {
    Some(match operator {
        "+" | "-" | "*" | "/" | "%" => Class::Arithmetic,
        "<<" | ">>" => Class::Shift,
        "==" | "!=" | "<" | "<=" | ">" | ">=" => Class::Comparison,
        "&" | "|" | "^" => Class::Bits,
        "&&" | "||" => Class::Logic,
        _ => return None,
    })
}

/// Words behind which an expression begins.
const BEFORE_EXPRESSIONS: [&str; 12] = [
    "return",
    "if",
    "else",
    "while",
    "switch",
    "case",
    "for",
    "loop",
    "default",
    "break",
    "continuing",
    "const_assert",
];

/// Binary operators of one expression.
type Operators<'a> = Vec<(Class, Token<'a>)>;

fn unparenthesised(tokens: &[Token<'_>]) -> Option<Fault> {
    let mut open: Vec<Operators<'_>> = vec![Vec::new()];
    let mut is_operand = false;
    for token in tokens {
        let last = open.len() - 1;
        match (token.kind, token.text) {
            (Kind::TemplateStart, _) | (_, "(" | "[") => {
                open.push(Vec::new());
                is_operand = false;
                continue;
            }
            (Kind::TemplateEnd, _) | (_, ")" | "]") => {
                if let Some(fault) = open.pop().and_then(|closed| mixed(&closed)) {
                    return Some(fault);
                }
                if open.is_empty() {
                    open.push(Vec::new());
                }
                is_operand = true;
                continue;
            }
            (Kind::Number, _) => {
                is_operand = true;
                continue;
            }
            (Kind::Word, word) if !BEFORE_EXPRESSIONS.contains(&word) => {
                is_operand = true;
                continue;
            }
            (_, ".") => continue,
            // Signs, negations, and what is done with pointers.
            (_, "-" | "!" | "~" | "*" | "&") if !is_operand => continue,
            _ => {}
        }
        is_operand = false;
        match class_of(token.text) {
            Some(class) => open[last].push((class, *token)),
            None => {
                if let Some(fault) = mixed(&open[last]) {
                    return Some(fault);
                }
                open[last].clear();
            }
        }
    }
    open.iter().find_map(|operators| mixed(operators))
}

/// The operator of an expression that may not stand beside the one before it.
fn mixed(operators: &[(Class, Token<'_>)]) -> Option<Fault> {
    let beside = |one: &Token<'_>, other: &Token<'_>| {
        Fault::new(
            other.start,
            format!("`{}` beside `{}` needs parentheses around one of them", one.text, other.text),
        )
    };
    // Bits: operators of one kind, and nothing else.
    if let Some((_, bits)) = operators.iter().find(|(class, _)| *class == Class::Bits) {
        let other = operators.iter().find(|(_, other)| other.text != bits.text);
        return other.map(|(_, other)| match other.start < bits.start {
            true => beside(other, bits),
            false => beside(bits, other),
        });
    }
    // Logic: operators of one kind, and comparisons between them.
    let mut logic = operators.iter().filter(|(class, _)| *class == Class::Logic);
    if let Some((_, first)) = logic.next()
        && let Some((_, other)) = logic.find(|(_, other)| other.text != first.text)
    {
        return Some(beside(first, other));
    }
    for compared in operators.split(|(class, _)| *class == Class::Logic) {
        let mut comparisons = compared.iter().filter(|(class, _)| *class == Class::Comparison);
        if let (Some((_, one)), Some((_, other))) = (comparisons.next(), comparisons.next()) {
            return Some(beside(one, other));
        }
        for sum in compared.split(|(class, _)| *class == Class::Comparison) {
            let has_shift = sum.iter().any(|(class, _)| *class == Class::Shift);
            if let (true, [(_, one), (_, other), ..]) = (has_shift, sum) {
                return Some(beside(one, other));
            }
        }
    }
    None
}

/// Where a function begins and ends: its parameters' parentheses and its body's braces.
struct Function {
    parameters: [usize; 2],
    body: [usize; 2],
}

fn functions(tokens: &[Token<'_>]) -> Vec<Function> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if tokens[at].text != "fn" || tokens.get(at + 2).is_none_or(|token| token.text != "(") {
            continue;
        }
        let Some(last) = closing(tokens, at + 2) else { continue };
        let Some(start) = (last..tokens.len()).find(|&at| tokens[at].text == "{") else { continue };
        let Some(end) = closing(tokens, start) else { continue };
        found.push(Function { parameters: [at + 2, last], body: [start, end] });
    }
    found
}

/// The partner of the bracket at `start`.
pub(in crate::kernel) fn closing(tokens: &[Token<'_>], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// A parameter's name is the body's, too: naga lets a variable take it.
fn redeclared(tokens: &[Token<'_>]) -> Option<Fault> {
    for Function { parameters: [first, last], body: [start, end] } in functions(tokens) {
        let names: HashSet<&str> = (first..last)
            .filter(|&at| tokens[at].is_word() && tokens[at + 1].text == ":")
            .map(|at| tokens[at].text)
            .collect();
        let mut depth = 0_usize;
        for at in start..end {
            match tokens[at].text {
                "{" | "(" => depth += 1,
                "}" | ")" => depth = depth.saturating_sub(1),
                "let" | "var" | "const" if depth == 1 => {
                    let name = declared_name(tokens, at);
                    if let Some(name) = name.filter(|name| names.contains(name.text)) {
                        let reason = format!(
                            "`{}` is a parameter of the function, and cannot be declared again",
                            name.text
                        );
                        return Some(Fault::new(name.start, reason));
                    }
                }
                _ => {}
            }
        }
    }
    None
}

/// What a declaration declares whose keyword stands at `at`: behind `var` an address space may come.
pub(in crate::kernel) fn declared_name<'t, 'a>(
    tokens: &'t [Token<'a>],
    at: usize,
) -> Option<&'t Token<'a>> {
    let mut next = at + 1;
    if tokens.get(next)?.kind == Kind::TemplateStart {
        next = (next..tokens.len()).find(|&at| tokens[at].kind == Kind::TemplateEnd)? + 1;
    }
    tokens.get(next).filter(|token| token.is_word())
}

/// Functions whose value at some constants is no number, or infinite.
fn value_of(function: &str, x: f64) -> Option<f64> {
    Some(match function {
        "sqrt" => x.sqrt(),
        "inverseSqrt" => 1.0 / x.sqrt(),
        "exp" => x.exp(),
        "exp2" => x.exp2(),
        "log" => x.ln(),
        "log2" => x.log2(),
        "acos" => x.acos(),
        "asin" => x.asin(),
        "acosh" => x.acosh(),
        "atanh" => x.atanh(),
        "cosh" => x.cosh(),
        "sinh" => x.sinh(),
        _ => return None,
    })
}

/// A literal's value, where it is a decimal one.
fn decimal(literal: &str) -> Option<f64> {
    if literal.starts_with("0x") || literal.starts_with("0X") {
        return None;
    }
    literal.trim_end_matches(['f', 'h', 'u', 'i']).parse().ok()
}

/// The bits of an integer literal.
fn word(literal: &str) -> Option<u32> {
    let digits = literal.trim_end_matches(['u', 'i']);
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// Constants that are infinite, no number, or beyond the range of `f32`.
fn constant(tokens: &[Token<'_>]) -> Option<Fault> {
    let mut words: HashMap<&str, u32> = HashMap::new();
    for (at, token) in tokens.iter().enumerate() {
        let next = |distance: usize| tokens.get(at + distance).map_or("", |token| token.text);
        if token.text == "const" {
            // `const NAME [: type] = LITERAL;`
            let equals = (at..tokens.len().min(at + 5)).find(|&at| tokens[at].text == "=");
            if let Some(equals) = equals
                && let [value, end, ..] = &tokens[equals + 1..]
                && end.text == ";"
                && let Some(bits) = word(value.text)
            {
                words.insert(next(1), bits);
            }
        }
        if token.kind == Kind::Number
            && let Some(value) = decimal(token.text)
        {
            let largest = f64::from(f32::MAX);
            // A literal without `f` may be as large as it likes until it becomes an `f32`; one this
            // close to the largest `f32` is meant to be it, and naga rounds it.
            let is_meant = value < largest * (1.0 + 1e-7);
            let is_integer = token.text.ends_with(['u', 'i']);
            if value > largest && !is_integer && (is_meant || token.text.ends_with('f')) {
                let reason = format!(
                    "`{}` is beyond the largest f32, which is 0x1.fffffep+127f or 3.4028234663852886e38",
                    token.text
                );
                return Some(Fault::new(token.start, reason));
            }
        }
        if matches!(token.text, "/" | "%") && matches!(next(1), "0u" | "0i") {
            return Some(Fault::new(token.start, "an integer is divided by zero"));
        }
        if matches!(token.text, "<<" | ">>")
            && next(1).ends_with('u')
            && word(next(1)).is_some_and(|bits| bits > 31)
            && matches!(next(2), ";" | ")" | "," | "]")
        {
            return Some(Fault::new(token.start, "a shift by more than 31 bits"));
        }
        if token.is_word() && next(1) == "(" {
            let sign = if next(2) == "-" { -1.0 } else { 1.0 };
            let skipped = usize::from(sign < 0.0);
            let argument = decimal(next(2 + skipped)).filter(|_| next(3 + skipped) == ")");
            let value = argument.and_then(|argument| value_of(token.text, sign * argument));
            if value.is_some_and(|value| !(value as f32).is_finite()) {
                let reason = format!(
                    "`{}` of this constant is no finite f32, and no constant may be anything else",
                    token.text
                );
                return Some(Fault::new(token.start, reason));
            }
        }
        if token.text == "bitcast"
            && tokens.get(at + 1).is_some_and(|token| token.kind == Kind::TemplateStart)
            && let Some(end) = (at..tokens.len()).find(|&at| tokens[at].text == "(")
            && tokens[at..end]
                .iter()
                .any(|token| matches!(token.text, "f32" | "vec2f" | "vec3f" | "vec4f"))
            && let Some(close) = closing(tokens, end)
        {
            let bits = tokens[end + 1..close]
                .iter()
                .filter_map(|token| words.get(token.text).copied().or_else(|| word(token.text)));
            let is_constant = tokens[end + 1..close].iter().all(|token| {
                word(token.text).is_some()
                    || words.contains_key(token.text)
                    || token.kind != Kind::Word
                    || matches!(
                        token.text,
                        "u32" | "i32" | "vec2" | "vec3" | "vec4" | "vec2u" | "vec3u" | "vec4u"
                    )
            });
            let all = bits.fold(0, |all, bits| all | bits);
            if is_constant && all & 0x7f80_0000 == 0x7f80_0000 {
                let reason = "a constant may be neither infinite nor NaN: `infinity()` and \
                              `not_a_number()` give them to a running kernel";
                return Some(Fault::new(token.start, reason));
            }
        }
    }
    None
}

/// Builtin functions whose value may not be thrown away; all that a loss could call.
const MUST_BE_USED: [&str; 52] = [
    "abs",
    "acos",
    "acosh",
    "all",
    "any",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitcast",
    "ceil",
    "clamp",
    "cos",
    "cosh",
    "countOneBits",
    "cross",
    "degrees",
    "distance",
    "dot",
    "exp",
    "exp2",
    "floor",
    "fma",
    "fract",
    "frexp",
    "inverseSqrt",
    "ldexp",
    "length",
    "log",
    "log2",
    "max",
    "min",
    "mix",
    "modf",
    "normalize",
    "pow",
    "radians",
    "reflect",
    "round",
    "saturate",
    "select",
    "sign",
    "sin",
    "sinh",
    "smoothstep",
    "sqrt",
    "step",
    "tan",
    "tanh",
    "trunc",
    "transpose",
];

fn unused(tokens: &[Token<'_>]) -> Option<Fault> {
    tokens.windows(3).enumerate().find_map(|(at, window)| {
        let [before, name, after] = window else { return None };
        let begins = matches!(before.text, ";" | "{" | "}");
        if !begins || !MUST_BE_USED.contains(&name.text) {
            return None;
        }
        if after.text != "(" && after.kind != Kind::TemplateStart {
            return None;
        }
        // An assignment's left side is no call.
        let open = (at..tokens.len()).find(|&at| tokens[at].text == "(")?;
        let end = closing(tokens, open)?;
        let is_dropped = tokens.get(end + 1).is_some_and(|token| token.text == ";");
        is_dropped
            .then(|| Fault::new(name.start, format!("the value of `{}` is not used", name.text)))
    })
}

/// What lanes must do together, what no compute kernel may do, and types of naga's alone.
fn foreign(tokens: &[Token<'_>]) -> Option<Fault> {
    let declares = |word: &str| matches!(word, "fn" | "struct" | "alias" | "let" | "var" | "const");
    let names = tokens.windows(2).filter_map(|pair| match (pair[0].text, pair[1].text) {
        (word, name) if declares(word) => Some(name),
        (name, ":") => Some(name),
        _ => None,
    });
    let declared: HashSet<&str> = names.collect();
    for (at, token) in tokens.iter().enumerate() {
        let name = token.text;
        let is_call = tokens
            .get(at + 1)
            .is_some_and(|next| next.text == "(" || next.kind == Kind::TemplateStart);
        let is_member = at > 0 && tokens[at - 1].text == ".";
        if !token.is_word() || is_member || declared.contains(name) {
            continue;
        }
        let is_collective = name.ends_with("Barrier")
            || name == "workgroupUniformLoad"
            || (name.starts_with("subgroup") && name.len() > 8)
            || (name.starts_with("quad")
                && name.len() > 4
                && name.as_bytes()[4].is_ascii_uppercase())
            || name.starts_with("dpdx")
            || name.starts_with("dpdy")
            || name.starts_with("fwidth");
        if name == "discard" || (is_call && is_collective) {
            let reason = format!(
                "`{name}` cannot stand in a loss: it is evaluated where lanes go different ways"
            );
            return Some(Fault::new(token.start, reason));
        }
        if matches!(name, "f64" | "i64" | "u64") {
            return Some(Fault::new(token.start, format!("`{name}` is no type of WGSL")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, part: &str) {
        let fault = browser_fault(text).unwrap_or_else(|| panic!("taken: {text}"));
        assert!(fault.reason.contains(part), "{text}: {}", fault.reason);
    }

    #[track_caller]
    fn taken(text: &str) {
        assert_eq!(browser_fault(text), None, "{text}");
    }

    #[test]
    fn operators_that_need_parentheses() {
        for text in [
            "let x = a == b & !c;",
            "if any(f(a, b) | (c) < d) {}",
            "let x = a & b == 0u;",
            "let x = a & b | c;",
            "let x = a & b + 1u;",
            "let x = a + b & c;",
            "let x = a && b || c;",
            "let x = a < b == c;",
            "let x = a << 1u + 1u;",
            "let x = a << b << c;",
            "return a || b && c;",
            "x[a & b | c] = 1u;",
            "f(vec2<u32>(a ^ b & c));",
            "x |= a & b | c;",
        ] {
            refused(text, "needs parentheses");
        }
        for text in [
            "let x = (a == b) & !c; // a == b & c",
            "for (var n = u32(w) & 1u; n > 0u; n >>= 1u) { f(&a, b < c); }",
            "let x = a & b & c;",
            "let x = a < b && c + d * e >= f && !g;",
            "let x = -a * -b - -c;",
            "let x = (a << 1u) + 1u; let y = a << 1u < b;",
            "let x = vec4<f32>(1.0) < vec4<f32>(a + b);",
            "*p = *q & 1u;",
            "if x < 1.0 { return -1.0; } else if y > 2.0 || z { i++; }",
            "fn f(p: ptr<function, array<f32, 4>>) -> vec4<f32> { return (*p)[1] - 1.0; }",
            "switch x { case 1u, 2u: { y = a & b; } default: { y = a | b; } }",
        ] {
            taken(text);
        }
    }

    #[test]
    fn constants_that_are_no_finite_numbers() {
        for text in [
            "let x = 3.40282347e+38;",
            "let x = -3.40282347e+38f;",
            "let x = 1e39f;",
            "let x = bitcast<f32>(0x7f800000u);",
            "let x = bitcast<f32>(0xffc00000);",
            "const A = 0x7fc00001u; fn f() -> f32 { return bitcast<f32>(A); }",
            "const A: u32 = 2139095040u; fn f() -> f32 { return bitcast<f32>(A | 1u); }",
            "let x = bitcast<vec4<f32>>(vec4<u32>(0x7f800000u));",
            "let x = acosh(0.5);",
            "let x = atanh(1.0);",
            "let x = inverseSqrt(0);",
            "let x = log(-1.0);",
            "let x = exp2(1000.0);",
            "let x = a / 0u;",
            "let x = a << 32u;",
        ] {
            assert!(browser_fault(text).is_some(), "taken: {text}");
        }
        for text in [
            "let x = 0x1.fffffep+127f;",
            "let x = -3.4028234663852886e38;",
            "let x = 1e39 / 1e10;",
            "var u = 0x7f800000u; let x = bitcast<f32>(u);",
            "let x = bitcast<u32>(a) & 0x7f800000u;",
            "let x = bitcast<f32>(0x3f800000u);",
            "let x = bitcast<f32>(0x7f800000u | parameters.zero);",
            "let x = log(2.0) + sqrt(0.0) + exp(-200.0);",
            "let x = y / 0.0; let z = a << 31u;",
            "let x = 4294967295u;",
        ] {
            taken(text);
        }
    }

    #[test]
    fn names_and_places() {
        refused("enable f16;\nfn f() {}", "directive");
        refused("diagnostic(off, derivative_uniformity);", "directive");
        refused("fn f(x: f32) -> f32 { let x = 2.0 * x; return x; }", "cannot be declared again");
        refused("fn f(x: f32) { var<function> x: f32; }", "cannot be declared again");
        taken("fn f(x: f32) -> f32 { if x < 1.0 { let x = 2.0; return x; } return x; }");
        taken("fn f(x: f32) {} fn g(y: f32) { let x = y; }");
        refused("fn f() { workgroupBarrier(); }", "lanes go different ways");
        refused("fn f() -> f32 { return subgroupAdd(1.0); }", "lanes go different ways");
        refused("fn f() { discard; }", "lanes go different ways");
        refused("fn f(x: f32) -> f32 { return f32(f64(x)); }", "no type of WGSL");
        taken("fn f() -> f32 { let f64 = 1.0; return f64; }");
        taken("fn subgroups(x: f32) -> f32 { return subgroups(x); }");
        refused("fn f(x: f32) { abs(x); }", "not used");
        taken("fn f(x: f32) -> f32 { let y = abs(x); return max(y, 1.0); }");
        refused("fn f() {", "never closed");
        refused("fn f() { (1 }", "closes nothing");
        refused("fn f() {} /* ", "does not end");
    }
}
