//! The binary: parses nothing and decides nothing, it hands over to the command line.

fn main() -> std::process::ExitCode {
    entrepot::cli::main()
}
