//! A web application with `axum` whose records say who did it: a middleware takes the user, the
//! tenant and the request id out of each request's headers, and the handlers know nothing of it.
//!
//! `cargo run --example axum_context` finds a MongoDB server, or fetches and starts one by itself. It
//! serves on a free port, sends itself two requests, and prints the records.

#[path = "../tests/support/server.rs"]
mod server;

use std::{error::Error, net::SocketAddr};

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::Response,
    routing::post,
};
use mongodb::options::ClientOptions;
use mongowatch::{
    Actor, Collection, Context, ContextField, ContextRequirement, Field, Otherwise, Watcher,
    bson::{Document, doc},
    layer::{ConsoleSettings, LayerSettings, Shown, Stream},
};
use server::Server;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::shared();
    let watcher = start_watcher()?;
    let client = watcher.client(ClientOptions::parse(server.uri()).await?)?;
    let shop = client.database(&server.database_name("axum"));

    let application = Router::new()
        .route("/orders/{article}", post(order))
        .layer(middleware::from_fn(who_and_why))
        .with_state(shop.collection("orders"));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move { axum::serve(listener, application).await });

    let alice = "x-user: alice\r\nx-tenant: acme\r\nx-request-id: r-1\r\n";
    let bob = "x-user: bob\r\nx-tenant: globex\r\nx-request-id: r-2\r\n";
    for headers in [alice, bob] {
        println!("{}", send(address, "/orders/17", headers).await?);
    }
    serving.abort();

    // Outside of a request nobody has said who does it: the rule of `start_watcher` flags it.
    shop.drop().await?;
    watcher.shutdown().await?;
    Ok(())
}

/// Says of everything that a request does who does it and why.
async fn who_and_why(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let mut context = Context::new()
        .actor(header(headers, "x-user").map_or_else(Actor::anonymous, Actor::user))
        .reason(format!("{} {}", request.method(), request.uri().path()));
    if let Some(tenant) = header(headers, "x-tenant") {
        context = context.tenant(tenant);
    }
    if let Some(id) = header(headers, "x-request-id") {
        context = context.request_id(id);
    }
    context.scope(next.run(request)).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Orders an article, and tells how often it was ordered: an insert and a find.
async fn order(
    State(orders): State<Collection<Document>>,
    Path(article): Path<i64>,
) -> Result<Json<i64>, StatusCode> {
    let order = async {
        orders.insert_one(doc! { "article": article }).await?;
        let mut found = orders.find(doc! { "article": article }).await?;
        let mut n_orders = 0;
        while found.advance().await? {
            n_orders += 1;
        }
        Ok(n_orders)
    };
    order.await.map(Json).map_err(|_: mongodb::error::Error| StatusCode::SERVICE_UNAVAILABLE)
}

fn start_watcher() -> mongowatch::Result<Watcher> {
    let mut console = ConsoleSettings::default();
    console.stream = Stream::Stdout;
    console.template.0 = "{Collection:<7} {Operation:<10} {Outcome} {rest}".parse()?;
    console.fields = Some(Shown(vec![
        Field::Actor,
        Field::Tenant,
        Field::RequestId,
        Field::Reason,
        Field::MissingContext,
    ]));
    let somebody = ContextRequirement::new("*".parse()?, [ContextField::Actor], Otherwise::Flag);
    Watcher::builder()
        .service("shop", "1.0")
        .require_context(somebody)
        .layer(LayerSettings::Console(console))
        .start()
}

/// Sends a request without a body, and gives the status and the body of the response.
async fn send(address: SocketAddr, path: &str, headers: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let request =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}connection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    connection.read_to_string(&mut response).await?;
    let (status, body) = (response.lines().next(), response.lines().last());
    Ok(format!("-- {}: {}", status.unwrap_or_default(), body.unwrap_or_default()))
}
