//! Templates of lines.

use mongowatch::{Timestamp, format::Template};

use crate::{choices::Choices, expression::filled, growth::assert_linear, odd, place, short_run};

const SEEDS: &[&str] = &[
    "{StartTime} {message} {rest}",
    "{Duration:.3}s {Operation:<12}|{DB:>8}|{Collection:^9}",
    "{{{watch}}} {watch.full}",
    "é{Outcome}\n",
    "{Filter}{Update:<1000}",
];
const TOKENS: &[&str] = &[
    "{",
    "}",
    "{{",
    "}}",
    ":",
    "<",
    ">",
    "^",
    ".",
    "3",
    "12",
    "999999999999",
    "Duration",
    "message",
    "rest",
    "DB",
    "watch.full",
    "é",
    " ",
];

fn target(choices: &mut Choices<'_>) {
    let text = choices.text(SEEDS, TOKENS);
    match text.parse::<Template>() {
        Ok(template) => {
            assert_eq!(text.parse::<Template>().unwrap(), template);
            let _ = template.line(&odd::record(choices));
        }
        Err(error) => {
            let error = error.to_string();
            let column = place::number_behind(&error, "template, column ");
            let column = column.unwrap_or_else(|| panic!("no column: {error}"));
            place::assert_within(&text.replace('\n', " "), 1, column, &error);
        }
    }
}

#[test]
fn any_text_is_a_template_or_an_error_with_a_place() {
    short_run!(3_000, target);
}

#[test]
fn the_time_for_a_template_grows_with_its_length() {
    const LENGTH: usize = 100_000;
    let check = |name: &str, text: &dyn Fn(usize) -> String| {
        assert_linear(name, LENGTH, text, |text| text.parse::<Template>().is_ok());
    };
    let same = |piece: &'static str| move |_: usize| piece.to_owned();
    check("many fields", &|n| filled("", same("{DB}-"), "", n));
    check("many braces", &|n| filled("", same("{{}}"), "", n));
    check("braces without end", &|n| filled("", same("{{"), "{", n));
    check("a long text", &|n| "é".repeat(n / 2));
    check("an unknown field", &|n| format!("{{{}}}", "Durat".repeat(n / 5)));
    let template: Template = "{message} {rest} {watch.full}".parse().unwrap();
    let record = |n: usize| {
        let mut record = odd::record(&mut Choices::new(&[]));
        record.start_time = Timestamp::from_micros(0);
        record.filter = Some(std::sync::Arc::new("é\n\u{1b}".repeat(n / 5).into()));
        record
    };
    assert_linear("a long value", LENGTH, record, |record| template.line(record));
}
