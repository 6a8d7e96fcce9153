//! How a wide world is mixed: how much is planted, how hard it is to see, how much the papers admit. Shares are thousandths.

use std::str::FromStr;

/// A share from 0 to 1, in thousandths: no float decides about bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u16);

impl Share {
    /// Thousandths; none above a thousand.
    pub const fn new(permille: u16) -> Option<Share> {
        if permille <= 1000 { Some(Share(permille)) } else { None }
    }

    /// From 0 to 1000.
    pub fn permille(self) -> u64 {
        u64::from(self.0)
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    /// Accepts `0`, `1`, `0.3`, `0.125`; more than three decimals would be cut, so they are refused.
    fn from_str(text: &str) -> Result<Share, InvalidShare> {
        let invalid = || InvalidShare(text.to_owned());
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str, longest: usize| (1..=longest).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 1) || !digits(decimals, 3) {
            return Err(invalid());
        }
        let permille: u16 = format!("{whole}{decimals:0<3}").parse().map_err(|_| invalid())?;
        Share::new(permille).ok_or_else(invalid)
    }
}

/// The text is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no share from 0 to 1 of at most three decimals")]
pub struct InvalidShare(pub String);

/// What a wide world is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Of all lanes, those over which a scheme runs, to the nearest lane; but one where it is not 0. Only lanes whose good China
    /// controls at some time can bear a scheme, about two in three, so that is the most there can be.
    pub prevalence: Share,
    /// At 0 a scheme comes at once and is many times the usual trade; at 1 it comes late and slowly, is a few times the usual
    /// trade, and statistics are noisier.
    pub difficulty: Share,
    /// Of the shipments of a scheme, those whose papers show a Chinese port; of its tonnes, those that China's statistics admit.
    pub honesty: Share,
}

impl Mix {
    /// A tenth of the lanes, of middling difficulty, two in five shipments with papers that show where they come from.
    pub const USUAL: Mix = Mix { prevalence: Share(100), difficulty: Share(500), honesty: Share(400) };

    /// Of so many lanes, those that are to bear a scheme.
    pub(super) fn wanted(&self, lanes: usize) -> usize {
        let share = usize::from(self.prevalence.0);
        if share == 0 { 0 } else { ((lanes * share + 500) / 1000).max(1) }
    }
}

/// A difficulty: `easy` (0.2), `medium` (0.5), `hard` (0.8), or a share.
///
/// # Errors
///
/// Where it is none of them.
pub fn difficulty(text: &str) -> Result<Share, InvalidDifficulty> {
    match text {
        "easy" => Ok(Share(200)),
        "medium" => Ok(Share(500)),
        "hard" => Ok(Share(800)),
        _ => text.parse().map_err(|_| InvalidDifficulty(text.to_owned())),
    }
}

/// The text is no difficulty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no difficulty: it is easy (0.2), medium (0.5), hard (0.8), or a share from 0 to 1 of at most three decimals")]
pub struct InvalidDifficulty(pub String);
