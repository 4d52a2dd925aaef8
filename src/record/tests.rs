use std::sync::Arc;

use mongodb::bson::{Bson, doc};
use proptest::prelude::*;

use super::*;

fn record() -> WatchMessage {
    WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(1_000_001))
}

#[test]
fn iterations_are_printed_parsed_and_ordered() {
    let in_order = ["0", "1", "2", "10", "final", "final(0)", "final(3)", "final(12)"];
    let parsed: Vec<Iteration> = in_order.iter().map(|text| text.parse().unwrap()).collect();
    assert!(parsed.is_sorted_by(|a, b| a < b));
    for (text, iteration) in in_order.iter().zip(parsed) {
        assert_eq!(iteration.to_string(), *text);
    }
    for wrong in
        ["", "-1", "+1", "1.5", "Final", "final()", "final(-1)", "final(1", "finally", "zz"]
    {
        assert!(wrong.parse::<Iteration>().is_err(), "{wrong:?} was taken");
    }
}

#[test]
fn ids_sort_by_the_start_of_their_operations() {
    let ids: Vec<WatchId> = (0..1_000)
        .map(|n| WatchId::at(Timestamp::from_micros(1_700_000_000_000_000 + n * 500)))
        .collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
}

#[test]
fn field_names_are_unique_and_found_again() {
    for field in Field::ALL {
        assert_eq!(field.name().parse::<Field>().unwrap(), *field);
        assert!(!field.doc().is_empty());
    }
    let mut names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Field::ALL.len());
}

#[test]
fn the_default_columns_are_those_of_pymongowatch_after_the_watchers_name() {
    let names: Vec<_> = Field::CSV_DEFAULT.iter().map(|field| field.name()).collect();
    assert_eq!(
        names.join(","),
        "WatcherName,WatchID,Iteration,StartTime,EndTime,DB,Collection,Operation,Filter,Duration,\
         MatchedCount,InsertedCount,UpsertedCount,ModifiedCount,DeletedCount"
    );
}

/// A value that each field takes, so that a new field cannot be forgotten.
fn sample(field: Field) -> Bson {
    match field {
        Field::WatcherName => "mongowatch.cursor".into(),
        Field::WatchId | Field::SessionId => "0190163d-8694-739b-aea5-966c26f8ad91".into(),
        Field::Iteration => "final(4)".into(),
        Field::StartTime | Field::EndTime => {
            Bson::DateTime(mongodb::bson::DateTime::from_millis(1_714_564_800_060))
        }
        Field::Filter
        | Field::Update
        | Field::Options
        | Field::ResumeToken
        | Field::Labels
        | Field::QueryShape
        | Field::Extra => doc! { "a": 1 }.into(),
        Field::Actor | Field::OnBehalfOf => {
            doc! { "Kind": "user", "ID": "ada", "Name": "Ada" }.into()
        }
        Field::MissingContext => vec![Bson::from("Actor")].into(),
        Field::TxnOutcome => "committed".into(),
        Field::Duration => Bson::Double(0.25),
        Field::Outcome => "partial".into(),
        Field::InsertedIds => vec![Bson::Int32(1), "two".into()].into(),
        Field::RequestIds => vec![Bson::Int32(7)].into(),
        Field::WriteErrors => vec![Bson::from(doc! { "index": 2_i64, "code": 11000 })].into(),
        Field::MatchedCount
        | Field::InsertedCount
        | Field::UpsertedCount
        | Field::ModifiedCount
        | Field::DeletedCount
        | Field::ErrorCode
        | Field::ReturnedCount
        | Field::Batches
        | Field::Attempts
        | Field::Resumes
        | Field::FileBytes
        | Field::FileChunks
        | Field::Redacted
        | Field::RequestBytes
        | Field::ReplyBytes
        | Field::TxnNumber
        | Field::ConnectionId
        | Field::ServerConnectionId
        | Field::Pid
        | Field::Seq => Bson::Int64(42),
        _ => "text".into(),
    }
}

#[test]
fn every_field_gives_back_what_was_set() {
    let mut record = record();
    for field in Field::ALL {
        record.set(*field, sample(*field)).unwrap();
        assert_eq!(Bson::from(record.get(*field)), sample(*field), "{field}");
    }
}

#[test]
fn a_value_of_another_type_is_refused_and_changes_nothing() {
    for field in Field::ALL {
        let mut record = record();
        record.set(*field, sample(*field)).unwrap();
        let before = record.clone();
        let error = record.set(*field, Bson::MinKey).unwrap_err();
        assert!(error.is_invalid());
        assert!(error.to_string().starts_with(&format!("{field}: expected")), "{error}");
        assert_eq!(record, before);
    }
}

#[test]
fn null_clears_what_may_be_missing() {
    let mut record = record();
    for field in Field::ALL {
        record.set(*field, sample(*field)).unwrap();
        if record.set(*field, Bson::Null).is_ok() {
            assert!(record.get(*field).is_missing(), "{field}");
        }
    }
    assert_eq!(record.error, None);
}

#[test]
fn setting_a_field_of_one_version_leaves_the_others_alone() {
    let mut first = record();
    first.origin = Arc::new(Origin { user: Some("app".into()), ..Origin::default() });
    let mut second = first.clone();
    second.set(Field::User, "other".into()).unwrap();
    assert_eq!(first.get(Field::User), Value::Str("app"));
}

#[test]
fn debug_shows_no_value() {
    let mut record = record();
    record.filter = Some(Arc::new(doc! { "secret_key": "secret_value" }.into()));
    record.set(Field::ErrorMessage, "secret text".into()).unwrap();
    record.set(Field::Actor, doc! { "Kind": "user", "ID": "secret one" }.into()).unwrap();
    record.set(Field::Labels, doc! { "a": "secret label" }.into()).unwrap();
    let debug = format!("{record:?}");
    assert!(!debug.contains("secret"), "{debug}");
    assert!(debug.contains("Filter: <1>"), "{debug}");
}

#[test]
fn moments_before_1970_are_kept() {
    assert_eq!(Timestamp::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    assert_eq!(Timestamp::from_micros(i64::MAX).to_string(), format!("{}us", i64::MAX));
}

proptest! {
    #[test]
    fn an_iteration_survives_its_text(n: u64, last: bool) {
        let iteration = if last { Iteration::Final(Some(n)) } else { Iteration::Update(n) };
        prop_assert_eq!(iteration.to_string().parse::<Iteration>().unwrap(), iteration);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text: String) {
        let _ = text.parse::<Iteration>();
        let _ = text.parse::<WatchId>();
        let _ = text.parse::<Field>();
    }
}
