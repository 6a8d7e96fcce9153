//! The house rules as code: imports by layer, the home of each heavy crate, file length, first lines, words.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, left to right; a module imports only what stands to its left, or beside it inside its own folder.
const LAYERS: [(&str, u8); 15] = [
    ("domain", 0),
    ("reference", 1),
    ("decode", 2),
    ("ledger", 3),
    ("signals", 4),
    ("scoring", 5),
    ("encode", 6),
    ("ingest", 7),
    ("assess", 7),
    ("stream", 8),
    ("replay", 9),
    ("service", 9),
    ("config", 9),
    ("cli", 10),
    ("main", 11),
];

/// The last layer of the core.
const CORE: u8 = 7;

/// What the core may not name: I/O, clocks, the environment, logging, randomness.
const BANNED_IN_CORE: [&str; 14] = [
    "tokio",
    "rdkafka",
    "axum",
    "tracing",
    "prometheus",
    "rusqlite",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "SystemTime",
    "Instant::",
    "rand::",
    "::now()",
];

/// Heavy crates and the places that may name them.
const HOMES: [(&str, &[&str]); 13] = [
    ("rusqlite", &["src/stream/embedded"]),
    ("axum", &["src/service/"]),
    ("prometheus::", &["src/service/metrics"]),
    ("sd_notify::", &["src/service/notify"]),
    ("clap", &["src/cli/"]),
    ("anyhow", &["src/cli/"]),
    ("config::Config", &["src/config"]),
    // A second home of the log touches one file of the command line.
    ("EmbeddedLog", &["src/stream/embedded", "src/cli/log.rs"]),
    ("rdkafka", &["src/stream/kafka"]),
    ("ureq", &["src/stream/registry/client"]),
    ("rustls", &["src/stream/registry/client"]),
    ("csv::", &["src/decode/", "src/reference/", "src/replay/backtest/"]),
    ("parquet::file::", &["src/decode/parquet/"]),
];

const LINES_MAX: usize = 400;

struct Source {
    path: String,
    /// Without its tests.
    code: String,
    layer: u8,
    module: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    let source = |file: PathBuf| {
        let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
        let module = path.trim_start_matches("src/").split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let layer = LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer);
        (module != "lib").then(|| Source {
            layer: layer.unwrap_or_else(|| panic!("{path}: {module} has no layer; add it to ARCHITECTURE.md and here")),
            path,
            code,
            module,
        })
    };
    files.into_iter().filter_map(source).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[track_caller]
fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Lines of code without comments, with their numbers.
fn lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source.code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(at, line)| (at + 1, line))
}

/// Modules of the crate that a line names: behind `crate::`, or behind as many `super::` as its file lies deep. Several at once, in
/// braces, come as an empty name.
fn named<'a>(path: &str, line: &'a str) -> Vec<&'a str> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    let up = "super::".repeat(inner.split('/').count());
    let mut named = Vec::new();
    for root in ["crate::", &up] {
        for (place, _) in line.match_indices(root) {
            let rest = &line[place + root.len()..];
            named.push(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap());
        }
    }
    named
}

#[test]
fn a_way_out_of_a_layer_is_seen_however_it_is_written() {
    assert_eq!(named("src/domain/place.rs", "use crate::cli::print;"), ["cli"]);
    assert_eq!(named("src/domain/place.rs", "use super::super::cli::print;"), ["cli"]);
    assert_eq!(named("src/domain/mod.rs", "use super::cli;"), ["cli"]);
    assert_eq!(named("src/ingest.rs", "super::assess::run()"), ["assess"]);
    assert_eq!(named("src/stream/kafka/group/trouble.rs", "use super::super::super::super::service::run;"), ["service"]);
    assert_eq!(named("src/stream/kafka/group/trouble.rs", "use super::super::super::LogError;"), [""; 0]);
    assert_eq!(named("src/domain/place.rs", "use crate::{cli, config};"), [""]);
}

#[test]
fn modules_import_only_what_stands_to_their_left() {
    let layers: BTreeMap<&str, u8> = LAYERS.into_iter().collect();
    let mut faults = Vec::new();
    for source in sources() {
        for (at, line) in lines(&source) {
            for module in named(&source.path, line) {
                if module.is_empty() {
                    faults.push(format!("{}:{at}: a line names one module of the crate", source.path));
                }
                let Some(layer) = layers.get(module) else { continue };
                if module != source.module && *layer >= source.layer {
                    faults.push(format!("{}:{at}: {} may not import {module}", source.path, source.module));
                }
            }
        }
    }
    none(faults);
}

#[test]
fn the_core_names_no_edge() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.layer <= CORE) {
        for (at, line) in lines(source) {
            let banned = BANNED_IN_CORE.iter().filter(|name| line.contains(**name));
            faults.extend(banned.map(|name| format!("{}:{at}: the core may not name {name}", source.path)));
        }
    }
    none(faults);
}

#[test]
fn heavy_crates_stay_at_home() {
    let mut faults = Vec::new();
    for source in sources() {
        for (at, line) in lines(&source) {
            for (name, homes) in HOMES {
                let names = line.match_indices(name).any(|(place, _)| {
                    let before = line[..place].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
                });
                if names && !homes.iter().any(|home| source.path.starts_with(home)) {
                    faults.push(format!("{}:{at}: {name} lives in {}", source.path, homes.join(", ")));
                }
            }
        }
    }
    none(faults);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut faults = Vec::new();
    for source in sources() {
        let length = source.code.lines().count();
        if length > LINES_MAX {
            faults.push(format!("{}: {length} lines without tests; at most {LINES_MAX}", source.path));
        }
        if !source.code.starts_with("//! ") {
            faults.push(format!("{}: the first line says what the file is (//!)", source.path));
        }
    }
    none(faults);
}

#[test]
fn nothing_is_left_undone_or_switched_off() {
    // Spelled apart, so that this file does not find itself.
    let words =
        [["to", "do!("].concat(), ["unimpl", "emented!("].concat(), ["#[ig", "nore"].concat(), ["should_", "panic"].concat()];
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["src", "tests", "benches"].iter().map(|folder| root.join(folder)).filter(|folder| folder.exists()).for_each(|folder| {
        collect(&folder, &mut files);
    });
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let found = words.iter().filter(|word| text.contains(word.as_str()));
        faults.extend(found.map(|word| format!("{}: {word}", file.display())));
    }
    none(faults);
}
