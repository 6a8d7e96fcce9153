//! How a verdict speaks: of probable Chinese origin and rerouting, never of fraud or evasion, and of no firm by name.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/pipeline.rs"]
mod pipeline;

use std::path::{Path, PathBuf};
use std::process::Command;

use entrepot::encode::Topic;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const NEVER: [&str; 2] = ["fraud", "evasion"];

/// A line without what stands in quotes or as code: names of others' columns and papers are theirs.
fn unquoted(line: &str) -> String {
    let marks = ['"', '`'];
    let mut kept = String::new();
    let mut open = None;
    for letter in line.chars() {
        match open {
            Some(mark) if mark == letter => open = None,
            None if marks.contains(&letter) => open = Some(letter),
            None => kept.push(letter),
            Some(_) => {}
        }
    }
    kept.to_lowercase()
}

#[track_caller]
fn check(place: &str, text: &str, is_kept: impl Fn(&str) -> String) {
    for (index, line) in text.lines().enumerate() {
        let kept = is_kept(line);
        for word in NEVER {
            assert!(!kept.contains(word), "{place}:{}: says {word:?}: {line}", index + 1);
        }
    }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path(), extension));
        } else if entry.path().extension().is_some_and(|there| there == extension) {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn papers_and_settings_never_say_it() {
    let root = Path::new(ROOT);
    let mut papers = files(&root.join("docs"), "md");
    papers.extend(files(&root.join("config"), "md"));
    papers.extend(
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "config/model.toml", "config/entrepot.toml"].map(|file| root.join(file)),
    );
    papers.retain(|file| file.exists());
    assert!(papers.len() > 5, "{papers:?}");
    for file in papers {
        check(&file.display().to_string(), &std::fs::read_to_string(&file).unwrap(), unquoted);
    }
}

#[test]
fn the_program_has_no_words_for_it() {
    let sources = files(&Path::new(ROOT).join("src"), "rs");
    assert!(sources.len() > 50);
    for file in sources {
        // Comments and sentences alike: what is written in quotes here is what users read.
        check(&file.display().to_string(), &std::fs::read_to_string(&file).unwrap(), str::to_lowercase);
    }
}

#[test]
fn no_help_says_it() {
    let help_of = |commands: &[String]| {
        let output = Command::new(env!("CARGO_BIN_EXE_entrepot")).args(commands).arg("--help").output().unwrap();
        assert!(output.status.success(), "{commands:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Each names those below it, so that none is left out.
    let (mut waiting, mut told) = (vec![Vec::new()], 0);
    while let Some(commands) = waiting.pop() {
        let help = help_of(&commands);
        check(&commands.join(" "), &help, str::to_lowercase);
        let below = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        // What stands further in goes on with what the line above says.
        let named = below.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()));
        waiting.extend(named.filter(|name| *name != "help").map(|name| [&commands[..], &[name.to_owned()]].concat()));
        told += 1;
    }
    assert!(told > 14, "the program, eleven commands, and those of dead-letters: {told}");
}

#[test]
fn no_verdict_says_it_or_names_a_firm() {
    let story = std::fs::read_to_string(Path::new(ROOT).join("config/sample/antimony.ndjson")).unwrap();
    let mut names: Vec<String> = Vec::new();
    for line in story.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let parties = record.get("parties").and_then(serde_json::Value::as_array);
        names.extend(parties.into_iter().flatten().filter_map(|party| Some(party.get("name")?.as_str()?.to_lowercase())));
    }
    names.sort();
    names.dedup();
    assert!(names.len() > 1, "the story has firms");
    let outputs = pipeline::as_known_until(&pipeline::knowledge(), &story, None);
    let verdicts = outputs.iter().filter(|output| [Topic::Assessments, Topic::Corridors, Topic::Alerts].contains(&output.topic));
    let mut speaking = 0;
    for output in verdicts {
        let text = String::from_utf8(output.value.clone()).unwrap();
        check("a verdict", &text, str::to_lowercase);
        let lower = text.to_lowercase();
        assert!(names.iter().all(|name| !lower.contains(name)), "{text}");
        speaking += u32::from(text.contains("\"statement\""));
    }
    assert!(speaking > 8, "verdicts that say nothing prove nothing");
}
