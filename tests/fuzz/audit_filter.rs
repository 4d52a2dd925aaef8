//! Filters of MongoDB's own auditing.

use mongowatch::{bson::doc, filter::AuditFilterSettings};

use crate::{
    choices::Choices,
    expression::filled,
    extjson::{self, assert_place},
    growth::assert_linear,
    matcher, odd, short_run,
};

const SEEDS: &[&str] = &[
    "{ atype: { $in: [ 'createCollection', 'dropCollection' ] }, 'param.ns': /^shop\\./ }",
    r#"{"users.user": "tim", "roles": {"role": "root", "db": "admin"}, "result": {"$ne": 0}}"#,
    "{ atype: 'authCheck', 'param.command': { $in: ['find', 'insert'] }, 'param.args.filter.a': { $exists: true } }",
    r#"{"$or": [{"remote.ip": "127.0.0.1"}, {"local.port": {"$gt": 27000}}, {"ts": {"$gt": {"$date": 0}}}]}"#,
];

fn target(choices: &mut Choices<'_>) {
    let text = choices.text(SEEDS, extjson::TOKENS);
    let settings = match text.parse::<AuditFilterSettings>() {
        Ok(settings) => settings,
        Err(error) => return assert_place(&text, &error),
    };
    let json = serde_json::to_string(&settings).unwrap();
    let again = serde_json::from_str::<AuditFilterSettings>(&json).unwrap();
    assert_eq!(again.query().to_string(), settings.query().to_string());
    match settings.build() {
        Ok(filter) => {
            let _ = (0..4).map(|_| filter.matches(&odd::record(choices))).collect::<Vec<_>>();
        }
        Err(fault) => matcher::assert_place(settings.query().as_document(), &fault),
    }
}

#[test]
fn any_text_is_an_audit_filter_or_an_error_with_a_place() {
    short_run!(3_000, target);
}

#[test]
fn the_time_for_an_audit_filter_grows_with_its_length() {
    const LENGTH: usize = 100_000;
    let check = |name: &str, text: &dyn Fn(usize) -> String| {
        let load = |text: &String| text.parse::<AuditFilterSettings>().unwrap().build().is_ok();
        assert_linear(name, LENGTH, text, load);
    };
    let same = |piece: &'static str| move |_: usize| piece.to_owned();
    check("many alternatives", &|n| {
        filled("{$or: [{atype: 'a'}", same(", {'param.ns': 'a'}"), "]}", n)
    });
    check("many kinds", &|n| filled("{atype: {$in: ['a'", |i| format!(", 'a{i}'"), "]}}", n));
    check("a long name", &|n| format!("{{'param.{}': {{$all: [1, 2, 3]}}}}", "a".repeat(n)));
    check("an unknown name", &|n| format!("{{'{}': 1}}", "atyp".repeat(n / 4)));
    check("many places", &|n| format!("{{'users{}': 1}}", ".0".repeat(n / 2)));
    let bare = AuditFilterSettings::from(doc! { "param.args.a": 1 }).build().unwrap();
    let record = |n: usize| {
        let mut record = odd::record(&mut Choices::new(&[]));
        let filter: mongowatch::bson::Document =
            (0..n).map(|i| (format!("k{i}"), 1.into())).collect();
        record.filter = Some(std::sync::Arc::new(filter.into()));
        record
    };
    assert_linear("a large record", LENGTH / 10, record, |record| bare.matches(record));
}
