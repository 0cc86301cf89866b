//! Loss modules of the caller's, and the names that keep them apart from ours.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use crate::kernel::wgsl::Fault;
use crate::kernel::wgsl::rules::{browser_fault, closing, declared_name};
use crate::kernel::wgsl::tokens::{Token, tokens};

/// The function that every loss module defines, which kernels call by this name.
const LOSS: &str = "loss_of";

/// The function that a module defines which takes operands that are not finite.
const SPECIAL: &str = "special_loss_of";

/// What `loss_of` returns.
const RESULT: &str = "Loss";

/// Before every name that a caller's module declares. No name of `shaders/` begins so.
const CALLERS: &str = "caller_";

/// Before the functions of `shaders/loss/custom.wgsl`, which modules call without it.
const OURS: &str = "custom_";

/// Those functions of one number; each has a form for four, `exp_of4` for `exp_of`.
const FUNCTIONS: [&str; 5] = ["is_nan", "exp_of", "log_of", "log1p_of", "tanh_of"];

/// What a module may not hold, since kernels bind and enter by themselves.
const OF_KERNELS: [&str; 6] =
    ["group", "binding", "compute", "vertex", "fragment", "workgroup_size"];

/// A loss module of the caller's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CustomModule {
    /// The name in labels.
    pub name: &'static str,
    /// The source.
    pub wgsl: &'static str,
}

impl fmt::Debug for CustomModule {
    /// The name alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What a module lacks, or holds that it must not.
pub(crate) enum Unfit {
    /// There is no `loss_of`.
    NoLoss,
    /// It binds or has an entry point: the attribute.
    OfKernel(String),
    /// Something in a line of it.
    Wrong(Fault),
}

/// Text in a linked kernel, and where it came from.
#[derive(Clone, Copy, Debug)]
struct Piece {
    linked: usize,
    original: usize,
}

/// A module under the names that it is linked with.
pub(super) struct Renamed {
    pub(super) text: String,
    pieces: Vec<Piece>,
}

impl Renamed {
    /// The byte of the caller's text that a byte of this one came from.
    pub(super) fn original(&self, linked: usize) -> usize {
        let at = self.pieces.partition_point(|piece| piece.linked <= linked);
        let Some(piece) = at.checked_sub(1).and_then(|at| self.pieces.get(at)) else { return 0 };
        let original = piece.original + (linked - piece.linked);
        self.pieces.get(at).map_or(original, |next| original.min(next.original))
    }
}

impl CustomModule {
    /// Whether the module says what becomes of operands that are infinite or NaN.
    pub(crate) fn handles_special(&self) -> bool {
        thread_local! {
            /// The text that was looked at last, and what it said: CPU engines ask for each operand.
            static LAST: Cell<Option<(&'static str, bool)>> = const { Cell::new(None) };
        }
        match LAST.get() {
            Some((text, handles)) if std::ptr::eq(text, self.wgsl) => handles,
            _ => {
                let all = tokens(self.wgsl);
                let handles = all.is_ok_and(|tokens| function(&tokens, SPECIAL).is_some());
                LAST.set(Some((self.wgsl, handles)));
                handles
            }
        }
    }

    /// Whether there are loops, which may not end.
    pub(crate) fn has_loops(&self) -> bool {
        tokens(self.wgsl).is_ok_and(|tokens| {
            tokens.iter().any(|token| matches!(token.text, "for" | "while" | "loop"))
        })
    }

    /// Refuses what a loss module may not be, as far as it can be told without a device.
    pub(crate) fn validate(&self) -> Result<(), Unfit> {
        let tokens = tokens(self.wgsl).map_err(Unfit::Wrong)?;
        let loss = function(&tokens, LOSS).ok_or(Unfit::NoLoss)?;
        let attribute = tokens
            .windows(2)
            .find(|pair| pair[0].text == "@" && OF_KERNELS.contains(&pair[1].text));
        if let Some(attribute) = attribute {
            return Err(Unfit::OfKernel(format!("@{}", attribute[1].text)));
        }
        if let Some(fault) = browser_fault(self.wgsl) {
            return Err(Unfit::Wrong(fault));
        }
        if let Some(fault) = clash(&tokens) {
            return Err(Unfit::Wrong(fault));
        }
        for at in [Some(loss), function(&tokens, SPECIAL)].into_iter().flatten() {
            let name = tokens[at].text;
            let found = parameters(&tokens, at + 1);
            if found != 3 {
                let reason = format!(
                    "`{name}` takes `(x: f32, t: f32, third: f32)` and returns `{RESULT}`, this one \
                     takes {found}"
                );
                return Err(Unfit::Wrong(Fault::new(tokens[at].start, reason)));
            }
        }
        Ok(())
    }

    /// The name as a line of a kernel.
    pub(in crate::kernel) fn heading(&self) -> String {
        self.name.replace(char::is_control, " ")
    }

    /// The module under names that no kernel has: those that it declares, and those of the functions
    /// that it is given. Lines stay lines.
    pub(super) fn renamed(&self) -> Renamed {
        // What cannot be read is refused before it is linked.
        let tokens = tokens(self.wgsl).unwrap_or_default();
        let declared: HashSet<&str> = declared(&tokens).map(|token| token.text).collect();
        let members = members(&tokens);
        let mut renamed = Renamed { text: String::new(), pieces: Vec::new() };
        let mut done = 0;
        let push = |renamed: &mut Renamed, original: usize, text: &str| {
            renamed.pieces.push(Piece { linked: renamed.text.len(), original });
            renamed.text.push_str(text);
        };
        for (at, token) in tokens.iter().enumerate() {
            let follows = at > 0 && matches!(tokens[at - 1].text, "." | "@");
            if !token.is_word() || follows || members.contains(&at) || token.text == LOSS {
                continue;
            }
            let name = if declared.contains(token.text) {
                format!("{CALLERS}{}", token.text)
            } else if is_function(token.text) {
                let four = if takes_vector(&tokens, at) { "4" } else { "" };
                format!("{OURS}{}{four}", token.text)
            } else {
                continue;
            };
            push(&mut renamed, done, &self.wgsl[done..token.start]);
            push(&mut renamed, token.start, &name);
            done = token.end();
        }
        push(&mut renamed, done, &self.wgsl[done..]);
        renamed
    }

    /// The module as it is linked.
    pub(in crate::kernel) fn linked(&self) -> String {
        self.renamed().text
    }

    /// A message about a linked module, in the names of the caller's.
    pub(super) fn in_names_of_the_callers(message: &str) -> String {
        message.replace(CALLERS, "").replace(OURS, "")
    }
}

/// Whether a name is that of a function of the interface.
fn is_function(name: &str) -> bool {
    FUNCTIONS.contains(&name)
        || name.strip_suffix('4').is_some_and(|name| FUNCTIONS.contains(&name))
}

/// Whether the function called at `at` is meant in its form for four numbers although it is named
/// without the 4, as a vector's components are taken from it, or its argument is a vector's
/// constructor.
fn takes_vector(tokens: &[Token<'_>], at: usize) -> bool {
    let is_open = |at: usize| tokens.get(at).is_some_and(|token| token.text == "(");
    if tokens[at].text.ends_with('4') || !is_open(at + 1) {
        return false;
    }
    let Some(end) = closing(tokens, at + 1) else { return false };
    if tokens.get(end + 1).is_some_and(|token| token.text == "." || token.text == "[") {
        return true;
    }
    let is_vector = tokens.get(at + 2).is_some_and(|token| matches!(token.text, "vec4" | "vec4f"));
    let inner = (at + 2..end).find(|&at| is_open(at));
    is_vector && inner.and_then(|inner| closing(tokens, inner)) == Some(end - 1)
}

/// The names that a module declares for all of it, where they stand.
fn declared<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'t Token<'a>> {
    let mut depth = 0_usize;
    tokens.iter().enumerate().filter_map(move |(at, token)| {
        match token.text {
            "{" | "(" => depth += 1,
            "}" | ")" => depth = depth.saturating_sub(1),
            "fn" | "struct" | "alias" | "const" | "override" | "var" if depth == 0 => {
                return declared_name(tokens, at);
            }
            _ => {}
        }
        None
    })
}

/// Where the members of structs are declared: they are no names of the module's.
fn members(tokens: &[Token<'_>]) -> HashSet<usize> {
    let mut found = HashSet::new();
    for at in 0..tokens.len() {
        let opens = tokens[at].text == "struct"
            && tokens.get(at + 2).is_some_and(|token| token.text == "{");
        let Some(end) = opens.then(|| closing(tokens, at + 2)).flatten() else { continue };
        found.extend((at + 3..end).filter(|&at| tokens[at + 1].text == ":"));
    }
    found
}

/// Where the name of a function that the module declares stands.
fn function(tokens: &[Token<'_>], name: &str) -> Option<usize> {
    let pair = tokens.windows(2).position(|pair| pair[0].text == "fn" && pair[1].text == name)?;
    Some(pair + 1)
}

/// How many parameters a function has whose parenthesis opens at `open`.
fn parameters(tokens: &[Token<'_>], open: usize) -> usize {
    let Some(end) = closing(tokens, open) else { return 0 };
    let mut depth = 0_usize;
    let mut names = 0;
    for token in &tokens[open + 1..end] {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            ":" if depth == 0 => names += 1,
            _ => {}
        }
    }
    names
}

/// The one name of the interface that a module cannot take, or one that it takes twice.
fn clash(tokens: &[Token<'_>]) -> Option<Fault> {
    let mut seen = HashSet::new();
    declared(tokens).find_map(|token| {
        let name = token.text;
        if name == RESULT {
            let reason = format!(
                "`{name}` is what `{LOSS}` returns, which the kernel declares: name this otherwise"
            );
            return Some(Fault::new(token.start, reason));
        }
        let is_new = seen.insert(name);
        (!is_new).then(|| Fault::new(token.start, format!("`{name}` is declared twice")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(wgsl: &'static str) -> String {
        CustomModule { name: "test", wgsl }.linked()
    }

    #[test]
    fn what_a_module_declares_is_linked_under_other_names() {
        let text = "\
struct Row { value: f32, @align(16) sum: vec2<f32> }
const LANES: u32 = 4u;
alias Sum = f32;
var<private> load: Sum = 1.0;
fn sum(value: f32, load: f32) -> Row { return Row(value, vec2<f32>(load)); }
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let row = sum(x, load); // sum
    return Loss(row.sum.x + row.value, softplus(t) + parameters.loss.x, f32(LANES));
}
";
        let expected = "\
struct caller_Row { value: f32, @align(16) sum: vec2<f32> }
const caller_LANES: u32 = 4u;
alias caller_Sum = f32;
var<private> caller_load: caller_Sum = 1.0;
fn caller_sum(value: f32, caller_load: f32) -> caller_Row { return caller_Row(value, vec2<f32>(caller_load)); }
fn loss_of(x: f32, t: f32, third: f32) -> Loss {
    let row = caller_sum(x, caller_load); // sum
    return Loss(row.sum.x + row.value, softplus(t) + parameters.loss.x, f32(caller_LANES));
}
";
        assert_eq!(linked(text), expected);
    }

    #[test]
    fn functions_of_the_interface_are_ours_unless_they_are_the_callers() {
        assert_eq!(
            linked("let a = exp_of(tanh_of4(b));"),
            "let a = custom_exp_of(custom_tanh_of4(b));"
        );
        assert_eq!(
            linked("fn exp_of(x: f32) -> f32 { return log_of(x); } let a = exp_of(b);"),
            "fn caller_exp_of(x: f32) -> f32 { return custom_log_of(x); } let a = caller_exp_of(b);"
        );
        // As modules could be written before there was a form for one number.
        assert_eq!(linked("tanh_of(v).x"), "custom_tanh_of4(v).x");
        assert_eq!(linked("tanh_of(vec4<f32>(u))"), "custom_tanh_of4(vec4<f32>(u))");
        assert_eq!(linked("tanh_of(vec4<f32>(u).x)"), "custom_tanh_of(vec4<f32>(u).x)");
        assert_eq!(linked("s.exp_of"), "s.exp_of");
    }

    #[test]
    fn places_are_those_of_the_callers_text() {
        let module = CustomModule {
            name: "test",
            wgsl: "const A = 1.0;\nfn loss_of(x: f32) -> f32 {\n    return A + exp_of(x) + nothing;\n}\n",
        };
        let renamed = module.renamed();
        let find = |text: &str, word: &str| text.find(word).expect("a word");
        for (linked, original) in [
            ("nothing", "nothing"),
            ("custom_exp_of", "exp_of"),
            ("caller_A", "A"),
            ("return", "return"),
        ] {
            let at = find(&renamed.text, linked);
            assert_eq!(renamed.original(at), find(module.wgsl, original), "{linked}");
        }
        assert_eq!(renamed.original(renamed.text.len()), module.wgsl.len());
    }

    #[test]
    fn comments_and_names_of_attributes_are_nobodys() {
        let text =
            "// @group\nfn loss_of(x: f32, t: f32, third: f32) -> Loss { return Loss(x, t, 0.0); }";
        let module = |wgsl| CustomModule { name: "test", wgsl };
        assert!(module(text).validate().is_ok());
        let none = module("// fn loss_of(\nfn loss() {}").validate();
        assert!(matches!(none, Err(Unfit::NoLoss)));
        let bound = module("@group(0) var<storage> a: f32; fn loss_of() {}").validate();
        assert!(matches!(bound, Err(Unfit::OfKernel(word)) if word == "@group"));
        assert!(matches!(module("fn loss_of(x: f32) {}").validate(), Err(Unfit::Wrong(_))));
        let other = "struct Loss { a: f32 } fn loss_of(x: f32, t: f32, u: f32) -> Loss {}";
        assert!(matches!(module(other).validate(), Err(Unfit::Wrong(_))));
    }

    #[test]
    fn special_operands_are_for_modules_that_say_so() {
        let module = |wgsl| CustomModule { name: "test", wgsl };
        assert!(module("fn special_loss_of(x: f32) {}").handles_special());
        assert!(!module("// fn special_loss_of(x: f32) {}").handles_special());
        assert!(!module("fn loss_of() { special_loss_of(); }").handles_special());
    }
}
