//! What scripts can do, what they cannot, and that they leave alone what they do not touch.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use expect_test::{Expect, expect};
use mongodb::bson::{
    Binary, Bson, DateTime, Decimal128, Document, doc, oid::ObjectId, spec::BinarySubtype,
};
use proptest::prelude::*;

use super::{OnError, Script, ScriptSettings};
use crate::{
    filter::{Draft, Filter, NamedFilters, StepSettings, Steps, Verdict},
    record::{Actor, Context, EventLevel, Field, Timestamp, Value, WatchMessage, WatcherName},
};

fn record() -> WatchMessage {
    let start = Timestamp::from_micros(1_714_564_800_060_001);
    let mut record = WatchMessage::new(WatcherName::Collection, "find", start);
    record.id = "018f3423-2660-7000-8000-000000000000".parse().unwrap();
    record.db = Some("shop".into());
    record.collection = Some("news".into());
    record.duration = Some(Duration::from_millis(1_500));
    record.counts.matched = Some(7);
    record.traffic.request_ids = vec![3, 4];
    let context = Context { actor: Some(Actor::user("alice")), ..Context::default() };
    record.context = Some(context.into());
    let filter = doc! {
        "email": "alice@example.com",
        "age": { "$gt": 30_i32, "$lt": 40_i64 },
        "price": 9.5,
        "tags": ["a", "b", { "c": null }],
        "_id": ObjectId::from_bytes([7; 12]),
        "when": DateTime::from_millis(1_714_564_800_000),
        "sum": "12.50".parse::<Decimal128>().unwrap(),
        "bytes": Binary { subtype: BinarySubtype::Generic, bytes: vec![1, 2, 3] },
        "a.b": true,
        "none": null,
    };
    record.filter = Some(Arc::new(filter.into()));
    record
}

fn script(code: &str) -> Script {
    ScriptSettings::new(code).build().unwrap_or_else(|fault| panic!("{code}: {fault}"))
}

/// Runs a script on the record; what became of it, and why it failed.
fn run(code: &str, record: WatchMessage) -> (Verdict, WatchMessage, Option<String>) {
    let mut script = script(code);
    let now = record.start_time;
    let mut draft = Draft::new(Arc::new(record), now);
    let verdict = script.apply(&mut draft);
    let failure = script.take_failure().map(|(message, _)| message);
    (verdict, draft.record().clone(), failure)
}

/// Checks that each line, which is a script, has the value `true`.
#[track_caller]
fn holds(lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let code = format!("if !({line}) {{ throw 1 }}");
        let (_, _, failure) = run(&code, record());
        assert_eq!(failure, None, "{line}");
    }
}

/// Checks what a script makes of the filter, and of `Extra`.
#[track_caller]
fn changes(code: &str, expected: Expect) {
    let (_, after, failure) = run(code, record());
    assert_eq!(failure, None, "{code}");
    let before = record();
    let mut text = String::new();
    for field in Field::ALL {
        let (old, new) = (before.get(*field), after.get(*field));
        if old != new {
            let new = Bson::from(new).into_relaxed_extjson();
            text.push_str(&format!("{field}: {new}\n"));
        }
    }
    expected.assert_eq(&text);
}

/// Checks why a script fails.
#[track_caller]
fn fails(code: &str, expected: Expect) {
    let (verdict, _, failure) = run(code, record());
    assert_eq!(verdict, Verdict::Drop);
    expected.assert_eq(&failure.unwrap_or_else(|| panic!("{code} does not fail")));
}

/// Checks why a script is refused.
#[track_caller]
fn refused(code: &str, expected: Expect) {
    let fault = ScriptSettings::new(code).build().map(|_| panic!("{code} is taken")).unwrap_err();
    expected.assert_eq(&fault.to_string());
}

#[test]
fn what_scripts_read() {
    holds(
        r#"
        record.DB == "shop"
        record["Collection"] == "news"
        record.Duration > 1.0 && record.Duration > 1 && record.Duration < 2
        record.MatchedCount == 7
        record.Tenant == ()
        record.Filter.email.len() == 17
        record.Filter.email.contains("@")
        record.Filter.age["$gt"] == 30
        record.Filter.age["$lt"] > record.Filter.age["$gt"]
        record.Filter.price == 9.5
        record.Filter["a.b"]
        record.Filter.tags[0] == "a"
        record.Filter.tags[-2] == "b"
        record.Filter.tags[2].c == ()
        record.Filter.tags[9] == ()
        record.Filter.tags.len() == 3
        record.Filter.tags.len == 3
        record.Filter.missing.below[3].that == ()
        record.Filter.tags.contains("b") && !("z" in record.Filter.tags)
        "email" in record.Filter && !("mail" in record.Filter)
        "DB" in record && !("Tenant" in record)
        record.has("Filter.age") && record.has("Filter.none") && !record.has("Filter.mail")
        record.kind("Filter._id") == "objectId" && record.kind("Filter.none") == "null"
        record.kind("Filter.mail") == "missing" && record.kind("Duration") == "double"
        record.Filter.keys().len() == 10 && record.Filter.keys()[0] == "email"
        record.Filter.age.values() == [30, 40]
        record.keys().contains("Filter")
        record.RequestIDs == [3, 4]
        record.Actor.ID == "alice"
        record.Iteration == "0"
        record.Filter._id.to_string() == "070707070707070707070707"
        record.Filter._id == object_id("070707070707070707070707")
        record.Filter._id != object_id("070707070707070707070708")
        record.Filter.when == date("2024-05-01T12:00:00Z")
        record.Filter.when < date("2024-05-01T12:00:00.001Z")
        record.StartTime > record.Filter.when
        record.Filter.when.to_string() == "2024-05-01T12:00:00Z"
        record.Filter.sum > 12 && record.Filter.sum < 12.75 && record.Filter.sum == 12.5
        12 < record.Filter.sum
        !(record.Filter.sum < "x") && !(record.Filter.sum > "x")
        record.Filter.age == record.Filter.age
        record.Filter.age != record.Filter.tags
        record.Filter.age != 1 && record.Filter.age != ()
        record.Extra == () && record.Extra.Slow == ()
        record.Filter.age.to_string() == "{\"$gt\":30,\"$lt\":40}"
        { let n = 0; for tag in record.Filter.tags { n += 1; } n == 3 }
        { let n = ""; for key in record.Filter.age { n += key; } n == "$gt$lt" }
        (record.Filter.age?.x ?? 4) == 4
        record.Filter.price + record.Filter.age["$gt"] == 39.5
        `mail: ${record.Filter.email}`.starts_with("mail: alice")
        record.Filter.email.split("@")[1].to_upper() == "EXAMPLE.COM"
        { const filter = record.Filter; filter.email.len() == 17 }
        { let all = record.Filter.tags.values(); all.len() == 3 && all[1] == "b" }
    "#,
    );
}

#[test]
fn what_scripts_change() {
    changes(
        r#"record.Extra.Slow = true; record.Extra.n = 3; record.Extra.deep = #{ b: [1, 2.5, "x"], a: () };"#,
        expect![[r#"
            Extra: {"Slow":true,"n":3,"deep":{"a":null,"b":[1,2.5,"x"]}}
        "#]],
    );
    changes(
        r#"record.Filter.age["$gt"] += 1; record.Filter.age["$lt"] = 5000000000; record.Filter.price = 1;"#,
        expect![[r#"
            Filter: {"email":"alice@example.com","age":{"$gt":31,"$lt":5000000000},"price":1,"tags":["a","b",{"c":null}],"_id":{"$oid":"070707070707070707070707"},"when":{"$date":"2024-05-01T12:00:00Z"},"sum":{"$numberDecimal":"12.50"},"bytes":{"$binary":{"base64":"AQID","subType":"00"}},"a.b":true,"none":null}
        "#]],
    );
    changes(
        r#"record.Filter.tags[0] = record.Filter._id; record.Filter.tags.push(record.Filter.when); record.Filter.tags[2].remove("c");"#,
        expect![[r#"
            Filter: {"email":"alice@example.com","age":{"$gt":30,"$lt":40},"price":9.5,"tags":[{"$oid":"070707070707070707070707"},"b",{},{"$date":"2024-05-01T12:00:00Z"}],"_id":{"$oid":"070707070707070707070707"},"when":{"$date":"2024-05-01T12:00:00Z"},"sum":{"$numberDecimal":"12.50"},"bytes":{"$binary":{"base64":"AQID","subType":"00"}},"a.b":true,"none":null}
        "#]],
    );
    changes(
        r#"record.DB = "x"; record.Tenant = "acme"; record.Duration = (); record.Labels.team = "a"; record.Actor = #{Kind: "system", ID: "batch"};"#,
        expect![[r#"
            DB: "x"
            Duration: null
            Actor: {"ID":"batch","Kind":"system"}
            Tenant: "acme"
            Labels: {"team":"a"}
        "#]],
    );
    changes(
        r#"record.mask("Filter.email"); record.mask(["Filter.age", "Filter.sum"], "fixed"); record.truncate("Filter.tags"); record.drop("Filter.**.c"); record.remove("RequestIDs"); record.shape();"#,
        expect![[r#"
            Filter: {"email":"?string","age":{"$gt":"?","$lt":"?"},"price":9.5,"tags":["a","b",{}],"_id":{"$oid":"070707070707070707070707"},"when":{"$date":"2024-05-01T12:00:00Z"},"sum":"?","bytes":{"$binary":{"base64":"AQID","subType":"00"}},"a.b":true,"none":null}
            QueryShape: {"filter":{"$and":[{"_id":{"$eq":"?objectId"}},{"a.b":{"$eq":"?bool"}},{"age":{"$gt":"?string"}},{"age":{"$lt":"?string"}},{"bytes":{"$eq":"?binData"}},{"email":{"$eq":"?string"}},{"none":{"$eq":"?null"}},{"price":{"$eq":"?number"}},{"sum":{"$eq":"?string"}},{"tags":{"$eq":"?array<>"}},{"when":{"$eq":"?date"}}]}}
            ShapeHash: "v1:509747a200379cc7277332acdf9a9dfc"
            ShapeLabel: "find shop.news _id,a.b,age,bytes,email,none,price,sum,..."
            RequestIDs: null
        "#]],
    );
    // What a script reads in a chain comes back to where it was: it is no change.
    changes(
        r#"record.DB.len(); record.WatchID.len(); record.StartTime.to_string(); record.Filter.tags.len(); record.Filter.email.len(); record.Filter._id.to_string(); record.RequestIDs.len(); record.Duration.to_string(); record.Filter.age = record.Filter.age; record.Filter.none = ()"#,
        expect![[""]],
    );
    changes(
        r#"record.Extra.copy = record.Filter.bytes; record.Filter.remove("email"); record.Filter.tags.remove(0); record.Filter["a.b"] = ();"#,
        expect![[r#"
            Filter: {"age":{"$gt":30,"$lt":40},"price":9.5,"tags":["b",{"c":null}],"_id":{"$oid":"070707070707070707070707"},"when":{"$date":"2024-05-01T12:00:00Z"},"sum":{"$numberDecimal":"12.50"},"bytes":{"$binary":{"base64":"AQID","subType":"00"}},"a.b":null,"none":null}
            Extra: {"copy":{"$binary":{"base64":"AQID","subType":"00"}}}
        "#]],
    );
}

/// Without a limit of time that would hide the others.
fn without_timeout(code: &str) -> ScriptSettings {
    ScriptSettings { timeout: Duration::from_secs(10), ..ScriptSettings::new(code) }
}

/// Checks that each line, which is a script, fails: `why` is a part of why.
#[track_caller]
fn all_fail(lines: &str, why: &str) {
    for code in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut script = without_timeout(code).build().unwrap_or_else(|fault| panic!("{fault}"));
        let mut draft = Draft::new(Arc::new(record()), Timestamp::from_micros(0));
        assert_eq!(script.apply(&mut draft), Verdict::Drop, "{code}");
        let (failure, _) = script.take_failure().unwrap_or_else(|| panic!("{code} does not fail"));
        assert!(failure.contains(why), "{code}: {failure}");
    }
}

#[test]
fn what_does_not_end_has_a_number_of_operations() {
    all_fail(
        r#"
        loop {}
        while true {}
        for i in range(0, 9000000000000000000, 1) {}
        try { loop {} } catch { loop {} }
        loop { try { loop {} } catch { } }
        try { throw 1 } catch { loop {} }
        `${loop {}}`
        loop { record.DB }
        loop { record.Filter.email.split("@") }
        loop { record.Filter == record.Filter }
        loop { record.mask("Filter") }
        loop { record.truncate("Filter", 3) }
        let n = 0; loop { record.mask(`Filter.${n}`); n += 1 }
        "#,
        "too many operations",
    );
    all_fail(
        r#"
        fn f() { f() } f()
        fn f(x) { f(x + 1) + f(x) } f(1)
        fn f(x) { g(x) } fn g(x) { f(x) } f(1)
        "#,
        "call each other too deeply",
    );
}

#[test]
fn what_grows_has_a_size() {
    all_fail(
        r#"
        let s = "x"; loop { s += s; }
        let s = "aaaaaaaa"; loop { s.replace("a", "aa"); }
        let s = "x"; s.pad(1000000000, 'x');
        let s = "a"; s.pad(200000, 'a'); s.replace("a", s);
        let s = "a"; s.pad(200000, 'a'); s.replace('a', s);
        let a = []; loop { a.push(1); }
        let a = []; loop { a.push(a); }
        let a = []; loop { a.insert(0, a); }
        let a = [1]; loop { a += a; }
        let a = []; a.pad(1000000000, 1);
        let m = #{}; loop { m[m.len().to_string()] = 1; }
        "#,
        "too large: ",
    );
    all_fail(
        r#"
        let a = []; loop { a = [a]; }
        let a = [[]]; loop { a[0] = [a[0]]; }
        let a = []; loop { let b = [[[[[a]]]]]; a = b; }
        let a = #{}; loop { a = #{a: a}; }
        let a = #{}; loop { a.a = #{a: a}; }
        let a = #{}; loop { a["a"] = a; }
        let a = []; loop { a = [#{a: a}]; }
        let a = []; loop { a = [] + [[a]]; }
        fn f(x) { [[[x]]] } let a = 1; loop { a = f(a); }
        fn f(x) { [x] } let a = [1]; loop { a = a.map("f"); }
        fn f(all, x) { [all] } let a = []; a.pad(500, 1); a.reduce("f", []);
        let a = []; loop { a = switch 1 { 1 => [a], _ => 1 } }
        let a = []; loop { a = if true { [a] } else { 1 } }
        let a = []; loop { for b in [a] { a = [b]; } }
        "#,
        "nested by at most 32 levels",
    );
    all_fail(
        r#"
        loop { record.Extra.a = #{a: record.Extra.a} }
        loop { record.Extra.a = record.Extra }
        "#,
        "nested by at most 200 levels",
    );
    let long = "record.Extra.a = \"x\"; record.Extra.a.pad(200000, 'x'); let s = record.Extra.a; \
                s.pad(200000, 'x'); let n = 0; loop { record.Extra[n.to_string()] = s; n += 1 }";
    let mut script = ScriptSettings { max_operations: 10_000_000, ..without_timeout(long) };
    script.timeout = Duration::from_secs(10);
    let mut script = script.build().unwrap();
    let mut draft = Draft::new(Arc::new(record()), Timestamp::from_micros(0));
    assert_eq!(script.apply(&mut draft), Verdict::Drop);
    let (failure, _) = script.take_failure().unwrap();
    assert!(failure.contains("at most 16 MiB"), "{failure}");
}

/// What is nested to the limit is copied and freed on the stack of a thread like that of the queue.
#[test]
fn what_is_nested_to_the_limit_leaves_the_stack_whole() {
    let deep = |n: usize, x: &str| "[".repeat(n) + x + &"]".repeat(n);
    let code = format!(
        "fn f(n, x) {{ if n == 0 {{ {} }} else {{ f(n - 1, x) }} }}
        let a = []; for i in 0..30 {{ a = [a]; }}
        record.Extra.a = {}; for i in 0..150 {{ record.Extra.a = [record.Extra.a]; }}
        let b = {}; record.Extra.b = f(13, a);",
        deep(5, "x"),
        deep(10, "1"),
        deep(12, "a"),
    );
    let run = move || {
        let mut script = without_timeout(&code).build().unwrap_or_else(|fault| panic!("{fault}"));
        let mut draft = Draft::new(Arc::new(record()), Timestamp::from_micros(0));
        let verdict = script.apply(&mut draft);
        (verdict, script.take_failure())
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap();
    let (_, failure) = thread.join().unwrap();
    assert_eq!(failure, None);
}

#[test]
fn a_run_that_takes_too_long_is_ended() {
    let mut settings = without_timeout("loop {}");
    settings.max_operations = ScriptSettings::OPERATIONS_MAX;
    settings.timeout = Duration::from_millis(1);
    let mut script = settings.build().unwrap();
    for n in 1..3 {
        let mut draft = Draft::new(Arc::new(record()), Timestamp::from_micros(0));
        assert_eq!(script.apply(&mut draft), Verdict::Drop);
        let expected = ("line 1, column 6: it took too long".to_owned(), n);
        assert_eq!(script.take_failure(), Some(expected));
    }
}

#[test]
fn nothing_leads_outside() {
    for (code, why) in [
        ("import \"x\" as y;", "'import' is a reserved keyword"),
        ("export x;", "export"),
        ("eval(\"1\")", "'eval' is disabled"),
        ("print(record.DB)", "'print' is disabled"),
        ("debug(record.DB)", "'debug' is disabled"),
        ("record.DB.print()", "expecting name of a property"),
        ("let f = Fn(\"eval\"); f.call(\"1\")", "'Fn' is disabled"),
        ("let f = || 1;", "unexpected '||'"),
        ("let x = 1; let f = |y| x + y;", "unexpected '|'"),
        ("[1].map(|x| x.map(|y| y))", "unexpected '|'"),
        ("fn print(x) { 1 }", "expecting function name"),
        ("fn eval(x) { 1 }", "expecting function name"),
    ] {
        let fault = ScriptSettings::new(code).build().map(|_| panic!("{code} is taken"));
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains(why), "{code}: {fault}");
    }
    all_fail(
        r#"
        sleep(1)
        sleep(0.5)
        timestamp()
        exit()
        exit(1)
        call_fn("x")
        parse_json("[1]")
        blob(1000000000)
        open_file("/etc/passwd")
        read_file("/etc/passwd")
        env("HOME")
        [1].map("sleep")
        "#,
        "unknown function",
    );
    // The name of a function is taken for one, but not of those that reach further.
    for code in ["[1].map(\"eval\")", "[1].map(\"print\")", "[1].map(\"debug\")", "[1].map(\"Fn\")"]
    {
        let (verdict, _, failure) = run(code, record());
        assert_eq!(verdict, Verdict::Drop, "{code}: {failure:?}");
    }
}

#[test]
fn what_is_nested_or_long_is_refused_or_does_no_harm() {
    let many = |before: &str, after: &str| before.repeat(3_000) + &after.repeat(3_000);
    for code in [
        many("(", ")"),
        many("{", "}"),
        many("[", "]"),
        many("!", " true"),
        many("if true {", "}"),
        many("switch 1 { 1 => ", "}"),
        many("try {", "} catch {}"),
        many("while ", "{}"),
        many("for a in ", "{}"),
        format!("let x = {};", many("#{a:", "1}")),
        format!("let x = 1; {}x", "x+".repeat(30_000)),
        format!("let x = 1; {}x", "x && ".repeat(10_000)),
        format!("let x = 1; {}x", "x ** ".repeat(10_000)),
        format!("let x = 1; x{}", ".y".repeat(30_000)),
        format!("let x = 1; x{}", "[0]".repeat(20_000)),
        format!("{}{{}}", "if record.DB == 1 {} else ".repeat(2_000)),
    ] {
        let begin: String = code.chars().take(40).collect();
        let fault = ScriptSettings::new(code).build().map(|_| panic!("{begin} is taken"));
        let fault = fault.unwrap_err().to_string();
        assert!(fault.contains("nested too deeply"), "{begin}: {fault}");
    }
    for code in ["9".repeat(60_000), format!("\"{}\"", "x".repeat(60_000)), "/*".repeat(30_000)] {
        let (verdict, _, failure) = run(&code, record());
        assert_eq!((verdict, failure), (Verdict::Pass, None));
    }
    let list = format!("[{}]", "1,".repeat(30_000));
    refused(
        &list,
        expect![
            "code: line 1, column 2002: Size of array literal is too large, expected at most 1000"
        ],
    );
    refused(
        &"x".repeat(ScriptSettings::LENGTH_MAX + 1),
        expect!["code: expected a script of at most 65536 bytes"],
    );
}

#[test]
fn slips_are_told_before_the_script_runs() {
    refused(
        "record.Colection == 1",
        expect!["code: line 1, column 8: unknown field `Colection`: did you mean `Collection`?"],
    );
    refused(
        "let x = 1;\nif record[\"Fliter\"].a == x { }",
        expect!["code: line 2, column 11: unknown field `Fliter`: did you mean `Filter`?"],
    );
    refused(
        "fn slow(record) { record.Duratoin > 1 }\nslow(record)",
        expect!["code: line 1, column 26: unknown field `Duratoin`: did you mean `Duration`?"],
    );
    refused(
        "recrod.DB",
        expect!["code: line 1, column 1: unknown variable `recrod`: did you mean `record`?"],
    );
    refused(
        "if DB == \"x\" { }",
        expect![
            "code: line 1, column 4: unknown variable `DB`: fields are those of `record`, texts stand in quotes"
        ],
    );
    refused(
        "record.WatchID = \"x\"",
        expect![
            "code: line 1, column 8: `WatchID` tells the record from others: it stays as it is"
        ],
    );
    refused(
        "record.Duration = 1.0",
        expect!["code: line 1, column 8: `Duration` is measured: it can be dropped, not altered"],
    );
    refused(
        "record.maks(\"Filter\")",
        expect![
            "code: line 1, column 8: unknown function `maks` of the record: did you mean `mask`?"
        ],
    );
    refused(
        "record.mask(\"Fitler\")",
        expect![
            "code: line 1, column 13: path `Fitler`, column 1: unknown field `Fitler`: did you mean `Filter`?"
        ],
    );
    refused(
        "record.mask([\"Filter\", \"Duration\"])",
        expect!["code: line 1, column 13: `Duration` is measured: it can be dropped, not altered"],
    );
    refused(
        "record.drop(\"Seq\")",
        expect!["code: line 1, column 13: `Seq` tells the record from others: it stays as it is"],
    );
    refused(
        "let record = 1;",
        expect![
            "code: line 1, column 5: `record` is the record: another variable needs another name"
        ],
    );
    refused(
        "for record in [1] { record.DB; }",
        expect![
            "code: line 1, column 5: `record` is the record: another variable needs another name"
        ],
    );
    refused(
        "let x = \"\u{e9}\"; record.\u{e9}",
        expect!["code: line 1, column 21: expecting name of a property"],
    );
    refused("record.DB ==", expect!["code: line 1, column 13: script is incomplete"]);
    let mut settings = ScriptSettings::new("true");
    settings.max_operations = 0;
    let fault = settings.build().unwrap_err().to_string();
    assert_eq!(fault, "max_operations: expected between 1 and 100000000");
    let settings = ScriptSettings { file: Some("a.rhai".into()), ..ScriptSettings::new("true") };
    let fault = settings.build().unwrap_err().to_string();
    assert_eq!(fault, "found `code` and `file`, expected one of them");
}

#[test]
fn failures_tell_where_and_why_but_no_values() {
    fails(
        "let x = record; x.Colection",
        expect!["line 1, column 18: unknown field: did you mean `Collection`?"],
    );
    fails(
        "record.mask(record.DB)",
        expect!["line 1, column 8: expected a path into the record, such as `Filter.email`"],
    );
    fails(
        "record.Filter.email.x = 1",
        expect!["line 1, column 21: such a value has no such property"],
    );
    fails(
        "record.Filter.email + 1 > 3 - \"x\"",
        expect!["line 1, column 29: unknown function `- (i64, &str | ImmutableString | String)`"],
    );
    fails("[1].some(record.DB)", expect!["line 1, column 5: unknown function"]);
    fails("throw record.Filter.email", expect!["line 1, column 1: the script has thrown an error"]);
    fails(
        "9223372036854775807 + record.MatchedCount",
        expect!["line 1, column 21: a calculation is out of its range"],
    );
    fails(
        "fn f(x) {\n  x.y.z = 1\n}\nf(record.Filter.email)",
        expect!["line 4, column 1: such a value has no such property"],
    );
    fails(
        "record.Tenant = 5",
        expect!["line 1, column 7: Tenant: expected a string, found an integer"],
    );
    fails(
        "record.Extra = 5",
        expect!["line 1, column 7: Extra: expected a document, found an integer"],
    );
    fails(
        "record.Actor = #{Kind: \"nobody\"}",
        expect![
            "line 1, column 7: Actor: expected a document of `Kind`, `ID` and `Name`, found a document"
        ],
    );
    fails(
        "record.Actor.ID = \"bob\"",
        expect!["line 1, column 13: nothing can be changed within `Actor`, only the whole"],
    );
    fails(
        "let f = \"Watch\" + \"ID\"; record[f] = \"x\"",
        expect!["line 1, column 31: `WatchID` tells the record from others: it stays as it is"],
    );
    fails("record.Filter.tags.x = 1", expect!["line 1, column 19: a list has places, not keys"]);
    fails("record.Filter[0] = 1", expect!["line 1, column 14: a document has keys, not places"]);
    fails(
        "record.Filter.tags[9] = 1",
        expect!["line 1, column 19: there is no such place in the list"],
    );
    fails(
        "record.Filter.missing.x = 1",
        expect!["line 1, column 23: such a value has no such property"],
    );
    fails(
        "record.level(\"off\")",
        expect!["line 1, column 8: a script drops a record by the value `false`"],
    );
    fails(
        "record.Extra.x = 0..5",
        expect![
            "line 1, column 13: a value of the type `core::ops::range::Range<i64>` has no place in a record"
        ],
    );
    let mut long = record();
    long.filter = Some(Arc::new(doc! { "a": "x".repeat(1 << 20) }.into()));
    let (_, _, failure) = run("record.Filter.a == 1", long);
    expect!["line 1, column 14: a script reads texts of at most 262144 bytes"]
        .assert_eq(&failure.unwrap());
}

#[test]
fn only_false_drops_and_a_level_stays() {
    for (code, expected) in [
        ("record.DB != \"shop\"", Verdict::Drop),
        ("if record.DB == \"shop\" { return false } true", Verdict::Drop),
        ("record.DB == \"shop\"", Verdict::Pass),
        ("", Verdict::Pass),
        ("0", Verdict::Pass),
        ("()", Verdict::Pass),
        ("false;", Verdict::Drop),
        ("record.Filter.remove(\"nothing\")", Verdict::Pass),
    ] {
        let (verdict, _, failure) = run(code, record());
        assert_eq!((verdict, failure), (expected, None), "{code}");
    }
    let mut draft = Draft::new(Arc::new(record()), Timestamp::from_micros(0));
    assert_eq!(script("record.level(\"warn\")").apply(&mut draft), Verdict::Pass);
    assert_eq!(draft.level(), Some(EventLevel::Warn));
}

#[test]
fn a_failure_drops_or_passes_and_is_counted_and_the_next_run_begins_anew() {
    let code = "record.mask(\"Filter.email\"); if record.has(\"Tenant\") { nothing() } let x = 1;";
    for (on_error, expected) in [(OnError::Drop, Verdict::Drop), (OnError::Pass, Verdict::Pass)] {
        let settings = ScriptSettings { on_error, ..ScriptSettings::new(code) };
        let settings = [StepSettings::Level(EventLevel::Warn), StepSettings::Script(settings)];
        let mut steps = Steps::build(&settings, &NamedFilters::default()).unwrap();
        let errors: Vec<_> = steps.errors().collect();
        assert!(errors[0].is_none());
        for n in 1..4 {
            let mut with_tenant = record();
            with_tenant.set(Field::Tenant, "acme".into()).unwrap();
            let mut draft = Draft::new(Arc::new(with_tenant), Timestamp::from_micros(0));
            let passed = steps.apply(&mut draft);
            assert_eq!(passed, if expected == Verdict::Pass { Ok(()) } else { Err(1) });
            let failure = steps.take_failure().unwrap();
            assert_eq!((&*failure.step, failure.n_failures), ("2-script", n));
            expect!["line 1, column 56: unknown function `nothing ()`"].assert_eq(&failure.message);
            // What a mask had done before is not undone.
            let Value::Bson(Bson::Document(filter)) = draft.record().get(Field::Filter) else {
                panic!("the filter is there")
            };
            assert_eq!(filter.get_str("email").unwrap(), "?string");
            let mut draft = Draft::new(Arc::new(record()), Timestamp::from_micros(0));
            assert_eq!(steps.apply(&mut draft), Ok(()));
            assert_eq!(steps.take_failure(), None);
            assert_eq!(errors[1].as_ref().unwrap().load(Relaxed), n);
        }
    }
}

#[test]
fn code_comes_from_a_file_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.rhai");
    std::fs::write(&path, "record.DB\n  == 'x").unwrap();
    let mut settings = ScriptSettings::new("");
    (settings.code, settings.file) = (None, Some(path.clone()));
    let fault = settings.build().unwrap_err();
    let message = fault.to_string().replace(path.to_str().unwrap(), "FILE");
    expect!["file: FILE: line 2, column 6: open string is not terminated"].assert_eq(&message);
    std::fs::write(&path, "record.DB == \"x\"").unwrap();
    let mut draft = Draft::new(Arc::new(record()), Timestamp::from_micros(0));
    assert_eq!(settings.build().unwrap().apply(&mut draft), Verdict::Drop);
}

/// Reads all that there is, whatever it is.
const READS_ALL: &str = r#"
    fn look(value) {
        let text = value.to_string();
        if value == value && value != () && !(value < 1) { text.len(); }
        if type_of(value) == "document" {
            try { for below in value.values() { look(below); } } catch { }
            try { for below in value { text == below; } } catch { }
            try { for key in value.keys() { value[key]; value.has(key); } } catch { }
        }
    }
    for field in record.keys() {
        look(record[field]);
        record.kind(field);
    }
"#;

fn any_bson() -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![
        Just(Bson::Null),
        any::<bool>().prop_map(Bson::from),
        any::<i32>().prop_map(Bson::from),
        any::<i64>().prop_map(Bson::from),
        any::<f64>().prop_map(Bson::from),
        "[a-z\u{e9}$.]{0,8}".prop_map(Bson::from),
        any::<[u8; 12]>().prop_map(|bytes| ObjectId::from_bytes(bytes).into()),
        any::<[u8; 16]>().prop_map(|bytes| Decimal128::from_bytes(bytes).into()),
        any::<i64>().prop_map(|millis| DateTime::from_millis(millis).into()),
        any::<(u32, u32)>().prop_map(|(time, increment)| mongodb::bson::Timestamp {
            time,
            increment
        }
        .into()),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| Binary {
            subtype: BinarySubtype::Generic,
            bytes
        }
        .into()),
        Just(Bson::JavaScriptCode("f()".into())),
        Just(Bson::Symbol("s".into())),
        Just(Bson::MinKey),
        Just(Bson::MaxKey),
        Just(Bson::Undefined),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Bson::Array),
            proptest::collection::vec(("[a-z$.]{0,4}", inner), 0..5)
                .prop_map(|pairs| pairs.into_iter().collect::<Document>().into()),
        ]
    })
}

/// NaN is not equal to itself: what is written is compared.
fn text(value: &Bson) -> String {
    value.clone().into_canonical_extjson().to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_script_that_reads_leaves_the_record_as_it_is(value in any_bson(), array in any_bson()) {
        let mut before = record();
        before.filter = Some(Arc::new(doc! { "value": value }.into()));
        before.update = Some(Arc::new(Bson::Array(vec![array])));
        let shared = Arc::new(before);
        let mut draft = Draft::new(Arc::clone(&shared), shared.start_time);
        let mut script = without_timeout(READS_ALL).build().unwrap();
        prop_assert_eq!(script.apply(&mut draft), Verdict::Pass, "{:?}", script.take_failure());
        prop_assert!(Arc::ptr_eq(&shared, &draft.into_parts().0), "it was copied");
    }

    #[test]
    fn a_script_that_sets_a_value_changes_nothing_else(value in any_bson(), other in any_bson()) {
        let mut before = record();
        let filter = doc! { "value": value.clone(), "list": [1, other.clone()], "last": 1 };
        before.filter = Some(Arc::new(filter.into()));
        before.update = Some(Arc::new(doc! { "$set": { "a": other.clone() } }.into()));
        let shared = Arc::new(before);
        let mut draft = Draft::new(Arc::clone(&shared), shared.start_time);
        let mut script = script("record.Filter.list[0] = record.Filter.value;");
        prop_assert_eq!(script.apply(&mut draft), Verdict::Pass, "{:?}", script.take_failure());
        let after = draft.record();
        let first = match value {
            // What was there before and what is put there: both are nothing.
            Bson::Int32(1) | Bson::Int64(1) => 1.into(),
            Bson::Int64(int) => i32::try_from(int).map_or(Bson::Int64(int), Bson::Int32),
            ref value => value.clone(),
        };
        let filter = doc! { "value": value, "list": [first, other], "last": 1 };
        let found = after.filter.as_deref().unwrap();
        prop_assert_eq!(text(found), text(&filter.into()));
        prop_assert!(Arc::ptr_eq(shared.update.as_ref().unwrap(), after.update.as_ref().unwrap()));
        for field in Field::ALL.iter().filter(|field| ![Field::Filter, Field::Update].contains(field)) {
            prop_assert_eq!(shared.get(*field), after.get(*field), "{}", field);
        }
        // The other routes still see what was there.
        let Value::Bson(Bson::Document(seen)) = shared.get(Field::Filter) else {
            panic!("the filter is there")
        };
        prop_assert_eq!(seen.get_array("list").unwrap()[0].clone(), Bson::Int32(1));
    }
}
