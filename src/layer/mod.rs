//! Released record to `tracing` event, and the layers that write it down.
