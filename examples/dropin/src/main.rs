//! An application of the MongoDB driver. Nothing in its source knows that it is watched: its
//! manifest renames the dependency, and `MONGOWATCH_CONFIG` says where the records go.
//!
//! `MONGOWATCH_CONFIG=config/minimal.yaml cargo run -p dropin -- mongodb://localhost:27017 shop`

use futures_util::{StreamExt, TryStreamExt};
use mongodb::{
    Client, ClientSession, Collection, IndexModel,
    action::Action,
    bson::{Document, doc},
    change_stream::event::OperationType,
    error::{ErrorKind, Result, WriteFailure},
    options::{ClientOptions, FindOptions, IndexOptions, ReturnDocument},
    results::UpdateResult,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    #[serde(rename = "_id")]
    id: i32,
    article: String,
    paid: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, uri, database] = args.as_slice() else {
        eprintln!("usage: dropin URI DATABASE");
        std::process::exit(2);
    };
    work(uri, database).await?;
    // Some applications end like this: nothing is dropped.
    std::process::exit(0);
}

async fn work(uri: &str, database: &str) -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let client = Client::with_uri_str(uri).await?;
    let shop = client.database(database);
    let orders: Collection<Order> = shop.collection("orders");

    let unique = IndexOptions::builder().unique(true).build();
    let index = IndexModel::builder().keys(doc! { "article": 1 }).options(unique).build();
    orders.create_index(index).await?;
    let mut changes = orders.watch().await?;
    for (id, article) in ["pen", "ink", "paper"].into_iter().enumerate() {
        let order = Order { id: id as i32, article: article.to_owned(), paid: false };
        orders.insert_one(order).await?;
    }
    let twice = Order { id: 9, article: "pen".to_owned(), paid: false };
    match orders.insert_one(twice).await.map_err(|error| *error.kind) {
        Err(ErrorKind::Write(WriteFailure::WriteError(error))) => {
            println!("refused: {}", error.code);
        }
        other => panic!("expected a duplicate key: {other:?}"),
    }
    let options = FindOptions::builder().sort(doc! { "_id": 1 }).batch_size(2).build();
    let mut cursor = orders.find(doc! {}).with_options(options).await?;
    while let Some(order) = cursor.try_next().await? {
        println!("{order:?}");
    }
    let event = changes.next().await.expect("a change stream goes on")?;
    assert!(matches!(event.operation_type, OperationType::Insert));

    let mut session = client.start_session().await?;
    session.start_transaction().await?;
    println!("paid: {}", pay(&orders, &mut session).await?.modified_count);
    session.commit_transaction().await?;
    let limit = Some(1);
    let left = orders.count_documents(doc! { "paid": false });
    println!("left: {}", left.optional(limit, |left, limit| left.limit(limit)).await?);
    let change = doc! { "$set": { "paid": true } };
    let last = orders.find_one_and_update(doc! { "_id": 2 }, change);
    println!("last: {:?}", last.return_document(ReturnDocument::After).await?);

    // Made from options, as well as from a connection string.
    let options = ClientOptions::parse(uri).await?;
    let other: Collection<Document> =
        Client::with_options(options)?.database(database).collection("orders");
    println!("seen by another client: {}", other.find(doc! {}).await?.count().await);
    shop.drop().await
}

async fn pay(orders: &Collection<Order>, session: &mut ClientSession) -> Result<UpdateResult> {
    let filter = doc! { "_id": { "$lt": 2 } };
    orders.update_many(filter, doc! { "$set": { "paid": true } }).session(session).await
}
