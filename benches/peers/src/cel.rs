//! cel: programs compiled once, the attributes as variables of one context.

use cel::{Context, Program, Value as Cel};

use crate::Peer;
use crate::rule::{Asked, Profile, Rule, Test, Value};

pub struct CelPrograms {
    programs: Vec<Program>,
    context: Context<'static, 'static>,
}

impl Peer for CelPrograms {
    const NAME: &'static str = "cel";

    fn new(rules: &[Rule], profile: &Profile) -> Self {
        let mut context = Context::default();
        for (name, value) in &profile.0 {
            match value {
                Value::Bool(value) => context.add_variable_from_value(*name, *value),
                Value::Number(number) => context.add_variable_from_value(*name, *number),
                Value::Text(text) => context.add_variable_from_value(*name, text.clone()),
            }
        }
        let compile = |rule: &Rule| Program::compile(&rule.join(" && ", " || ", test)).unwrap();
        Self { programs: rules.iter().map(compile).collect(), context }
    }

    fn evaluate(&mut self) -> usize {
        self.programs.iter().filter(|program| holds(program, &self.context)).count()
    }

    fn answers(&mut self) -> Vec<bool> {
        self.programs.iter().map(|program| holds(program, &self.context)).collect()
    }
}

fn holds(program: &Program, context: &Context<'_, '_>) -> bool {
    program.execute(context).unwrap() == Cel::Bool(true)
}

fn literal(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{number:?}"),
        other => other.json().to_string(),
    }
}

fn test(test: &Test) -> String {
    let name = test.attribute;
    let list = |values: &[Value]| format!("[{}]", values.iter().map(literal).collect::<Vec<_>>().join(", "));
    match &test.asked {
        Asked::Is(value) => format!("{name} == {}", literal(value)),
        Asked::In(values) => format!("{name} in {}", list(values)),
        Asked::NotIn(values) => format!("!({name} in {})", list(values)),
        Asked::AtLeast(number) => format!("{name} >= {number:?}"),
        Asked::Below(number) => format!("{name} < {number:?}"),
        Asked::StartsWith(start) => format!("{name}.startsWith({start:?})"),
    }
}
