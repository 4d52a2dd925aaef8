//! YAML to a running watcher.
