//! Secrets that an attacker would look for, at places where masks by patterns could miss them.

use std::sync::Arc;

use expect_test::{Expect, expect};
use mongodb::bson::{Bson, Document, doc};

use crate::{
    filter::{Draft, FieldPath, Filter as _, MaskSettings, PatternSettings, Verdict},
    record::{Timestamp, WatchMessage, WatcherName},
};

fn masked(filter: impl Into<Bson>, pattern: PatternSettings) -> String {
    let mut record = WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(0));
    record.filter = Some(Arc::new(filter.into()));
    let mut settings = MaskSettings::new("Filter".parse::<FieldPath>().unwrap());
    settings.patterns = vec![pattern];
    let mut draft = Draft::new(Arc::new(record), Timestamp::from_micros(0));
    assert_eq!(settings.build().unwrap().apply(&mut draft), Verdict::Pass);
    draft.record().filter.as_ref().unwrap().to_string()
}

#[track_caller]
fn check_token(filter: impl Into<Bson>, expected: Expect) {
    expected.assert_eq(&masked(filter, PatternSettings::Token));
}

#[test]
fn a_secret_key_counts_for_all_that_lies_below_it() {
    let nested = doc! { "user": "eve", "list": [["x"], { "hash": 5 }] };
    check_token(
        doc! { "password": { "$eq": "x" }, "name": { "$eq": "x" } },
        expect![[r#"{ "password": { "$eq": "?string" }, "name": { "$eq": "x" } }"#]],
    );
    check_token(
        doc! { "password": { "$in": ["x", ["y"]] } },
        expect![[r#"{ "password": { "$in": ["?string", ["?string"]] } }"#]],
    );
    check_token(
        doc! { "password": { "$not": { "$regex": "x", "$options": "i" } } },
        expect![[r#"{ "password": { "$not": { "$regex": "?string", "$options": "?string" } } }"#]],
    );
    check_token(
        doc! { "credentials": nested, "list": [["x"]] },
        expect![[
            r#"{ "credentials": { "user": "?string", "list": [["?string"], { "hash": "?number" }] }, "list": [["x"]] }"#
        ]],
    );
    check_token(
        doc! { "users": { "$elemMatch": { "password": { "$gt": 5 } } } },
        expect![[r#"{ "users": { "$elemMatch": { "password": { "$gt": "?number" } } } }"#]],
    );
    check_token(
        doc! { "user.password.0": { "$ne": "x" }, "user.name": "x" },
        expect![[r#"{ "user.password.0": { "$ne": "?string" }, "user.name": "x" }"#]],
    );
    check_token(
        doc! { "$set": { "users.$[].password": ["x"] } },
        expect![[r#"{ "$set": { "users.$[].password": ["?string"] } }"#]],
    );
    check_token(
        doc! { "$or": [{ "token": ["x"] }, { "name": ["x"] }] },
        expect![[r#"{ "$or": [{ "token": ["?string"] }, { "name": ["x"] }] }"#]],
    );
}

#[test]
fn what_is_compared_with_a_secret_field_is_secret() {
    let eq = doc! { "$expr": { "$eq": ["$password", "x"] } };
    check_token(eq.clone(), expect![[r#"{ "$expr": { "$eq": ["?string", "?string"] } }"#]]);
    let and = vec![Bson::from(eq), doc! { "$expr": { "$eq": ["$name", "x"] } }.into()];
    check_token(
        doc! { "$and": and },
        expect![[
            r#"{ "$and": [{ "$expr": { "$eq": ["?string", "?string"] } }, { "$expr": { "$eq": ["$name", "x"] } }] }"#
        ]],
    );
    let lower = doc! { "$eq": [{ "$toLower": "$$u.password" }, "x"] };
    check_token(
        doc! { "$expr": lower },
        expect![[r#"{ "$expr": { "$eq": [{ "$toLower": "?string" }, "?string"] } }"#]],
    );
    let found = doc! { "input": "$$ROOT.apiKey", "regex": "x" };
    check_token(
        doc! { "$match": { "$expr": { "$regexMatch": found } } },
        expect![[
            r#"{ "$match": { "$expr": { "$regexMatch": { "input": "?string", "regex": "?string" } } } }"#
        ]],
    );
    let get = doc! { "$eq": [{ "$getField": "password" }, "x"] };
    check_token(
        doc! { "$expr": get },
        expect![[r#"{ "$expr": { "$eq": [{ "$getField": "?string" }, "?string"] } }"#]],
    );
    let search = doc! { "index": "i", "text": { "path": ["password"], "query": "x" } };
    check_token(
        vec![Bson::from(doc! { "$search": search })],
        expect![[
            r#"[{ "$search": { "index": "?string", "text": { "path": ["?string"], "query": "?string" } } }]"#
        ]],
    );
    let lookup = doc! { "from": "u", "let": { "p": "$password" }, "pipeline": [{ "$match": {
        "$expr": { "$eq": ["$$p", "x"] },
    } }] };
    check_token(
        vec![Bson::from(doc! { "$lookup": lookup })],
        expect![[
            r#"[{ "$lookup": { "from": "?string", "let": { "p": "?string" }, "pipeline": [{ "$match": { "$expr": { "$eq": ["?string", "?string"] } } }] } }]"#
        ]],
    );
}

#[test]
fn code_and_texts_that_name_a_secret_are_covered() {
    check_token(
        doc! { "$where": "'x' == this.userPassword", "a": "b" },
        expect![[r#"{ "$where": "?string", "a": "b" }"#]],
    );
    check_token(
        doc! { "$where": "this.name == 'x'" },
        expect![[r#"{ "$where": "this.name == 'x'" }"#]],
    );
    let function = doc! { "body": "function(p) { return p.token === 'x' }", "args": ["$a"] };
    check_token(
        doc! { "$expr": { "$function": function } },
        expect![[r#"{ "$expr": { "$function": { "body": "?string", "args": ["$a"] } } }"#]],
    );
    check_token(
        doc! { "a": Bson::JavaScriptCode("'x' == password".into()) },
        expect![[r#"{ "a": "?javascript" }"#]],
    );
    check_token(
        doc! { "a": "password == 'x y', z" },
        expect![[r#"{ "a": "password == ?string, z" }"#]],
    );
    check_token(
        doc! { "a": "dup key: { userPassword: \"x\\\" y\", name: \"z\" }" },
        expect![[r#"{ "a": "dup key: { userPassword: ?string, name: "z" }" }"#]],
    );
    check_token(
        doc! { "a": "{ password: { $eq: \"x\", a: ['y'] }, name: \"z\" }" },
        expect![[r#"{ "a": "{ password: ?string, name: "z" }" }"#]],
    );
    check_token(
        doc! { "a": "this['passwordHash'] != hash('x') && z" },
        expect![[r#"{ "a": "this['passwordHash'] != ?string && z" }"#]],
    );
    check_token(
        doc! { "a": "n=password=x&z=1" },
        expect![[r#"{ "a": "n=password=?string&z=1" }"#]],
    );
    check_token(
        doc! { "a": "mongodb://eve:x/y@host/db https://x@host/p" },
        expect![[r#"{ "a": "mongodb://?string@host/db https://?string@host/p" }"#]],
    );
    check_token(
        doc! { "a": "the compass: x, keyboard=x, tokenizer: x" },
        expect![[r#"{ "a": "the compass: x, keyboard=x, tokenizer: x" }"#]],
    );
}

#[test]
fn keys_are_secret_by_their_words() {
    let is_secret = |key: &str| masked(doc! { key: "x" }, PatternSettings::Token).contains("?");
    let secret = "\
        password PASSWORD passwords userPassword passwordHash user_password2 user-password \
        user.password.hash userApiKey API_KEY apikeys apiKeys APIKey accessTokens access_token \
        accesstoken token tokens idToken oauth2Token pwd userPwd dbpass pass passPhrase pass_word \
        PassWord pAssword clientSecret secret secrets aws_secret_access_key private-key \
        privateKeyPem signingKey encryption_key_id credentials userCredential Authorization cookie \
        setCookies sessionId session_id sessionid cvv cvv2 CVC2 cardCvc X-Api-Key otp jwt \
        authKey auth_key AUTHKEY sshKey sshkeys sharedKey hmacKey securityCode security-code \
        access_code accesscode recoveryCodes mfaCode mfacode backupCodes pin userPin PIN pinHash \
        pincode pin_code totp totpSeed oldpass newpass pswd userpswd bearer \
        userpassword passwordhash clientsecret password\u{200b} pass\u{200b}word";
    for key in secret.split(' ') {
        assert!(is_secret(key), "{key} is secret");
    }
    let open = "\
        compass passenger passengerKey keyboard tokenize tokenizer key keys user bypass passage \
        secretary monkey apiVersion primaryKey accessLevel sessions idle author authorized cookbook \
        shipping spinner opinion pinned pinning pinterest unpin spin accessCodec errorCode zipCode \
        securityLevel code codes forbearer sharedKeyboard authKeyed bold hmac ssh shared \
        keyword passing a compassName $eq sessionIdle public_key foreignKey hotkey trespass \
        encompass";
    for key in open.split(' ') {
        assert!(!is_secret(key), "{key} is not secret");
    }
}

#[track_caller]
fn check_card(text: &str, is_card: bool) {
    let found = masked(doc! { "a": text }, PatternSettings::Card).contains('?');
    assert_eq!(found, is_card, "{text}");
}

#[test]
fn cards_have_the_prefixes_and_lengths_of_cards() {
    // Published test numbers, and one of each network with a right check digit.
    let cards = [
        "4111111111111111",
        "4222222222222",
        "4000000000000000006",
        "5500005555555559",
        "2223003122003222",
        "2720992593319364",
        "378282246310005",
        "343434343434343",
        "30569309025904",
        "38520000023237",
        "36227206271667",
        "6011111111111117",
        "6011000990139424",
        "3530111333300000",
        "3566002020360505",
        "6200000000000005",
        "6304000000000000",
        "5018000000000009",
        "2200000000000004",
        "4111 1111-1111.1111",
        "id 4111111111111111, 12/29",
    ];
    for card in cards {
        check_card(card, true);
    }
    // With right check digits, and the forms of no card: moments, ids, zeros.
    for number in ["1714564800005", "1714564800000007", "0000000000000000", "9999999999999995"] {
        check_card(number, false);
    }
    // Of ten thousand milliseconds in a row not one is a card.
    for milliseconds in 1_714_564_800_000_u64..1_714_564_810_000 {
        check_card(&milliseconds.to_string(), false);
    }
}

#[test]
fn numbers_that_are_cards_are_covered() {
    let decimal = |text: &str| Bson::Decimal128(text.parse().unwrap());
    let cards = doc! {
        "long": 4_111_111_111_111_111_i64, "double": 4_111_111_111_111_111.0,
        "decimal": decimal("4111111111111111"), "exponent": decimal("4.111111111111111E+15"),
        "zero": decimal("4111111111111111.0"), "negative": -4_111_111_111_111_111_i64,
        "list": [{ "n": 378_282_246_310_005_i64 }],
    };
    let document = masked(cards, PatternSettings::Card);
    assert!(!document.contains('1') && !document.contains('8'), "{document}");
    let others: Document = doc! { "a": 1_714_564_800_005_i64, "b": 1.5, "c": 7 };
    assert_eq!(masked(others.clone(), PatternSettings::Card), others.to_string());
}

#[track_caller]
fn check_path(path: &str, filter: impl Into<Bson>, expected: Expect) {
    let mut record = WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(0));
    record.filter = Some(Arc::new(filter.into()));
    let settings = MaskSettings::new(path.parse::<FieldPath>().unwrap());
    let mut draft = Draft::new(Arc::new(record), Timestamp::from_micros(0));
    assert_eq!(settings.build().unwrap().apply(&mut draft), Verdict::Pass);
    expected.assert_eq(&draft.record().filter.as_ref().unwrap().to_string());
}

#[test]
fn a_path_leads_through_operators() {
    let or = doc! { "$or": [{ "email": "x" }, { "$and": [{ "email": { "$in": ["x"] } }] }] };
    check_path(
        "Filter.email",
        or,
        expect![[
            r#"{ "$or": [{ "email": "?string" }, { "$and": [{ "email": { "$in": ["?string"] } }] }] }"#
        ]],
    );
    let users = doc! { "users": { "$elemMatch": { "email": "x", "n": 1 } }, "email": 1 };
    check_path(
        "Filter.users.email",
        users,
        expect![[r#"{ "users": { "$elemMatch": { "email": "?string", "n": 1 } }, "email": 1 }"#]],
    );
    let user = doc! { "user": { "$in": [{ "email": "x", "n": 1 }] } };
    check_path(
        "Filter.user.email",
        user,
        expect![[r#"{ "user": { "$in": [{ "email": "?string", "n": 1 }] } }"#]],
    );
    let stages = vec![doc! { "$match": { "email": "x" } }, doc! { "$set": { "a": "x" } }];
    check_path(
        "Filter.email",
        stages,
        expect![[r#"[{ "$match": { "email": "?string" } }, { "$set": { "a": "x" } }]"#]],
    );
    check_path(
        "Filter.a",
        doc! { "b": { "a": 1 }, "$b": { "b": { "a": 1 } } },
        expect![[r#"{ "b": { "a": 1 }, "$b": { "b": { "a": 1 } } }"#]],
    );
}

#[test]
fn what_is_compared_with_a_named_field_is_named() {
    let both = doc! { "$and": [
        { "$expr": { "$eq": ["$email", "x"] } }, { "$expr": { "$eq": ["$name", "x"] } },
    ] };
    check_path(
        "Filter.email",
        both.clone(),
        expect![[
            r#"{ "$and": [{ "$expr": { "$eq": ["?string", "?string"] } }, { "$expr": { "$eq": ["$name", "x"] } }] }"#
        ]],
    );
    check_path(
        "Filter.user",
        both,
        expect![[
            r#"{ "$and": [{ "$expr": { "$eq": ["$email", "x"] } }, { "$expr": { "$eq": ["$name", "x"] } }] }"#
        ]],
    );
    let path = doc! { "$expr": { "$ne": [{ "$toLower": "$$ROOT.user.email" }, "x"] } };
    check_path(
        "Filter.user",
        path.clone(),
        expect![[r#"{ "$expr": { "$ne": [{ "$toLower": "?string" }, "?string"] } }"#]],
    );
    check_path(
        "Filter.**.email",
        path.clone(),
        expect![[r#"{ "$expr": { "$ne": [{ "$toLower": "?string" }, "?string"] } }"#]],
    );
    check_path(
        "Filter.email",
        path,
        expect![[r#"{ "$expr": { "$ne": [{ "$toLower": "$$ROOT.user.email" }, "x"] } }"#]],
    );
}

/// Masks what the path names, and says whether the secret is left.
fn is_left(path: &str, filter: impl Into<Bson>) -> bool {
    let filter = filter.into();
    assert!(filter.to_string().contains("s3cr3t"), "{filter}");
    let mut record = WatchMessage::new(WatcherName::Collection, "find", Timestamp::from_micros(0));
    record.filter = Some(Arc::new(filter));
    let settings = MaskSettings::new(path.parse::<FieldPath>().unwrap());
    let mut draft = Draft::new(Arc::new(record), Timestamp::from_micros(0));
    assert_eq!(settings.build().unwrap().apply(&mut draft), Verdict::Pass);
    draft.record().filter.as_ref().unwrap().to_string().contains("s3cr3t")
}

#[track_caller]
fn check_covered(path: &str, filter: impl Into<Bson>) {
    let filter = filter.into();
    assert!(!is_left(path, filter.clone()), "`{path}` covers {filter}");
}

const S: &str = "s3cr3t-ada@example.com";

#[test]
fn a_path_through_a_command_names_what_its_expressions_compare() {
    let expr = doc! { "$expr": { "$eq": ["$email", S] } };
    let stage = doc! { "$match": expr.clone() };
    check_covered("Filter.filter.email", doc! { "find": "p", "filter": expr.clone() });
    check_covered("Filter.pipeline.email", doc! { "aggregate": "p", "pipeline": [stage.clone()] });
    let update = doc! { "update": "shop.p", "filter": expr.clone() };
    check_covered("Filter.filter.email", vec![Bson::from(update)]);
    // The expression is a part of one that was searched already, with other documents.
    let lookup = doc! { "$lookup": { "from": "p", "pipeline": [stage.clone()], "as": "x" } };
    check_covered("Filter.pipeline.email", vec![Bson::from(lookup)]);
    // Below the name of a new field an expression still speaks of the collection's.
    for stage in ["$set", "$project", "$group"] {
        let set = doc! { stage: { "is_ada": { "$eq": ["$email", S] } } };
        check_covered("Filter.email", vec![Bson::from(set.clone())]);
        check_covered("Filter.pipeline.email", doc! { "aggregate": "p", "pipeline": [set] });
    }
    check_covered("Filter.email", vec![Bson::from(doc! { "$facet": { "a": [stage] } })]);
    assert!(is_left("Filter.filter.name", doc! { "find": "p", "filter": expr }));
}

#[test]
fn what_is_compared_with_a_part_of_the_way_is_named() {
    let email = || doc! { "email": S };
    let check = |expr: Document| {
        check_covered("Filter.user.email", doc! { "$expr": expr.clone() });
        check_covered("Filter.*.email", doc! { "$expr": expr.clone() });
        check_covered("Filter.**.user.email", doc! { "$expr": expr.clone() });
        check_covered("Filter.**.email", doc! { "$expr": expr.clone() });
        check_covered("Filter.filter.user.email", doc! { "filter": { "$expr": expr.clone() } });
    };
    for path in ["Filter.user.email", "Filter.**.name", "Filter.email"] {
        assert!(is_left(path, doc! { "$expr": { "$eq": ["$phone", S] } }), "{path}");
    }
    check(doc! { "$eq": ["$user", email()] });
    check(doc! { "$in": [email(), "$user"] });
    check(doc! { "$setIsSubset": [[email()], "$user"] });
    check(doc! { "$eq": [{ "$getField": { "field": "email", "input": "$user" } }, S] });
    let inner = doc! { "$getField": { "field": "user", "input": "$$ROOT" } };
    check(doc! { "$eq": [{ "$getField": { "field": "email", "input": inner } }, S] });
    let pairs = doc! { "$objectToArray": "$$ROOT" };
    check_covered("Filter.email", doc! { "$expr": { "$eq": [pairs, [{ "k": "email", "v": S }]] } });
    let set = doc! { "$setField": { "field": "email", "input": "$user", "value": S } };
    check_covered("Filter.user.email", vec![Bson::from(doc! { "$set": { "user": set } })]);
}

#[test]
fn stages_that_name_a_field_beside_its_value_are_covered() {
    let graph = doc! {
        "from": "p", "startWith": S, "connectFromField": "boss", "connectToField": "email", "as": "x",
    };
    let back = doc! {
        "from": "p", "startWith": S, "connectFromField": "email", "connectToField": "boss", "as": "x",
    };
    let stages = [
        doc! { "$graphLookup": graph },
        doc! { "$graphLookup": back },
        doc! { "$search": { "queryString": { "defaultPath": "email", "query": S } } },
        doc! { "$search": { "queryString": {
            "defaultPath": "name", "query": format!("name:ada AND (email:{S})"),
        } } },
        doc! { "$search": { "text": { "path": { "wildcard": "*" }, "query": S } } },
        doc! { "$geoNear": { "near": S, "key": "email" } },
    ];
    for stage in stages {
        check_covered("Filter.email", vec![Bson::from(stage.clone())]);
        check_covered("Filter.**.email", vec![Bson::from(stage.clone())]);
        check_covered("Filter.pipeline.email", doc! { "pipeline": [stage] });
    }
    let other = doc! { "$search": { "queryString": { "defaultPath": "name", "query": S } } };
    assert!(is_left("Filter.email", vec![Bson::from(other)]));
    check_token(
        vec![Bson::from(doc! { "$graphLookup": {
            "startWith": "hunter2", "connectFromField": "a", "connectToField": "password",
        } })],
        expect![[
            r#"[{ "$graphLookup": { "startWith": "?string", "connectFromField": "?string", "connectToField": "?string" } }]"#
        ]],
    );
    let query = doc! { "defaultPath": "password", "query": "hunter2" };
    check_token(
        vec![Bson::from(doc! { "$search": { "queryString": query } })],
        expect![[
            r#"[{ "$search": { "queryString": { "defaultPath": "?string", "query": "?string" } } }]"#
        ]],
    );
    check_token(
        vec![Bson::from(doc! { "$geoNear": { "near": ["hunter2"], "key": "password" } })],
        expect![[r#"[{ "$geoNear": { "near": ["?string"], "key": "?string" } }]"#]],
    );
}

#[test]
fn code_that_names_a_field_of_a_path_is_covered() {
    let code = |name: &str| format!("5-{name} == '{S}'");
    for name in ["this.user.email", "this['user']['email']", "user-1", "this.us\\u0065r.email"] {
        let code = code(name);
        for path in ["Filter.user.email", "Filter.**.user.email", "Filter.user"] {
            check_covered(path, doc! { "$or": [{ "$where": &code }, { "a": 1 }] });
            check_covered(path, doc! { "$where": Bson::JavaScriptCode(code.clone()) });
            let function = doc! { "body": &code, "args": ["$a"], "lang": "js" };
            check_covered(path, doc! { "$expr": { "$function": function.clone() } });
            let set = doc! { "$set": { "x": { "$cond": [{ "$function": function }, 1, 2] } } };
            check_covered(path, vec![Bson::from(set)]);
        }
        check_covered("Filter.filter.user.email", doc! { "filter": { "$where": &code } });
    }
    check_covered("Filter.`e-mail to`", doc! { "$where": code("this['e-mail to']") });
    assert!(is_left("Filter.user", doc! { "$where": code("this.userName") }));
    assert!(is_left("Filter.user", doc! { "text": code("this.user") }));
}

#[test]
fn what_a_regular_expression_quotes_or_leaves_open_is_found() {
    let masked = |text: &str, pattern: PatternSettings| masked(doc! { "a": text }, pattern);
    for email in [
        "^s3cr3t-ada@example[.]com$",
        "s3cr3t-ada[@]example.com",
        r"s3cr3t-ada[\@]example[\.]com",
        r"s3cr3t-ada@example\.com",
    ] {
        assert_eq!(masked(email, PatternSettings::Email), r#"{ "a": "?string" }"#, "{email}");
    }
    for card in [
        "^4111[ -]?1111[ -]?1111[ -]?1111$",
        r"4111[\s-]*1111[-\s]*1111[\s]*1111",
        r"4111\s?1111\s*1111\s1111",
        "4111-?1111 ?1111.?1111",
    ] {
        assert_eq!(masked(card, PatternSettings::Card), r#"{ "a": "?string" }"#, "{card}");
    }
    // What is found as it is stays a part, and what is no class stays as it is.
    for (text, expected) in [
        ("[INFO] ada@example.com?", "[INFO] ?string?"),
        ("[ ] ada@example.com [.", "[ ] ?string [."),
        ("[1] [a-z] [", "[1] [a-z] ["),
    ] {
        let expected = doc! { "a": expected }.to_string();
        assert_eq!(masked(text, PatternSettings::Email), expected, "{text}");
    }
}
