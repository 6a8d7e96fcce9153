//! `simulate`: a seeded world in three files. The world itself is made elsewhere.
//!
//! Without options, or with `--scheme relabel` or `none` alone, the world is the plain one that samples and tests hold on to.

use std::str::FromStr;

use super::args_simulate::{FROM, SimulateArgs, UNTIL};
use super::exit::{Exit, Exits, Failure, Outcome};
use crate::domain::Month;
use crate::replay::simulate::mix::Mix;
use crate::replay::simulate::{Absent, FIRST_YEAR, LAST_YEAR, Missed, Scheme, World, WriteError, absent, missed, write};

/// Runs it.
pub(super) fn run(args: &SimulateArgs) -> Outcome {
    let (from, until) = months(args)?;
    let mix = mix(args);
    let schemes = schemes(&args.scheme, mix)?;
    let world = World { seed: args.seed, records: args.records, from, until: until.plus(1), schemes, mix };
    warn_of_absent(&world, &args.scheme);
    if let Some(Missed { planted, wanted, lanes, bearing }) = missed(&world).filter(|missed| missed.planted > 0) {
        tracing::warn!(
            "a scheme runs over {planted} of {lanes} lanes; the prevalence asks for {wanted}: {bearing} can bear one, hopping takes two"
        );
    }
    said_of_nothing(args).iter().for_each(|said| tracing::warn!("--scheme none: there is no scheme, so {said} says nothing"));
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

/// The first and the last month.
fn months(args: &SimulateArgs) -> Result<(Month, Month), Failure> {
    let default = |text: &str| text.parse::<Month>().expect("a month of ours is a month");
    let from = args.from.unwrap_or_else(|| default(FROM));
    let until = args.until.unwrap_or_else(|| default(UNTIL));
    for (name, month) in [("--from", from), ("--until", until)] {
        if !(FIRST_YEAR..=LAST_YEAR).contains(&month.year()) {
            let message = format!(
                "{name} {month}: a world lies between {FIRST_YEAR}-01 and {LAST_YEAR}-12; records of other months cannot be read"
            );
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    if until < from {
        let of = |named: Option<Month>| if named.is_some() { "" } else { " (as it is where none is named)" };
        let (of_from, of_until) = (of(args.from), of(args.until));
        let message = format!("--until {until}{of_until} lies before --from {from}{of_from}; the last month is included");
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok((from, until))
}

/// Says which schemes have no lane, of those that were asked for by name; of all, where a mix is asked for and none has.
fn warn_of_absent(world: &World, named: &[String]) {
    let absent = absent(world);
    let has_none = absent.len() == world.schemes.len() && world.mix.is_some();
    for Absent { scheme, why } in &absent {
        if has_none || named.iter().any(|name| name == scheme.word()) {
            tracing::warn!("the world has no lane with the scheme {scheme}: {why}");
        }
    }
}

/// Options that tell of schemes, where none is to be planted.
fn said_of_nothing(args: &SimulateArgs) -> Vec<&'static str> {
    let is_none = args.scheme.iter().any(|name| name == "none");
    let prevalence = args.prevalence.filter(|share| share.permille() > 0).map(|_| "--prevalence");
    let honesty = args.honesty.map(|_| "--honesty");
    if is_none { prevalence.into_iter().chain(honesty).collect() } else { Vec::new() }
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
    use crate::replay::simulate::RECORDS_MAX;

    fn args(schemes: &[&str], prevalence: Option<&str>) -> SimulateArgs {
        let scheme: Vec<String> = schemes.iter().map(|name| (*name).to_owned()).collect();
        let prevalence = prevalence.map(|text| text.parse().unwrap());
        let (difficulty, honesty) = (None, None);
        let out = "out".into();
        SimulateArgs { seed: 1, records: 1, out, from: None, until: None, scheme, prevalence, difficulty, honesty }
    }

    fn asked(schemes: &[&str], prevalence: Option<&str>) -> Option<(Vec<Scheme>, Option<Mix>)> {
        let args = args(schemes, prevalence);
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
    fn the_help_says_which_months_a_world_has() {
        let mut command = <SimulateArgs as clap::Args>::augment_args(clap::Command::new("simulate"));
        let help = command.render_long_help().to_string();
        for said in [format!("The first month [default: {FROM}]"), format!("The last month [default: {UNTIL}]")] {
            assert!(help.contains(&said), "{said}: {help}");
        }
        assert!(help.contains(&format!("How many records, {RECORDS_MAX} at most")), "{help}");
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/simulate.md")).unwrap();
        assert!(page.contains(FROM) && page.contains(UNTIL));
    }

    #[test]
    fn an_honest_world_says_which_options_are_nothing_to_it() {
        assert_eq!(said_of_nothing(&args(&["none"], Some("0.3"))), ["--prevalence"]);
        let admitted = SimulateArgs { honesty: Some(Mix::USUAL.honesty), ..args(&["none"], Some("0.3")) };
        assert_eq!(said_of_nothing(&admitted), ["--prevalence", "--honesty"]);
        for asked in [args(&["none"], Some("0")), args(&["none"], None), args(&["all"], Some("0.3")), args(&[], Some("0.3"))] {
            assert!(said_of_nothing(&asked).is_empty(), "{asked:?}");
        }
    }

    #[test]
    fn words_for_all_and_none_stand_alone() {
        for named in [["all", "relabel"], ["none", "relabel"], ["none", "all"], ["smuggle", "relabel"]] {
            assert_eq!(asked(&named, None), None, "{named:?}");
        }
    }
}
