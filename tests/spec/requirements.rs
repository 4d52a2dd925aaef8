//! What a test asks of the server, and whether the server at hand has it.

use mongodb::{
    Client,
    bson::{Bson, Document, doc},
    error::Result,
};

use crate::matching::{self, Level, Lookup};

/// What the server is.
pub(crate) struct Deployment {
    version: Vec<i64>,
    version_text: String,
    topology: &'static str,
    parameters: Document,
    has_auth: bool,
}

/// Requirements name no entities.
struct Nothing;

impl Lookup for Nothing {
    fn value(&self, _: &str) -> Option<Bson> {
        None
    }

    fn lsid(&self, _: &str) -> Option<Document> {
        None
    }
}

impl Deployment {
    /// Asks the server.
    pub(crate) async fn ask(client: &Client, has_auth: bool) -> Result<Self> {
        let admin = client.database("admin");
        let build = admin.run_command(doc! { "buildInfo": 1 }).await?;
        let hello = admin.run_command(doc! { "hello": 1 }).await?;
        let parameters = admin.run_command(doc! { "getParameter": "*" }).await?;
        let version_text = build.get_str("version").unwrap_or_default().to_owned();
        let topology = if hello.contains_key("setName") {
            "replicaset"
        } else if hello.get_str("msg").is_ok_and(|msg| msg == "isdbgrid") {
            "sharded"
        } else {
            "single"
        };
        let version = version(&version_text);
        Ok(Self { version, version_text, topology, parameters, has_auth })
    }

    /// Why the server has none of the alternatives, if so.
    pub(crate) fn lacks(&self, alternatives: Option<&Vec<Document>>) -> Option<String> {
        let alternatives = alternatives?;
        let mut reasons = Vec::new();
        for alternative in alternatives {
            match self.lacks_one(alternative) {
                None => return None,
                Some(reason) => reasons.push(reason),
            }
        }
        Some(reasons.join("; or "))
    }

    fn lacks_one(&self, requirement: &Document) -> Option<String> {
        requirement.iter().find_map(|(key, value)| self.lacks_part(key, value))
    }

    fn lacks_part(&self, key: &str, value: &Bson) -> Option<String> {
        let holds = match key {
            "minServerVersion" => self.version >= version(value.as_str()?),
            "maxServerVersion" => {
                let limit = version(value.as_str()?);
                let n = limit.len().min(self.version.len());
                // `6.0` as a maximum takes in each 6.0.x.
                self.version[..n] <= limit[..n]
            }
            "topologies" => value.as_array()?.iter().any(|name| {
                let name = name.as_str().unwrap_or_default();
                name == self.topology
                    || (name == "sharded-replicaset" && self.topology == "sharded")
            }),
            "serverParameters" => {
                let found = Bson::Document(self.parameters.clone());
                return matching::check(value, Some(&found), Level::Root, &Nothing)
                    .err()
                    .map(|why| format!("the server's parameters: {why}"));
            }
            "auth" => value.as_bool() == Some(self.has_auth),
            "authMechanism" => {
                let known = self.parameters.get_array("authenticationMechanisms");
                self.has_auth && known.is_ok_and(|known| known.contains(value))
            }
            "serverless" => value.as_str() != Some("require"),
            // The crate that is tested has no in-use encryption.
            "csfle" => value.as_bool() == Some(false),
            _ => return Some(format!("the requirement {key} is unknown")),
        };
        let what = match key {
            "minServerVersion" | "maxServerVersion" => &self.version_text,
            "topologies" => self.topology,
            _ => "otherwise",
        };
        (!holds).then(|| format!("needs {key} {value}, the server is {what}"))
    }
}

fn version(text: &str) -> Vec<i64> {
    // Of a development version such as `7.0.0-rc1` the numbers count.
    let numbers = text.split('-').next().unwrap_or_default();
    numbers.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
