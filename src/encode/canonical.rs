//! stub
use crate::domain::Claim;
pub fn record_without_known_from(_claim: &Claim) -> Vec<u8> {
    Vec::new()
}
