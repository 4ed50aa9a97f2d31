//! my-plugin: endpoints where `busy` requests or more wait for their turn are busy.
//!
// %only scorer
//! The score falls from 1 where nobody waits to 0 at `busy`.
// %only filter
//! Busy endpoints are out of the question, unless all are.
// %only picker
//! Picks the highest score among the endpoints that are not busy; when all are, the highest of all.
// %all

mod epp;

// %only scorer
use epp::{Candidates, Context, Error, Extension, F64Column, Plugin, Request, Scorer};
// %only filter
use epp::{Candidates, Context, Error, Extension, F64Column, Filter, Kept, Plugin, Request};
// %only picker
use epp::{Candidates, Context, Error, Extension, F64Column, Picker, Picks, Plugin, Request};
// %all

struct MyPlugin {
    busy: f64,
    waiting: F64Column,
}

impl Plugin for MyPlugin {
    const NAME: &'static str = "my-plugin";
    const VENDOR: &'static str = "example";
    // %only scorer
    const DESCRIPTION: &'static str = "Scores endpoints by how few requests wait for them";
    // %only filter
    const DESCRIPTION: &'static str = "Keeps endpoints for which few requests wait";
    // %only picker
    const DESCRIPTION: &'static str = "Picks the best endpoint for which few requests wait";
    // %all
    const PARAMETERS_SCHEMA: &'static str = r#"{
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "busy": {
          "type": "number", "exclusiveMinimum": 0, "default": 8,
          "description": "Waiting requests from which on an endpoint is busy."
        }
      }
    }"#;
    // %only scorer
    const EXTENSIONS: &'static [Extension] = &[epp::scorer::<Self>()];
    // %only filter
    const EXTENSIONS: &'static [Extension] = &[epp::filter::<Self>()];
    // %only picker
    const EXTENSIONS: &'static [Extension] = &[epp::picker::<Self>()];
    // %all

    /// Reads the parameters, which fit the schema, and declares the attributes that are used. An error refuses the
    /// configuration.
    fn new(context: &Context) -> Result<Self, Error> {
        Ok(MyPlugin {
            busy: context.number("/busy").unwrap_or(8.0),
            waiting: context.require_f64("WaitingQueueSize/core-metrics-extractor")?,
        })
    }
}

// Called by many threads at once: it takes microseconds. A queue that is not known counts as empty.
// %only scorer
impl Scorer for MyPlugin {
    fn score(&self, request: &Request, candidates: &Candidates, scores: &mut [f64]) -> Result<(), Error> {
        let waiting = self.waiting.of(request, candidates);
        for (position, score) in scores.iter_mut().enumerate() {
            *score = 1.0 - (waiting.get(position).unwrap_or(0.0) / self.busy).clamp(0.0, 1.0);
        }
        Ok(())
    }
}
// %only filter
impl Filter for MyPlugin {
    fn filter(&self, request: &Request, candidates: &Candidates, kept: &mut Kept) -> Result<(), Error> {
        let waiting = self.waiting.of(request, candidates);
        let is_busy = |position| waiting.get(position).unwrap_or(0.0) >= self.busy;
        let all_are = (0..candidates.len()).all(is_busy);
        for position in 0..candidates.len() {
            if all_are || !is_busy(position) {
                kept.keep(position);
            }
        }
        Ok(())
    }
}
// %only picker
impl Picker for MyPlugin {
    fn pick(&self, request: &Request, candidates: &Candidates, scores: &[f64], picks: &mut Picks) -> Result<(), Error> {
        let waiting = self.waiting.of(request, candidates);
        let is_busy = |position| waiting.get(position).unwrap_or(0.0) >= self.busy;
        let best =
            (0..candidates.len()).max_by(|&a, &b| is_busy(b).cmp(&is_busy(a)).then(scores[a].total_cmp(&scores[b])));
        picks.add(best.ok_or("there are no candidates")?);
        Ok(())
    }
}
// %all

epp::library!(MyPlugin);
