//! The command line of `wgsl`: the options of `eval`, with shapes in place of files.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches, Subcommand, ValueEnum};
use wgpu_loss::plan::{AdapterClass, Capabilities, SubgroupSizes};
use wgpu_loss::{GradientPlace, Shape};

use super::{ElementOption, Operation};

/// The arguments of `eval` that say where arrays are and go, or where to compute: a plan has neither.
const OF_FILES: [&str; 20] = [
    "file",
    "and",
    "and_targets",
    "and_row_weights",
    "targets_path",
    "targets_file",
    "class_weights_file",
    "row_weights_file",
    "upstream_tensor",
    "upstream_file",
    "target_operand",
    "teacher_operand",
    "variance_operand",
    "weights_operand",
    "logits",
    "class_axis",
    "out",
    "device",
    "device_memory",
    "json",
];

/// Bytes of a buffer, and of a binding, that most drivers allow.
const MOST_BYTES: u64 = (1 << 31) - 4;

/// Options of `wgsl`.
#[derive(Debug, Args)]
pub struct WgslOptions {
    /// What is planned.
    #[command(subcommand)]
    pub planned: PlannedOperation,
}

/// An operation with the options that `eval` gives it, and the shapes that it is planned for.
#[derive(Debug)]
pub struct PlannedOperation {
    /// The operation.
    pub operation: Operation,
    /// The shapes, and for which device.
    pub plan: PlanOptions,
}

/// What a plan needs beside an operation's own options.
#[derive(Debug, Args)]
pub struct PlanOptions {
    /// Number of rows
    #[arg(id = "plan_rows", long = "rows", value_name = "N", default_value_t = 1024)]
    pub rows: usize,
    /// Number of classes, or of columns
    #[arg(long, visible_alias = "columns", value_name = "C", default_value_t = 1000)]
    pub classes: usize,
    /// Rows whose values lie side by side, as the (H, W) of PyTorch's (N, C, H, W) do
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub inner: usize,
    /// Element type of the logits, and of what is shaped as they are
    #[arg(id = "plan_element", long = "element", value_name = "TYPE", value_enum, default_value_t = ElementOption::F32)]
    pub element: ElementOption,
    /// Which part of the operation [default: fused with --gradient, else forward]
    #[arg(long, value_enum)]
    pub pass: Option<PassOption>,
    /// Where the gradient, or the softmax, goes
    #[arg(long, value_enum, default_value_t = PlaceOption::Separate)]
    pub place: PlaceOption,
    /// The kind of adapter whose table of geometries is used
    #[arg(long, value_enum, default_value_t = AdapterClassOption::Discrete)]
    pub adapter_class: AdapterClassOption,
    /// Lanes of the adapter's subgroups: N, or N-M where they vary, or `none`
    #[arg(long, value_name = "N", default_value = "32", value_parser = subgroups)]
    pub subgroups: Subgroups,
    /// Plan for the least limits of WebGPU, and without subgroups, as a page for any browser does
    #[arg(long, conflicts_with = "subgroups")]
    pub web: bool,
    /// Print one dispatch alone, by its number from 1
    #[arg(long, value_name = "N")]
    pub dispatch: Option<usize>,
}

impl PlanOptions {
    /// The shape of the logits, rows contiguous.
    pub fn shape(&self) -> Shape {
        let outer = self.rows.div_ceil(self.inner.max(1));
        let shape = match self.inner {
            0 | 1 => Shape::new(self.rows, self.classes),
            inner => Shape::with_class_axis(outer, self.classes, inner),
        };
        shape.with_element(self.element.library())
    }

    /// What the planner may use.
    pub fn capabilities(&self) -> Capabilities {
        let web = Capabilities::web_gpu(self.adapter_class.library());
        if self.web {
            return web;
        }
        Capabilities {
            subgroups: self.subgroups.0,
            max_binding_bytes: MOST_BYTES,
            max_buffer_bytes: MOST_BYTES,
            max_invocations: 1024,
            max_workgroup_bytes: 1 << 15,
            ..web
        }
    }

    /// The pass, given whether a gradient is asked for.
    pub fn pass(&self, gradient: bool) -> PassOption {
        let usual = if gradient { PassOption::Fused } else { PassOption::Forward };
        self.pass.unwrap_or(usual)
    }

    /// Where the gradient goes.
    pub fn place(&self) -> GradientPlace {
        match self.place {
            PlaceOption::Separate => GradientPlace::Separate,
            PlaceOption::InPlace => GradientPlace::InPlace,
        }
    }
}

/// The passes, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PassOption {
    /// The values alone
    Forward,
    /// Values and gradient together
    Fused,
    /// The gradient alone, from what a forward kept
    Backward,
}

/// Where a gradient goes, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlaceOption {
    /// To a buffer of its own
    Separate,
    /// Over the logits
    InPlace,
}

/// The classes of adapters, as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AdapterClassOption {
    /// A driver that runs on the CPU
    Software,
    /// A GPU that shares the CPU's memory
    Integrated,
    /// A GPU with memory of its own
    Discrete,
}

impl AdapterClassOption {
    fn library(self) -> AdapterClass {
        match self {
            Self::Software => AdapterClass::Software,
            Self::Integrated => AdapterClass::Integrated,
            Self::Discrete => AdapterClass::Discrete,
        }
    }
}

/// Sizes of subgroups. A type of its own, since clap takes a bare `Option` for an argument that may be
/// absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subgroups(pub Option<SubgroupSizes>);

fn subgroups(text: &str) -> Result<Subgroups, String> {
    if text == "none" {
        return Ok(Subgroups(None));
    }
    let (smallest, largest) = text.split_once('-').unwrap_or((text, text));
    let lanes = |text: &str| {
        text.parse().ok().filter(|lanes: &u32| lanes.is_power_of_two() && (4..=128).contains(lanes))
    };
    match (lanes(smallest), lanes(largest)) {
        (Some(smallest), Some(largest)) if smallest <= largest => {
            Ok(Subgroups(Some(SubgroupSizes { smallest, largest })))
        }
        _ => Err("expected a power of two from 4 to 128, two of them as 8-32, or `none`".into()),
    }
}

/// An argument of `eval` as `wgsl` has it.
fn without_file(argument: Arg) -> Arg {
    let is_named = |argument: &Arg, name: &str| {
        argument.get_value_names().is_some_and(|names| names.iter().any(|it| it == name))
    };
    match argument.get_id().as_str() {
        "file" => argument.required(false).default_value("none").hide(true),
        "rows" => argument.long("row-values"),
        "element" => argument.long("result-element"),
        id if OF_FILES.contains(&id) => argument.hide(true),
        // That there is such an operand is all that a plan asks.
        _ if is_named(&argument, "NAME_OR_FILE") && !argument.is_positional() => {
            argument.num_args(0..=1).default_missing_value("given")
        }
        _ => argument,
    }
}

impl PlannedOperation {
    fn augmented(command: Command) -> Command {
        let names: Vec<_> =
            command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        names.into_iter().fold(command, |command, name| {
            command.mut_subcommand(name, |operation| {
                let operation = operation.mut_args(without_file).after_help("");
                PlanOptions::augment_args(operation)
            })
        })
    }
}

impl FromArgMatches for PlannedOperation {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let missing = || Error::raw(ErrorKind::MissingSubcommand, "an operation is required\n");
        let (name, of_operation) = matches.subcommand().ok_or_else(missing)?;
        for id in OF_FILES {
            let source =
                of_operation.try_contains_id(id).is_ok().then(|| of_operation.value_source(id));
            if source.flatten() == Some(ValueSource::CommandLine) {
                return Err(Error::raw(
                    ErrorKind::ArgumentConflict,
                    format!(
                        "wgsl {name} reads and writes no arrays: expected --rows, --classes and --element, found {}\n",
                        id.replace('_', "-")
                    ),
                ));
            }
        }
        let plan = PlanOptions::from_arg_matches(of_operation)?;
        Ok(Self { operation: Operation::from_arg_matches(matches)?, plan })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for PlannedOperation {
    fn augment_subcommands(command: Command) -> Command {
        Self::augmented(Operation::augment_subcommands(command))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augmented(Operation::augment_subcommands_for_update(command))
    }

    fn has_subcommand(name: &str) -> bool {
        Operation::has_subcommand(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: WgslOptions,
    }

    fn parsed(line: &str) -> Result<PlannedOperation, Error> {
        Line::try_parse_from(line.split(' ')).map(|line| line.options.planned)
    }

    #[test]
    fn every_operation_of_eval_is_one() {
        Line::command().debug_assert();
        let command = Line::command();
        let names = |command: &Command| {
            command.get_subcommands().map(|it| it.get_name().to_owned()).collect::<Vec<_>>()
        };
        let eval = names(&Operation::augment_subcommands(Command::new("eval")));
        assert_eq!(names(&command), eval);
        assert!(eval.len() >= 19, "{eval:?}");
    }

    #[test]
    fn shapes_stand_where_eval_has_files() {
        let found = parsed(
            "wgsl cross-entropy --rows 6 --classes 5 --element bf16 --class-weights --gradient",
        );
        let PlannedOperation { operation, plan } = found.expect("good options");
        assert_eq!(plan.shape(), Shape::new(6, 5).with_element(wgpu_loss::Element::Bf16));
        let Operation::CrossEntropy(options) = operation else { panic!("{operation:?}") };
        assert!(options.targets.class_weights.is_some() && options.gradient.gradient);
        assert_eq!(plan.pass(options.gradient.gradient), PassOption::Fused);
        assert!(parsed("wgsl softmax-focal --row-values --rows 12 --inner 4 --web").is_ok());
        for refused in ["wgsl log-sum-exp logits.npy", "wgsl reduce --out a.safetensors", "wgsl"] {
            assert!(parsed(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn subgroups_are_powers_of_two() {
        let sizes = |smallest, largest| Ok(Subgroups(Some(SubgroupSizes { smallest, largest })));
        assert_eq!(subgroups("none"), Ok(Subgroups(None)));
        assert_eq!(subgroups("32"), sizes(32, 32));
        assert_eq!(subgroups("8-32"), sizes(8, 32));
        for refused in ["", "3", "64-32", "0", "8-"] {
            assert!(subgroups(refused).is_err(), "{refused}");
        }
    }
}
