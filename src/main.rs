//! The binary: parses nothing and decides nothing, it hands over to the command line.

/// Messages are taken on one thread and let go on another, which glibc's own answers with a fifth of ingest's time and with growth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    entrepot::cli::main()
}
