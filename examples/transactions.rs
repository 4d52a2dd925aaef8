//! Transactions: each operation says what became of the transaction that it belongs to.
//!
//! `cargo run --example transactions` finds a server, or fetches and starts one by itself.

#[path = "../tests/support/server.rs"]
mod server;

use std::error::Error;

use futures_util::FutureExt;
use mongowatch::{
    Collection, Watcher,
    bson::{Document, doc},
    layer::{ConsoleSettings, LayerSettings, Stream},
    options::ClientOptions,
};
use server::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::shared();
    let mut console = ConsoleSettings::default();
    console.stream = Stream::Stdout;
    console.template.0 =
        "{Operation:<18} {Outcome:<6} {TxnOutcome:<9} session {SessionID} txn {TxnNumber}"
            .parse()?;
    let watcher = Watcher::builder().layer(LayerSettings::Console(console)).start()?;
    let client = watcher.client(ClientOptions::parse(server.uri()).await?)?;
    let bank = client.database(&server.database_name("bank"));
    let accounts: Collection<Document> = bank.collection("accounts");
    accounts
        .insert_many([doc! { "_id": "ada", "sum": 10 }, doc! { "_id": "bob", "sum": 0 }])
        .await?;

    // Committed by the convenient API, which tries again after transient errors.
    let mut session = client.start_session().await?;
    let transaction = session.start_transaction();
    transaction
        .and_run(&accounts, |session, accounts| {
            async move {
                let take = doc! { "$inc": { "sum": -5 } };
                accounts.update_one(doc! { "_id": "ada" }, take).session(&mut *session).await?;
                let give = doc! { "$inc": { "sum": 5 } };
                accounts.update_one(doc! { "_id": "bob" }, give).session(session).await
            }
            .boxed()
        })
        .await?;

    // Aborted by hand.
    session.start_transaction().await?;
    accounts.delete_many(doc! {}).session(&mut session).await?;
    session.abort_transaction().await?;

    assert_eq!(accounts.count_documents(doc! { "sum": 5 }).await?, 2);
    bank.drop().await?;
    let stats = watcher.shutdown().await?;
    println!("{} operations, balanced: {}", stats.operations, stats.is_balanced());
    Ok(())
}
