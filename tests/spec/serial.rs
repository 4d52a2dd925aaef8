//! Types of the driver out of BSON and back, in a way that both versions of `bson` know.

use mongodb::bson::{Bson, Deserializer, Document, Serializer};
use serde::{Serialize, de::DeserializeOwned};

/// Reads a value; the error says why it is none.
pub(crate) fn read<T: DeserializeOwned>(value: Bson) -> Result<T, String> {
    T::deserialize(Deserializer::new(value)).map_err(|error| error.to_string())
}

/// Reads a value out of a document.
pub(crate) fn read_document<T: DeserializeOwned>(document: Document) -> Result<T, String> {
    read(Bson::Document(document))
}

/// Writes a value of the driver's.
pub(crate) fn write(value: &impl Serialize) -> Result<Bson, String> {
    value.serialize(Serializer::new()).map_err(|error| error.to_string())
}
