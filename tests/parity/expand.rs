//! `macro_rules!` as far as item macros go: what a macro of the crate writes is read like the rest
//! of its source, without knowing the macro.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};

/// One macro: its arms in their order.
pub(crate) struct Rules {
    arms: Vec<(Vec<Pattern>, TokenStream)>,
}

enum Pattern {
    Token(TokenTree),
    Group(Delimiter, Vec<Pattern>),
    Fragment { name: String, kind: String },
    Repeat { inner: Vec<Pattern>, separator: Option<TokenTree>, operator: char },
}

type Bindings = BTreeMap<String, Binding>;

#[derive(Clone)]
enum Binding {
    One(TokenStream),
    Many(Vec<Binding>),
}

impl Rules {
    /// Reads the body of a `macro_rules!`.
    pub(crate) fn parse(body: TokenStream) -> Self {
        let mut arms = Vec::new();
        let mut tokens = body.into_iter();
        // `(pattern) => {text};`
        while let Some(TokenTree::Group(pattern)) = tokens.next() {
            let text = tokens.nth(2);
            let Some(TokenTree::Group(text)) = text else { panic!("an arm without a text") };
            arms.push((patterns(pattern.stream()), text.stream()));
            tokens.next();
        }
        Self { arms }
    }

    /// What the macro writes for this input, by the first arm that fits.
    pub(crate) fn expand(&self, input: TokenStream) -> Option<TokenStream> {
        let input: Vec<_> = input.into_iter().collect();
        self.arms
            .iter()
            .find_map(|(pattern, text)| Some(write(text.clone(), &match_all(pattern, &input)?)))
    }
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

/// The operator after a `$(..)`, and the separator before it.
fn repetition(tokens: &[TokenTree], pos: &mut usize) -> (Option<TokenTree>, char) {
    let mut separator = None;
    loop {
        let token = tokens.get(*pos).expect("a repetition has an operator");
        *pos += 1;
        match token {
            TokenTree::Punct(punct) if matches!(punct.as_char(), '*' | '+' | '?') => {
                return (separator, punct.as_char());
            }
            token => separator = Some(token.clone()),
        }
    }
}

fn patterns(tokens: TokenStream) -> Vec<Pattern> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut patterns = Vec::new();
    let mut pos = 0;
    while let Some(token) = tokens.get(pos) {
        pos += 1;
        match (token, tokens.get(pos)) {
            (TokenTree::Punct(dollar), Some(TokenTree::Group(group)))
                if dollar.as_char() == '$' =>
            {
                pos += 1;
                let (separator, operator) = repetition(&tokens, &mut pos);
                let inner = self::patterns(group.stream());
                patterns.push(Pattern::Repeat { inner, separator, operator });
            }
            (TokenTree::Punct(dollar), Some(TokenTree::Ident(name)))
                if dollar.as_char() == '$' && is_punct(tokens.get(pos + 1), ':') =>
            {
                let kind = tokens.get(pos + 2).expect("a fragment has a kind").to_string();
                patterns.push(Pattern::Fragment { name: name.to_string(), kind });
                pos += 3;
            }
            (TokenTree::Group(group), _) => {
                patterns.push(Pattern::Group(group.delimiter(), self::patterns(group.stream())));
            }
            (token, _) => patterns.push(Pattern::Token(token.clone())),
        }
    }
    patterns
}

fn match_all(patterns: &[Pattern], tokens: &[TokenTree]) -> Option<Bindings> {
    let (mut pos, mut bindings) = (0, Bindings::new());
    let fits = advance(patterns, tokens, &mut pos, &mut bindings) && pos == tokens.len();
    fits.then_some(bindings)
}

fn advance(
    patterns: &[Pattern],
    tokens: &[TokenTree],
    pos: &mut usize,
    bindings: &mut Bindings,
) -> bool {
    patterns.iter().all(|pattern| match (pattern, tokens.get(*pos)) {
        (Pattern::Repeat { inner, separator, operator }, _) => {
            repeat(inner, separator.as_ref(), *operator, tokens, pos, bindings)
        }
        (Pattern::Token(wanted), Some(token)) => {
            *pos += 1;
            !matches!(token, TokenTree::Group(_)) && wanted.to_string() == token.to_string()
        }
        (Pattern::Group(delimiter, inner), Some(TokenTree::Group(group))) => {
            *pos += 1;
            let inside: Vec<_> = group.stream().into_iter().collect();
            let matched = match_all(inner, &inside);
            let fits = group.delimiter() == *delimiter && matched.is_some();
            bindings.extend(matched.unwrap_or_default());
            fits
        }
        (Pattern::Fragment { name, kind }, Some(_)) => {
            let Some((fragment, length)) = fragment(kind, &tokens[*pos..]) else { return false };
            *pos += length;
            bindings.insert(name.clone(), Binding::One(fragment));
            true
        }
        _ => false,
    })
}

fn repeat(
    inner: &[Pattern],
    separator: Option<&TokenTree>,
    operator: char,
    tokens: &[TokenTree],
    pos: &mut usize,
    bindings: &mut Bindings,
) -> bool {
    let mut found: Vec<Bindings> = Vec::new();
    loop {
        let mut ahead = *pos;
        if let (Some(separator), false) = (separator, found.is_empty()) {
            if tokens.get(ahead).map(ToString::to_string) != Some(separator.to_string()) {
                break;
            }
            ahead += 1;
        }
        let mut one = Bindings::new();
        if !advance(inner, tokens, &mut ahead, &mut one) || ahead == *pos {
            break;
        }
        *pos = ahead;
        found.push(one);
        if operator == '?' {
            break;
        }
    }
    let fits = operator != '+' || !found.is_empty();
    for name in names(inner) {
        let each = found.iter().map(|one| one[&name].clone()).collect();
        bindings.insert(name, Binding::Many(each));
    }
    fits
}

fn names(patterns: &[Pattern]) -> Vec<String> {
    let of = |pattern: &Pattern| match pattern {
        Pattern::Token(_) => Vec::new(),
        Pattern::Fragment { name, .. } => vec![name.clone()],
        Pattern::Group(_, inner) | Pattern::Repeat { inner, .. } => names(inner),
    };
    patterns.iter().flat_map(of).collect()
}

/// Takes a fragment of this kind from the start of the tokens: its text and its length.
fn fragment(kind: &str, tokens: &[TokenTree]) -> Option<(TokenStream, usize)> {
    match kind {
        "tt" => Some((tokens[0].clone().into(), 1)),
        "ident" => match &tokens[0] {
            TokenTree::Ident(ident) => Some((ident.to_token_stream(), 1)),
            _ => None,
        },
        "ty" => parse::<syn::Type>(tokens),
        "path" => parse::<syn::Path>(tokens),
        "expr" => parse::<syn::Expr>(tokens),
        "meta" => parse::<syn::Meta>(tokens),
        "literal" => parse::<syn::Lit>(tokens),
        "lifetime" => parse::<syn::Lifetime>(tokens),
        "vis" => parse::<syn::Visibility>(tokens),
        "block" => parse::<syn::Block>(tokens),
        "item" => parse::<syn::Item>(tokens),
        other => panic!("fragments of the kind `{other}` are not read yet"),
    }
}

fn parse<T: Parse>(tokens: &[TokenTree]) -> Option<(TokenStream, usize)> {
    let both = |input: ParseStream<'_>| {
        input.parse::<T>()?;
        input.parse::<TokenStream>()
    };
    let rest = both.parse2(tokens.iter().cloned().collect()).ok()?;
    let length = tokens.len() - rest.into_iter().count();
    Some((tokens[..length].iter().cloned().collect(), length))
}

/// The text of an arm with its variables filled in.
fn write(text: TokenStream, bindings: &Bindings) -> TokenStream {
    let text: Vec<_> = text.into_iter().collect();
    let mut written = TokenStream::new();
    let mut pos = 0;
    while let Some(token) = text.get(pos) {
        pos += 1;
        match (token, text.get(pos)) {
            (TokenTree::Punct(dollar), Some(TokenTree::Group(group)))
                if dollar.as_char() == '$' =>
            {
                pos += 1;
                let (separator, _) = repetition(&text, &mut pos);
                let each = each(group.stream(), bindings);
                for (n, bindings) in each.iter().enumerate() {
                    if n > 0 {
                        written.extend(separator.clone());
                    }
                    written.extend(write(group.stream(), bindings));
                }
            }
            (TokenTree::Punct(dollar), Some(TokenTree::Ident(name))) if dollar.as_char() == '$' => {
                pos += 1;
                match bindings.get(&name.to_string()) {
                    Some(Binding::One(fragment)) => written.extend(fragment.clone()),
                    Some(Binding::Many(_)) => panic!("`${name}` repeats"),
                    None => written.extend([TokenTree::from(name.clone())]),
                }
            }
            (TokenTree::Group(group), _) => {
                let inside = write(group.stream(), bindings);
                written.extend([TokenTree::from(Group::new(group.delimiter(), inside))]);
            }
            (token, _) => written.extend([token.clone()]),
        }
    }
    written
}

/// The bindings of each turn of a repetition.
fn each(text: TokenStream, bindings: &Bindings) -> Vec<Bindings> {
    let repeated: Vec<_> = variables(text)
        .into_iter()
        .filter_map(|name| match bindings.get(&name)? {
            Binding::Many(each) => Some((name, each)),
            Binding::One(_) => None,
        })
        .collect();
    let turns = repeated.first().map_or(0, |(_, each)| each.len());
    (0..turns)
        .map(|turn| {
            let mut bindings = bindings.clone();
            for (name, each) in &repeated {
                bindings.insert(name.clone(), each[turn].clone());
            }
            bindings
        })
        .collect()
}

fn variables(text: TokenStream) -> Vec<String> {
    let text: Vec<_> = text.into_iter().collect();
    let mut found = Vec::new();
    for (n, token) in text.iter().enumerate() {
        match token {
            TokenTree::Group(group) => found.extend(variables(group.stream())),
            TokenTree::Ident(name) if n > 0 && is_punct(text.get(n - 1), '$') => {
                found.push(name.to_string());
            }
            _ => {}
        }
    }
    found
}
