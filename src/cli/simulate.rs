//! `simulate`: a seeded world in three files. The world itself is made elsewhere.
//!
//! Without options, or with `--scheme relabel` or `none` alone, the world is the plain one that samples and tests hold on to.

use std::str::FromStr;

use super::args::SimulateArgs;
use super::exit::{Exit, Exits, Failure, Outcome};
use crate::domain::Month;
use crate::replay::simulate::mix::Mix;
use crate::replay::simulate::{Scheme, World, WriteError, write};

/// The months of a world, where none are named.
const FROM: &str = "2023-01";
const UNTIL: &str = "2025-06";

/// Runs it.
pub(super) fn run(args: &SimulateArgs) -> Outcome {
    let default = |text: &str| text.parse::<Month>().expect("a month of ours is a month");
    let from = args.from.unwrap_or_else(|| default(FROM));
    let until = args.until.unwrap_or_else(|| default(UNTIL));
    if until < from {
        return Err(Failure::new(Exit::Usage, format!("--until {until} lies before --from {from}; the last month is included")));
    }
    let mix = mix(args);
    let schemes = schemes(&args.scheme, mix)?;
    let world = World { seed: args.seed, records: args.records, from, until: until.plus(1), schemes, mix };
    let written = write(&world, &args.out).map_err(|error| {
        let exit = match &error {
            WriteError::Exists(_) | WriteError::Unwritable { .. } => Exit::CannotCreate,
        };
        Failure { exit, error: error.into() }
    })?;
    let (records, truth, labels) = (written.records.display(), written.truth.display(), written.labels.display());
    tracing::info!(count = written.count, %records, %truth, %labels, "world was written");
    Ok(Exit::Done)
}

/// How the world is mixed, where an option or a scheme asks for more than the plain one.
fn mix(args: &SimulateArgs) -> Option<Mix> {
    let options = args.prevalence.is_some() || args.difficulty.is_some() || args.honesty.is_some();
    let wide = options || args.scheme.iter().any(|name| name != Scheme::Relabel.word() && name != "none");
    wide.then(|| Mix {
        prevalence: args.prevalence.unwrap_or(Mix::USUAL.prevalence),
        difficulty: args.difficulty.unwrap_or(Mix::USUAL.difficulty),
        honesty: args.honesty.unwrap_or(Mix::USUAL.honesty),
    })
}

/// The schemes to plant: all that the world knows where none is named, none where `none` is.
fn schemes(named: &[String], mix: Option<Mix>) -> Result<Vec<Scheme>, Failure> {
    let all = || if mix.is_some() { Scheme::ALL.to_vec() } else { vec![Scheme::Relabel] };
    if named.is_empty() {
        return Ok(all());
    }
    for word in ["none", "all"] {
        if named.iter().any(|name| name == word) {
            if named.len() > 1 {
                return Err(Failure::new(Exit::Usage, format!("--scheme {word} stands alone")));
            }
            return Ok(if word == "all" { all() } else { Vec::new() });
        }
    }
    named.iter().map(|name| Scheme::from_str(name).exits(Exit::Usage)).collect()
}

#[cfg(test)]
mod tests {
    //! Which world the arguments ask for.

    use super::*;

    fn asked(schemes: &[&str], prevalence: Option<&str>) -> Option<(Vec<Scheme>, Option<Mix>)> {
        let scheme: Vec<String> = schemes.iter().map(|name| (*name).to_owned()).collect();
        let prevalence = prevalence.map(|text| text.parse().unwrap());
        let (difficulty, honesty) = (None, None);
        let out = "out".into();
        let args = SimulateArgs { seed: 1, records: 1, out, from: None, until: None, scheme, prevalence, difficulty, honesty };
        let mix = mix(&args);
        Some((super::schemes(&args.scheme, mix).ok()?, mix))
    }

    #[test]
    fn the_world_is_plain_until_more_is_asked_for() {
        let relabel = vec![Scheme::Relabel];
        assert_eq!(asked(&[], None), Some((relabel.clone(), None)));
        assert_eq!(asked(&["relabel"], None), Some((relabel.clone(), None)));
        assert_eq!(asked(&["none"], None), Some((Vec::new(), None)));
        assert_eq!(asked(&["all"], None), Some((Scheme::ALL.to_vec(), Some(Mix::USUAL))));
        assert_eq!(asked(&["hopping", "relabel"], None), Some((vec![Scheme::Hopping, Scheme::Relabel], Some(Mix::USUAL))));
        let mixed = Some(Mix { prevalence: "0.3".parse().unwrap(), ..Mix::USUAL });
        assert_eq!(asked(&[], Some("0.3")), Some((Scheme::ALL.to_vec(), mixed)));
        assert_eq!(asked(&["none"], Some("0.3")), Some((Vec::new(), mixed)));
        assert_eq!(asked(&["relabel"], Some("0.3")), Some((relabel, mixed)));
    }

    #[test]
    fn words_for_all_and_none_stand_alone() {
        for named in [["all", "relabel"], ["none", "relabel"], ["none", "all"], ["smuggle", "relabel"]] {
            assert_eq!(asked(&named, None), None, "{named:?}");
        }
    }
}
