//! Regular expressions of the server's flavour.

use mongowatch::{bson::doc, filter::Matcher};

use crate::{choices::Choices, expression::filled, growth::assert_linear, place, short_run};

const SEEDS: &[&str] = &[
    "^news$",
    r"^\w+@\w+\.(com|org)$",
    "(?i:a)|[^\\d\\s]b{2,3}?",
    r"\Qa.b\E[[:alpha:]_-]",
    "(?<year>\\d{4})-\\x41\\x{e9}",
    "(?m)^a$|\\Z",
    "a*?b+?c??",
    r"[\]a-z\-]\bx\b\h\R",
    "(?#comment)(?:a|b|)",
    "[^]a][a^]\\0\\012\\e",
];
const TOKENS: &[&str] = &[
    "(",
    ")",
    "(?:",
    "(?i)",
    "(?-m:",
    "(?<n>",
    "(?P<n>",
    "(?'n'",
    "(?#",
    "(?=",
    "(?>",
    "[",
    "]",
    "[^",
    "[:alpha:]",
    "[[:^digit:]]",
    "-",
    "^",
    "$",
    "|",
    "*",
    "+",
    "?",
    "{2}",
    "{2,1}",
    "{,3}",
    "{",
    "}",
    "\\",
    "\\d",
    "\\W",
    "\\b",
    "\\Q",
    "\\E",
    "\\x{",
    "\\x41",
    "\\777",
    "\\N",
    "\\R",
    "\\Z",
    ".",
    "a",
    "é",
    " ",
    "#",
    "\n",
    "&&",
    "--",
    "~~",
    "K",
    "ſ",
];

fn target(choices: &mut Choices<'_>) {
    const TEXTS: &[&str] =
        &["", "a", "news", "news\n", "a\nb\n", "é", "x 1", "2026-A\u{e9}", "\u{1f600}", "K\u{17f}"];
    let options: String =
        (0..choices.below(3)).map(|_| choices.pick(&['i', 'm', 's', 'x', 'u'])).collect();
    let pattern = choices.text(SEEDS, TOKENS);
    match Matcher::for_documents(&doc! { "a": { "$regex": &pattern, "$options": &options } }) {
        Ok(matcher) => {
            for text in TEXTS {
                let _ = matcher.matches_document(&doc! { "a": *text });
            }
            // A pattern and its opposite: one of them matches.
            let not = doc! { "a": { "$not": { "$regex": &pattern, "$options": &options } } };
            let not = Matcher::for_documents(&not).unwrap();
            for text in TEXTS {
                let document = doc! { "a": *text };
                assert_ne!(
                    matcher.matches_document(&document),
                    not.matches_document(&document),
                    "{pattern:?} {text:?}"
                );
            }
        }
        Err(fault) => {
            let way: Vec<_> = fault.path().collect();
            assert_eq!(way.len(), 2, "{fault}");
            assert!(!fault.message().is_empty());
            let _ = place::number_behind(fault.message(), "column ");
        }
    }
}

#[test]
fn any_text_is_a_pattern_or_a_fault() {
    short_run!(3_000, target);
}

#[test]
fn the_time_for_a_pattern_grows_with_its_length() {
    const LENGTH: usize = 8_000;
    let check = |name: &str, pattern: &dyn Fn(usize) -> String| {
        assert_linear(name, LENGTH, pattern, |pattern| {
            Matcher::for_documents(&doc! { "a": { "$regex": pattern } }).is_ok()
        });
    };
    let same = |piece: &'static str| move |_: usize| piece.to_owned();
    check("letters", &|n| "a".repeat(n));
    check("alternatives", &|n| filled("a", |i| format!("|b{i}"), "", n));
    check("groups", &|n| filled("", same("(a)"), "", n));
    check("groups with names", &|n| filled("", |i| format!("(?<n{i}>a)"), "", n));
    check("groups in each other", &|n| "(".repeat(n / 2) + &")".repeat(n / 2));
    check("classes", &|n| filled("", same("[a-z\\d]"), "", n));
    check("a long class", &|n| filled("[", same("ab-c\\d"), "]", n));
    check("a class without its end", &|n| filled("[", same("[:a"), "", n));
    check("counted repeats", &|n| filled("", same("a{1,5}"), "", n));
    check("counted repeats in each other", &|n| filled("(?:a{9}", same("){9}(?:b"), ")", n));
    check("braces that repeat nothing", &|n| "a{".repeat(n / 2));
    check("comments", &|n| filled("", same("(?#x)"), "", n));
    check("comments without end", &|n| "(?#".repeat(n / 3));
    check("quotations", &|n| filled("", same(r"\Qa.b\E"), "", n));
    check("ends", &|n| filled("", same("a$|"), "", n));
    check("flags", &|n| filled("", same("(?i)a(?-i)"), "", n));
}
