//! Files, folders and stdin → messages: a row of a file becomes what a producer would have sent. Reads no record.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exit::{Exit, Exits, Failure};
use super::reading::Reading;
use crate::domain::{FeedName, Header, Message, Position};

/// The header that carries the name of the file a message was read from.
pub(super) const FILE_HEADER: &str = crate::decode::FILE_HEADER;

/// One input: a file, or stdin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// The path; `None` is stdin.
    path: Option<PathBuf>,
    /// The name in positions: of the file, without its folder, so that a verdict does not depend on where it lies.
    pub(super) name: Arc<str>,
}

impl Input {
    /// The feed that the file's stem names.
    pub(super) fn feed(&self) -> FeedName {
        let stem = Path::new(self.name.as_ref()).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        FeedName::from_stem(&stem.unwrap_or_default())
    }

    /// As the user named it.
    pub(super) fn shown(&self) -> String {
        self.path.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string())
    }

    /// The path, where it is a file.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Opens it.
    pub(super) fn open(&self) -> Result<Box<dyn Read>, Failure> {
        match &self.path {
            None => Ok(Box::new(std::io::stdin().lock())),
            Some(path) => {
                let file = File::open(path).map_err(anyhow::Error::from).exits(Exit::NotThere);
                Ok(Box::new(file.map_err(|failure| failure.context(format!("opening {}", path.display())))?))
            }
        }
    }
}

/// The inputs that these paths name: files, the files of folders by name, and `-`.
pub(super) fn inputs(paths: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(Input { path: None, name: "stdin".into() });
        } else if path.is_dir() {
            inputs.extend(files_of(path)?.into_iter().map(input));
        } else if path.exists() {
            inputs.push(input(path.clone()));
        } else {
            let shown = path.display();
            let message = format!("{shown}: there is no such file; name existing files, or - for stdin");
            return Err(Failure::new(Exit::NotThere, message));
        }
    }
    Ok(inputs)
}

fn input(path: PathBuf) -> Input {
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    // A slash would end the name early where a position is read back.
    Input { name: name.replace('/', "-").into(), path: Some(path) }
}

/// The files of a folder by name, hidden ones left out.
pub(super) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let shown = folder.display().to_string();
    let entries = std::fs::read_dir(folder).exits(Exit::NotThere).map_err(|failure| failure.context(shown))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')))
        .collect();
    files.sort();
    Ok(files)
}

/// Reads an input to its end, a message a row.
pub(super) fn each_message(
    input: &Input,
    reading: &Reading,
    take: &mut dyn FnMut(Message) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let headers = vec![Header { key: FILE_HEADER.to_owned(), value: input.name.as_bytes().to_vec() }];
    each_piece(input.open()?, &input.shown(), reading, &mut |row, bytes| {
        take(Message {
            position: Position { topic: input.name.clone(), partition: 0, offset: row },
            timestamp: None,
            key: None,
            value: Some(bytes),
            headers: headers.clone(),
        })
    })
}

/// Cuts bytes into rows with their numbers, from 1.
pub(super) fn each_piece(
    mut bytes: Box<dyn Read>,
    shown: &str,
    reading: &Reading,
    take: &mut dyn FnMut(i64, Vec<u8>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut cutter = reading.cutter();
    let mut chunk = vec![0; 1 << 18];
    loop {
        let read = match bytes.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::new(Exit::NotThere, format!("{shown}: reading stopped: {error}"))),
        };
        cutter.push(chunk.get(..read).unwrap_or_default()).into_iter().try_for_each(|(row, bytes)| take(row, bytes))?;
    }
    cutter.finish().into_iter().try_for_each(|(row, bytes)| take(row, bytes))
}
