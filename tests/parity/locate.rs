//! Where the source of the driver is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The root file of the driver's library in the version that is locked, and that version.
///
/// # Panics
///
/// If it is nowhere: the test is about it.
pub(crate) fn driver() -> (PathBuf, String) {
    by_metadata().or_else(in_registry).unwrap_or_else(|| {
        panic!(
            "the source of `mongodb` in its locked version was not found: neither \
             `cargo metadata --offline` nor the registry below CARGO_HOME has it"
        )
    })
}

fn by_metadata() -> Option<(PathBuf, String)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let packages = metadata["packages"].as_array()?;
    let driver = packages.iter().find(|package| package["name"] == "mongodb")?;
    let targets = driver["targets"].as_array()?;
    let library = targets.iter().find(|target| target["name"] == "mongodb")?;
    Some((library["src_path"].as_str()?.into(), driver["version"].as_str()?.to_owned()))
}

/// Without the packages of all platforms, metadata is not to be had offline.
fn in_registry() -> Option<(PathBuf, String)> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(lock).ok()?;
    let after = lock.split("name = \"mongodb\"\nversion = \"").nth(1)?;
    let version = after.split('"').next()?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(Path::new(&home).join(".cargo"))
    })?;
    let registries = fs::read_dir(home.join("registry").join("src")).ok()?;
    let roots = registries.flatten().map(|registry| {
        registry.path().join(format!("mongodb-{version}")).join("src").join("lib.rs")
    });
    let root = roots.into_iter().find(|root| root.is_file())?;
    Some((root, version.to_owned()))
}
