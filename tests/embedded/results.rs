//! The results of a cross-entropy that are not a gradient.

use wgpu_loss::kernel::{Record, Word};
use wgpu_loss::{CrossEntropy, CrossEntropyOutput, Reduction, RowOutputs, Totals};

use crate::buffers::column;
use crate::engine::Embedded;
use crate::memory::{Memory, POISON};

/// Whether any value of each row is asked for.
pub fn wants_rows(options: &CrossEntropy) -> bool {
    options.reduction == Reduction::None || options.rows != RowOutputs::default()
}

/// Buffers for records and reduced results.
pub struct Results {
    record: Record,
    pub rows: Memory,
    pub totals: Memory,
}

impl Results {
    pub fn new(engine: &Embedded, record: Record, rows: usize) -> Self {
        Self {
            record,
            rows: engine.output(4, record.words() as usize * rows),
            totals: engine.output(4, size_of::<Totals>() / 4),
        }
    }

    pub fn totals(&self, engine: &Embedded) -> Totals {
        self.totals.read(&engine.gpu)[0]
    }

    /// What was computed, every word of which has been written.
    pub fn read(&self, engine: &Embedded, options: &CrossEntropy) -> CrossEntropyOutput {
        let totals = self.totals(engine);
        let is_poison = bytemuck::cast_slice::<_, u32>(&[totals]).contains(&POISON);
        assert!(!is_poison, "totals are missing: {totals:?}");
        let records: Vec<u32> = self.rows.read(&engine.gpu);
        if wants_rows(options) {
            assert!(!records.contains(&POISON), "records are missing");
        } else {
            engine.assert_unchanged([&self.rows]);
        }
        let words = |word, is_wanted: bool| {
            let words = is_wanted.then(|| column(&records, self.record, word))?;
            Some(words.expect("what is asked for has a place"))
        };
        let values = |word, is_wanted| -> Option<Vec<f32>> {
            Some(words(word, is_wanted)?.into_iter().map(f32::from_bits).collect())
        };
        let rows = options.rows;
        CrossEntropyOutput {
            loss: totals.loss,
            z_loss: totals.z_loss,
            denominator: totals.denominator,
            counted: totals.counted as usize,
            correct: options.correct.then_some(totals.correct as usize),
            loss_rows: values(Word::Loss, rows.loss || options.reduction == Reduction::None),
            log_sum_exp: values(Word::LogSumExp, rows.log_sum_exp),
            target_log_probability: values(Word::TargetLogProbability, rows.target_log_probability),
            entropy: values(Word::Entropy, rows.entropy),
            argmax: words(Word::Argmax, rows.argmax),
            target_rank: words(Word::TargetRank, rows.target_rank),
            z_loss_rows: values(Word::ZLoss, rows.z_loss),
            gradient: None,
        }
    }
}
