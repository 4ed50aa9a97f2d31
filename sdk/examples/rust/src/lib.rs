//! power-of-choices-picker: draws a few candidates at random and picks the best of them.
//!
//!   - type: power-of-choices-picker
//!     parameters: {choices: 2}
//!
//! The endpoint with the best score is the best one for everybody who asks before its metrics are read again, so a picker
//! that always takes it sends it a burst. Between two drawn at random the better one still wins, and the burst spreads.
//! Equal scores are decided by the shorter waiting queue.
//!
//! A complete plugin in Rust: the type below and one line that registers it. `epp` is all that knows of the ABI.

mod epp;

use epp::{Candidates, Context, Error, Extension, F64Column, F64View, Picker, Picks, Plugin, Request};
use std::cmp::Ordering;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const MOST_CHOICES: usize = 16;

struct PowerOfChoices {
    choices: usize,
    waiting: F64Column,
    random: Random,
}

impl Plugin for PowerOfChoices {
    const NAME: &'static str = "power-of-choices-picker";
    const VENDOR: &'static str = "example";
    const DESCRIPTION: &'static str = "Picks the best of a few candidates that are drawn at random";
    const PARAMETERS_SCHEMA: &'static str = r#"{
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "choices": {
          "type": "integer", "minimum": 1, "maximum": 16, "default": 2,
          "description": "Candidates that are drawn for a request."
        }
      }
    }"#;
    const EXTENSIONS: &'static [Extension] = &[epp::picker::<Self>()];

    fn new(context: &Context) -> Result<Self, Error> {
        Ok(PowerOfChoices {
            choices: context.number("/choices").unwrap_or(2.0) as usize,
            waiting: context.require_f64("WaitingQueueSize/core-metrics-extractor")?,
            random: Random::new(),
        })
    }
}

impl Picker for PowerOfChoices {
    fn pick(&self, request: &Request, candidates: &Candidates, scores: &[f64], picks: &mut Picks) -> Result<(), Error> {
        let waiting = self.waiting.of(request, candidates);
        let mut room = [0; MOST_CHOICES];
        let drawn = self.draw(candidates.len(), &mut room);
        let best = drawn.iter().copied().reduce(|best, other| match better(best, other, scores, &waiting) {
            Ordering::Less => other,
            _ => best,
        });
        picks.add(best.ok_or("there are no candidates")?);
        Ok(())
    }
}

impl PowerOfChoices {
    /// Different positions below `count`, in random order.
    fn draw<'a>(&self, count: usize, room: &'a mut [usize; MOST_CHOICES]) -> &'a [usize] {
        let wanted = self.choices.min(count);
        let mut drawn = 0;
        while drawn < wanted {
            let position = self.random.below(count);
            if !room[..drawn].contains(&position) {
                room[drawn] = position;
                drawn += 1;
            }
        }
        &room[..wanted]
    }
}

/// A queue whose length is not known counts as the longest.
fn better(a: usize, b: usize, scores: &[f64], waiting: &F64View) -> Ordering {
    let queue = |position| waiting.get(position).unwrap_or(f64::INFINITY);
    scores[a].total_cmp(&scores[b]).then(queue(b).total_cmp(&queue(a)))
}

/// A sequence that all threads draw from: a counter, and a mix of its bits (splitmix64).
struct Random(AtomicU64);

impl Random {
    fn new() -> Random {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Random(AtomicU64::new(now.map_or(1, |time| time.as_nanos() as u64)))
    }

    /// `limit` is at least 1.
    fn below(&self, limit: usize) -> usize {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mix = self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        mix = (mix ^ (mix >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mix = (mix ^ (mix >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mix ^= mix >> 31;
        ((u128::from(mix) * limit as u128) >> 64) as usize
    }
}

epp::library!(PowerOfChoices);
