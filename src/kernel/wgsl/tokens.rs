//! The tokens of a WGSL text, without its comments.

use super::Fault;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) enum Kind {
    /// A keyword or an identifier.
    Word,
    /// A literal.
    Number,
    /// Anything else; operators whole.
    Symbol,
    /// `<` before the arguments of a type.
    TemplateStart,
    /// `>` behind them.
    TemplateEnd,
}

/// A token and where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct Token<'a> {
    pub(in crate::kernel) kind: Kind,
    pub(in crate::kernel) text: &'a str,
    pub(in crate::kernel) start: usize,
}

impl Token<'_> {
    pub(in crate::kernel) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(in crate::kernel) fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }
}

/// Operators of several characters, the longer before the shorter. Those that begin with `<` or `>`
/// are put together once it is known which of these enclose the arguments of a type.
const OPERATORS: [&str; 15] =
    ["->", "==", "!=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="];

/// The tokens of a text.
///
/// # Errors
/// A comment that does not end.
pub(in crate::kernel) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Fault> {
    let mut tokens = raw_tokens(text)?;
    mark_templates(&mut tokens);
    Ok(with_shifts(text, &tokens))
}

fn raw_tokens(text: &str) -> Result<Vec<Token<'_>>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("/*") {
            at += comment_bytes(rest)
                .ok_or_else(|| Fault::new(at, "a comment begins that does not end"))?;
            continue;
        }
        let (kind, bytes) = if first.is_alphabetic() || first == '_' {
            (Kind::Word, bytes_while(rest, |c| c.is_alphanumeric() || c == '_'))
        } else if first.is_ascii_digit() || is_fraction(rest) {
            (Kind::Number, number_bytes(rest))
        } else {
            let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator));
            (Kind::Symbol, operator.map_or(first.len_utf8(), str::len))
        };
        tokens.push(Token { kind, text: &rest[..bytes], start: at });
        at += bytes;
    }
    Ok(tokens)
}

fn bytes_while(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// `.5`
fn is_fraction(text: &str) -> bool {
    text.starts_with('.') && text[1..].starts_with(|c: char| c.is_ascii_digit())
}

/// A literal's bytes: digits, letters, points, and the sign of an exponent.
fn number_bytes(text: &str) -> usize {
    let is_hex = text.starts_with("0x") || text.starts_with("0X");
    let exponent = if is_hex { ['p', 'P'] } else { ['e', 'E'] };
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let is_sign = (c == '+' || c == '-') && exponent.contains(&before);
        if !(c.is_ascii_alphanumeric() || c == '.' || is_sign) {
            return at;
        }
        before = c;
    }
    text.len()
}

/// The bytes of a comment `/* .. */`, which may hold others.
fn comment_bytes(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = text.get(at..)?;
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next()?.len_utf8();
        }
    }
}

/// Finds the `<` and `>` that enclose the arguments of a type, as the specification has it.
/// <https://www.w3.org/TR/WGSL/#template-lists-sec>
fn mark_templates(tokens: &mut [Token<'_>]) {
    let mut pending: Vec<(usize, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < tokens.len() {
        let follows = |tokens: &[Token<'_>], text: &str| {
            let here = tokens[at];
            tokens.get(at + 1).is_some_and(|next| next.start == here.end() && next.text == text)
        };
        match tokens[at].text {
            "<" => {
                if follows(tokens, "<") || follows(tokens, "=") {
                    at += 1;
                } else if at > 0 && tokens[at - 1].is_word() {
                    pending.push((at, depth));
                }
            }
            ">" => match pending.last() {
                Some(&(start, of)) if of == depth => {
                    pending.pop();
                    tokens[start].kind = Kind::TemplateStart;
                    tokens[at].kind = Kind::TemplateEnd;
                }
                _ if follows(tokens, "=") => at += 1,
                _ => {}
            },
            "(" | "[" => depth += 1,
            ")" | "]" => {
                pending.retain(|&(_, of)| of < depth);
                depth = depth.saturating_sub(1);
            }
            "&&" | "||" => pending.retain(|&(_, of)| of < depth),
            ";" | "{" | ":" | "=" | "+=" | "-=" | "*=" | "/=" | "%=" | "&=" | "|=" | "^=" => {
                pending.clear();
                depth = 0;
            }
            _ => {}
        }
        at += 1;
    }
}

/// The tokens, with the operators put together that begin with `<` or `>`.
fn with_shifts<'a>(text: &'a str, tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut whole: Vec<Token<'a>> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let joins = whole.last().is_some_and(|last| {
            last.kind == Kind::Symbol
                && token.kind == Kind::Symbol
                && last.end() == token.start
                && matches!(
                    (last.text, token.text),
                    ("<", "<" | "=") | (">", ">" | "=") | ("<<" | ">>", "=")
                )
        });
        match whole.last_mut() {
            Some(last) if joins => last.text = &text[last.start..token.end()],
            _ => whole.push(*token),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).expect("tokens").into_iter().map(|token| token.text).collect()
    }

    fn templates(text: &str) -> usize {
        let all = tokens(text).expect("tokens");
        let starts = all.iter().filter(|token| token.kind == Kind::TemplateStart).count();
        assert_eq!(starts, all.iter().filter(|token| token.kind == Kind::TemplateEnd).count());
        starts
    }

    #[test]
    fn comments_are_no_tokens() {
        assert_eq!(texts("a // b\n/* c /* d */ e */ f"), ["a", "f"]);
        assert_eq!(tokens("a /* /* */").unwrap_err().at, 2);
    }

    #[test]
    fn literals_are_whole() {
        let numbers = "1 1u 0x1p-3f 1.5e+3 .5 0xFFu 1e-2h 2.";
        assert_eq!(texts(numbers), numbers.split(' ').collect::<Vec<_>>());
        assert_eq!(texts("x-1.0+2"), ["x", "-", "1.0", "+", "2"]);
        assert_eq!(texts("v.x.y"), ["v", ".", "x", ".", "y"]);
    }

    #[test]
    fn arguments_of_types_are_told_from_comparisons() {
        assert_eq!(templates("let a = array<vec2<f32>,4>(b);"), 2);
        assert_eq!(templates("let a = bitcast<vec4<u32>>(b);"), 2);
        assert_eq!(templates("if a < b && c > d {"), 0);
        assert_eq!(templates("if (a < b) == (c > d) {"), 0);
        assert_eq!(templates("a[b < c] = d > e;"), 0);
        assert_eq!(templates("f(a < b, c)"), 0);
        assert_eq!(templates("let p = ptr<function, f32>;"), 1);
        assert_eq!(texts("a<<2u>>b<=c>=d"), ["a", "<<", "2u", ">>", "b", "<=", "c", ">=", "d"]);
        assert_eq!(texts("a<<=1u; b>>=1u;"), ["a", "<<=", "1u", ";", "b", ">>=", "1u", ";"]);
    }

    #[test]
    fn any_letters_make_a_name() {
        assert_eq!(texts("ünï+变量"), ["ünï", "+", "变量"]);
    }
}
