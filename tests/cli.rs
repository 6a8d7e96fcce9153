//! The command line from outside: exit codes, forms of output, and error texts, each of which names what is wrong and what to do next.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

#[path = "cli/commands.rs"]
mod commands;
#[path = "cli/lookback.rs"]
mod lookback;
#[path = "cli/messages.rs"]
mod messages;
#[path = "cli/shipments.rs"]
mod shipments;
#[path = "cli/unknown.rs"]
mod unknown;

/// A folder of its own for each test, and the binary run inside it without any environment of the tester's.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
        command.args(arguments).current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const FLOWS: &str = concat!(
    r#"{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-01","hs":"282580","net_mass_kg":200000,"#,
    r#""customs_value":{"amount":"4000000","currency":"USD"},"known_from":"2025-03-05T00:00:00Z"}"#,
    "\n",
    r#"{"kind":"trade_flow","reporter":"US","partner":"JP","flow":"import","period":"2025-01","hs":"282580","net_mass_kg":90000,"#,
    r#""customs_value":{"amount":"1800000","currency":"USD"},"known_from":"2025-03-05T00:00:00Z"}"#,
    "\n",
);
