//! The matcher of filters gives what the real server gives: the same documents for the same query, and the
//! same queries refused.
//!
//! `MONGOWATCH_MATCHER_QUERIES=20000` makes a long run, `MONGOWATCH_MATCHER_SEED=7` another one.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

mod generate;
mod patterns;
#[path = "../support/server.rs"]
mod server;
mod vectors;

use std::collections::BTreeMap;

use mongowatch::{bson::Document, filter::Matcher};

/// What was found of many queries.
#[derive(Default)]
struct Tally {
    equal: usize,
    refused_by_both: usize,
    /// By our reason.
    refused_by_us: BTreeMap<String, usize>,
    /// An expression has no value for one document: the server fails the query.
    failed: usize,
    /// The server did not look at what fails.
    failed_for_us: usize,
    /// Query, document and what differs.
    different: Vec<String>,
    matches: usize,
}

/// What is refused on purpose though the server takes it; `docs` of the matcher list them.
const REFUSED: &[&str] = &["cannot be run in linear time", "is not taken"];

impl Tally {
    /// Compares one query over all documents with what the server said: the ids, or its refusal.
    fn add(&mut self, query: &Document, documents: &[Document], server: Result<Vec<i32>, String>) {
        let ours = Matcher::for_documents(query);
        match (ours, server) {
            (Err(_), Err(_)) => self.refused_by_both += 1,
            (Err(fault), Ok(_)) => {
                match REFUSED.iter().find(|known| fault.message().contains(**known)) {
                    Some(known) => *self.refused_by_us.entry((*known).to_owned()).or_default() += 1,
                    None => self.different.push(format!("{query}\n  refused by us alone: {fault}")),
                }
            }
            (Ok(matcher), Err(error)) => {
                if documents.iter().any(|document| matcher.try_matches_document(document).is_err())
                {
                    self.failed += 1;
                } else {
                    self.different.push(format!("{query}\n  refused by the server alone: {error}"));
                }
            }
            (Ok(matcher), Ok(ids)) => {
                self.matches += ids.len();
                let differs = |document: &&Document| {
                    let id = document.get_i32("_id").unwrap();
                    matcher.matches_document(document) != ids.contains(&id)
                };
                // Which part of a query is looked at first is the server's choice, and so is whether it
                // meets what fails. For us such a document never matches.
                let (failing, wrong): (Vec<_>, Vec<_>) = documents
                    .iter()
                    .filter(differs)
                    .partition(|document| matcher.try_matches_document(document).is_err());
                self.failed_for_us += usize::from(wrong.is_empty() && !failing.is_empty());
                let wrong = wrong.into_iter().min_by_key(|document| document.to_string().len());
                match wrong {
                    None => self.equal += usize::from(failing.is_empty()),
                    Some(document) => self.different.push(format!(
                        "{query}\n  over {document}\n  the server {}",
                        if matcher.matches_document(document) {
                            "does not match"
                        } else {
                            "matches"
                        },
                    )),
                }
            }
        }
    }

    fn report(&mut self, name: &str, seed: u64) {
        self.different.sort_by_key(String::len);
        println!(
            "{name}: seed {seed}: {} equal ({} matches), {} refused by both, {} failed by both, {} failed for us alone, refused by us alone {:?}, {} different",
            self.equal,
            self.matches,
            self.refused_by_both,
            self.failed,
            self.failed_for_us,
            self.refused_by_us,
            self.different.len(),
        );
        let first: Vec<&str> = self.different.iter().take(40).map(|text| &**text).collect();
        assert!(first.is_empty(), "{} differ:\n{}", self.different.len(), first.join("\n"));
    }
}

fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

mod needs_server {
    use fastrand::Rng;
    use futures_util::TryStreamExt;
    use mongowatch::bson::{Binary, Bson, Document, doc, spec::BinarySubtype};

    use crate::{
        Tally,
        generate::{Generator, PATHS, RECORD_PATHS},
        number_of,
        patterns::{PATTERNS, TEXTS},
        server::Server,
        vectors,
    };

    async fn ask(
        collection: &mongodb::Collection<Document>,
        query: &Document,
    ) -> Result<Vec<i32>, String> {
        let found = collection.find(query.clone()).projection(doc! { "_id": 1 }).await;
        let found = match found {
            Ok(cursor) => cursor.try_collect::<Vec<Document>>().await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) => {
                Ok(found.iter().map(|document| document.get_i32("_id").unwrap()).collect())
            }
            Err(error) => Err(reason(&error)),
        }
    }

    /// The server's message, without what the driver adds.
    fn reason(error: &mongodb::error::Error) -> String {
        match &*error.kind {
            mongodb::error::ErrorKind::Command(command) => command.message.clone(),
            _ => error.to_string(),
        }
    }

    async fn compare(
        name: &str,
        paths: &'static [&'static str],
        make: fn(&mut Generator, i32) -> Document,
        query: fn(&mut Generator) -> Document,
    ) {
        let seed = number_of("MONGOWATCH_MATCHER_SEED", 1);
        let n_queries = number_of("MONGOWATCH_MATCHER_QUERIES", 1_000);
        let mut generator = Generator { rng: Rng::with_seed(seed), seen: Vec::new(), paths };
        let server = Server::shared();
        let client = mongodb::Client::with_uri_str(server.uri()).await.unwrap();
        let db = client.database(&server.database_name(name));
        let collection = db.collection::<Document>("documents");
        let mut tally = Tally::default();
        let mut left = n_queries;
        while left > 0 {
            let documents: Vec<Document> = (0..250).map(|id| make(&mut generator, id)).collect();
            collection.delete_many(doc! {}).await.unwrap();
            collection.insert_many(&documents).await.unwrap();
            generator.seen.clone_from(&documents);
            for _ in 0..left.min(1_000) {
                let query = query(&mut generator);
                let answer = ask(&collection, &query).await;
                tally.add(&query, &documents, answer);
            }
            left -= left.min(1_000);
        }
        db.drop().await.unwrap();
        tally.report(name, seed);
    }

    #[tokio::test]
    async fn random_queries_find_what_the_server_finds() {
        compare("matcher-random", PATHS, Generator::document, |generator| generator.query(2)).await;
    }

    #[tokio::test]
    async fn queries_over_records_find_what_the_server_finds() {
        compare("matcher-records", RECORD_PATHS, Generator::record, |generator| generator.query(2))
            .await;
    }

    #[tokio::test]
    async fn expressions_find_what_the_server_finds() {
        compare("matcher-expressions", PATHS, Generator::document, Generator::expression_query)
            .await;
    }

    /// Seldom cases that random documents hardly meet.
    #[tokio::test]
    async fn numbers_are_treated_as_exactly_as_on_the_server() {
        let decimals =
            ["-0.1000000000000000055511151231257827", "2.5", "1.5", "-1.5", "-2.5", "0.5"];
        let decimals = decimals.map(|text| Bson::Decimal128(text.parse().unwrap()));
        let others = [1.0.into(), 9_007_199_254_740_993_i64.into(), Bson::Double(-0.1), 3.into()];
        let binaries = [vec![9, 9], vec![1, 2, 3], vec![1], vec![]]
            .map(|bytes| Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes }));
        let values: Vec<Bson> = decimals.into_iter().chain(others).chain(binaries).collect();
        let documents: Vec<Document> =
            (0..).zip(&values).map(|(id, value)| doc! { "_id": id, "a": value.clone() }).collect();
        let sum = |first: f64, last: f64| doc! { "$add": [first, { "$cond": [{ "$isNumber": "$a" }, "$a", 0] }, last] };
        let mut queries = vec![
            doc! { "a": { "$bitsAllClear": 1 } },
            doc! { "a": { "$bitsAllSet": 2 } },
            doc! { "$and": [{ "a": { "$type": ["double", "int"] } }, { "$expr": { "$eq": [sum(1e16, -1e16), "$a"] } }] },
            doc! { "$and": [{ "a": { "$type": ["double", "int"] } }, { "$expr": { "$gt": [sum(0.1, 0.2), 1.3] } }] },
        ];
        for value in values {
            for operator in ["$lt", "$lte", "$gt", "$eq"] {
                queries.push(doc! { "a": { operator: value.clone() } });
            }
        }
        let server = Server::shared();
        let client = mongodb::Client::with_uri_str(server.uri()).await.unwrap();
        let db = client.database(&server.database_name("matcher-numbers"));
        let collection = db.collection::<Document>("numbers");
        collection.insert_many(&documents).await.unwrap();
        let mut tally = Tally::default();
        for query in queries {
            let answer = ask(&collection, &query).await;
            tally.add(&query, &documents, answer);
        }
        db.drop().await.unwrap();
        tally.report("matcher-numbers", 0);
    }

    #[tokio::test]
    async fn patterns_match_what_the_server_matches() {
        let server = Server::shared();
        let client = mongodb::Client::with_uri_str(server.uri()).await.unwrap();
        let db = client.database(&server.database_name("matcher-patterns"));
        let collection = db.collection::<Document>("texts");
        let texts = (0..).zip(TEXTS).map(|(id, text)| doc! { "_id": id, "t": *text });
        let documents: Vec<Document> = texts.collect();
        collection.insert_many(&documents).await.unwrap();
        let mut tally = Tally::default();
        for (pattern, options) in PATTERNS {
            let query = doc! { "t": { "$regex": *pattern, "$options": *options } };
            let answer = ask(&collection, &query).await;
            tally.add(&query, &documents, answer);
        }
        db.drop().await.unwrap();
        tally.report("matcher-patterns", 0);
    }

    /// Writes `vectors.jsonl` when `UPDATE_EXPECT=1` asks for it.
    #[tokio::test]
    async fn vectors_are_saved_when_asked_for() {
        if std::env::var("UPDATE_EXPECT").as_deref() != Ok("1") {
            return;
        }
        let server = Server::shared();
        let client = mongodb::Client::with_uri_str(server.uri()).await.unwrap();
        let db = client.database(&server.database_name("matcher-vectors"));
        let collection = db.collection::<Document>("documents");
        let mut lines = Vec::new();
        for (paths, is_record) in [(PATHS, false), (RECORD_PATHS, true)] {
            let mut generator = Generator { rng: Rng::with_seed(77), seen: Vec::new(), paths };
            let make = if is_record { Generator::record } else { Generator::document };
            let documents: Vec<Document> = (0..60).map(|id| make(&mut generator, id)).collect();
            collection.delete_many(doc! {}).await.unwrap();
            collection.insert_many(&documents).await.unwrap();
            generator.seen.clone_from(&documents);
            lines.push(vectors::documents(&documents));
            for n in 0..240 {
                let query =
                    if n % 4 == 0 { generator.expression_query() } else { generator.query(1) };
                lines.push(vectors::query(&query, ask(&collection, &query).await));
            }
        }
        db.drop().await.unwrap();
        std::fs::write(vectors::PATH, lines.concat()).unwrap();
    }
}
