//! What a `cfg` asks for.

use std::collections::BTreeSet;

use syn::{Attribute, Meta, punctuated::Punctuated};

/// The features that an item asks for, besides those that mongowatch turns on in the driver.
pub(crate) type Needs = BTreeSet<String>;

/// The features of the driver that are on without being asked for: its default ones, and door C.
const ON: &[&str] = &[
    "default",
    "compat-3-0-0",
    "compat-3-3-0",
    "bson-2",
    "rustls-tls",
    "dns-resolver",
    "opentelemetry",
];

/// The features that these attributes ask for; none if the item is never there.
pub(crate) fn conditions(attributes: &[Attribute]) -> Option<Needs> {
    let mut needs = Needs::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")) {
        let condition: Meta = attribute.parse_args().expect("a condition");
        match ask_condition(&condition) {
            Answer::Yes => {}
            Answer::No => return None,
            Answer::With(asked) => needs.extend(asked),
        }
    }
    Some(needs)
}

enum Answer {
    Yes,
    No,
    With(Needs),
}

fn ask_condition(condition: &Meta) -> Answer {
    match condition {
        Meta::NameValue(pair) if pair.path.is_ident("feature") => {
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }) = &pair.value else {
                panic!("a feature without a name");
            };
            let name = name.value();
            if ON.contains(&name.as_str()) { Answer::Yes } else { Answer::With([name].into()) }
        }
        Meta::List(list) => {
            let parser = Punctuated::<Meta, syn::Token![,]>::parse_terminated;
            let inner = list.parse_args_with(parser).expect("conditions");
            let mut answers = inner.iter().map(ask_condition);
            if list.path.is_ident("not") {
                return match answers.next() {
                    Some(Answer::Yes) => Answer::No,
                    _ => Answer::Yes,
                };
            }
            let is_all = list.path.is_ident("all");
            let mut needs = Needs::new();
            let mut n_no = 0;
            for answer in answers {
                match answer {
                    Answer::No if is_all => return Answer::No,
                    Answer::Yes if !is_all => return Answer::Yes,
                    Answer::No => n_no += 1,
                    Answer::Yes => {}
                    Answer::With(asked) => needs.extend(asked),
                }
            }
            match (needs.is_empty(), is_all) {
                (true, true) => Answer::Yes,
                (true, false) if n_no > 0 => Answer::No,
                (true, false) => Answer::Yes,
                (false, true) => Answer::With(needs),
                // Any one of them is enough.
                (false, false) => {
                    let one_of: Vec<_> = needs.into_iter().collect();
                    Answer::With([one_of.join(" or ")].into())
                }
            }
        }
        // `test`, `docsrs`, `fuzzing`: not in a build of an application. Platforms: no API.
        _ => Answer::No,
    }
}
