//! Whatever is given is refused or becomes right.

use proptest::{
    prelude::{
        ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_assume, prop_oneof,
        proptest,
    },
    test_runner::TestCaseError,
};

use super::{BIG, Refusal, convert, with_handler};
use crate::config::check_yaml_text;

/// A part of a file at random: what stands where it belongs, and what does not.
fn part() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "version",
        "watchers",
        "global",
        "collection",
        "cursor",
        "handlers",
        "loggers",
        "root",
        "formatters",
        "filters",
        "pymongo.watcher",
        "pymongo.watcher.cursor",
        "level",
        "DEBUG",
        "class",
        "logging.StreamHandler",
        "logging.FileHandler",
        "filename",
        "a.log",
        "format",
        "style",
        "'{'",
        "'{watch} {levelname:<9}'",
        "'%(asctime)s'",
        "stream",
        "ext://sys.stdout",
        "cfg://handlers.a",
        "cfg://root",
        "cfg://a[0].b",
        "'()'",
        "p.setup_queue_handler",
        "backend",
        "p.ExpressionFilter",
        "p.ExecuteFilter",
        "p.RateFilter",
        "p.AddFieldAttributes",
        "expression",
        "execute",
        "attributes",
        "field_name",
        "timeout_sec",
        "log_level",
        "default_fields",
        "csv",
        "file",
        "operations",
        "find",
        "to",
        "value",
        "a",
        "b",
        "1",
        "-5",
        "2.5e300",
        "0.001",
        "null",
        "true",
        "~",
        "'${A}'",
        "\"\\u2028\\n\"",
        "'watch.Duration > 1 or not watch.DB == \"a\"'",
        "MatchedCount",
        "DB",
        "&x",
        "*x",
        "!!str",
        "'",
        "é",
        "maxBytes",
        "backupCount",
        "1000000",
        "logging.handlers.RotatingFileHandler",
        "maxsize",
        "forced_delay_sec",
        "output_rate_sec",
    ];
    proptest::sample::select(WORDS).prop_map(str::to_owned)
}

/// YAML of such parts, indented at random.
fn yaml() -> impl Strategy<Value = String> {
    let value = part().prop_recursive(4, 60, 6, |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..5);
        let map = proptest::collection::vec((part(), inner), 0..6);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(", "))),
            map.prop_map(|entries| {
                let entries = entries.iter().map(|(key, value)| format!("{key}: {value}"));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }),
        ]
    });
    let entries = proptest::collection::vec((part(), value), 0..8);
    entries.prop_map(|entries| {
        let lines = entries.into_iter().map(|(key, value)| format!("{key}: {value}\n"));
        format!("version: 1\n{}", lines.collect::<String>())
    })
}

/// A file that is right but for some values.
fn nearly_right() -> impl Strategy<Value = String> {
    let n_parts = BIG.matches(':').count();
    proptest::collection::vec((0..n_parts, part()), 0..6).prop_map(|changes| {
        let mut lines: Vec<String> = BIG.lines().map(str::to_owned).collect();
        for (index, part) in changes {
            let place = index % lines.len();
            if let Some((key, _)) = lines[place].clone().split_once(": ") {
                lines[place] = format!("{key}: {part}");
            }
        }
        lines.join("\n")
    })
}

/// Either what comes out is right, or the source is at fault.
fn is_right_or_refused(source: &str) -> Result<(), TestCaseError> {
    match convert(source, "source.yaml") {
        Ok(converted) => {
            let errors = check_yaml_text(&converted.yaml, "result");
            prop_assert!(errors.is_empty(), "{errors:?}\n{}", converted.yaml);
        }
        Err(Refusal::Source(_)) => {}
        Err(Refusal::Result(message)) => prop_assert!(false, "{message}"),
    }
    Ok(())
}

proptest! {
    // Each case converts and checks a whole file.
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_given_is_refused_or_becomes_right(source in yaml()) {
        is_right_or_refused(&source)?;
    }

    #[test]
    fn what_is_nearly_right_is_refused_or_becomes_right(source in nearly_right()) {
        is_right_or_refused(&source)?;
    }

    #[test]
    fn any_text_stays_what_it_was_in_yaml(text in any::<String>()) {
        let source = with_handler("class: logging.FileHandler", "");
        let name: String = text.chars().filter(|letter| *letter != '\0').collect();
        prop_assume!(!name.is_empty());
        let quoted = serde_json::to_string(&name).unwrap();
        let source = source.replace("class: logging.FileHandler", &format!("class: logging.FileHandler\n    filename: {quoted}"));
        if let Ok(converted) = convert(&source, "source.yaml") {
            let settings = crate::config::Settings::from_yaml_str(&converted.yaml, "result").unwrap();
            let mut paths = settings.layers.iter().filter_map(|layer| layer.path());
            prop_assert_eq!(paths.next(), Some(std::path::Path::new(&name)));
        }
    }
}
