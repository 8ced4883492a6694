//! The compiled form: names as symbols, long lists as sets, counts as counters.
//!
//! Evaluating walks the tree once, stops as soon as the answer is known, and allocates nothing. Along with the answer
//! it gives a time until which the answer holds if nothing happens: a conjunction that fails stays false at least
//! while the part that failed does, one that holds stays true while all its parts do. A part that is unknown leaves the
//! answer open unless another part decides it.

use crate::hash::Symbol;
use crate::profile::{CounterId, Kept, Window};
use crate::time::{Timestamp, shorten};
use crate::truth::{Answer, Truth};
use crate::value::Value;

use super::asked::{Asked, Lasting, follow};
use super::ast::{
    Comparison, EventQuery, Expr, Literal, Measure, Op, Points, Sequence, SessionFact, Source, Test, When,
};
use super::cause::{Cause, Variety, causes};
use super::computed::Part;
use super::error::{NameKind, RuleError};
use super::eval_query::{EventNode, absent, frame};
use super::facts::Facts;
use super::geo::{Circle, LATITUDES, LONGITUDES, place};
use super::lists::Lists;
use super::plan::{CounterPlan, spec};
use super::portrait::{self, Scoring};
use super::value_test::ValueTest;

/// What a rule depends on, each list sorted and without repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The counters.
    pub counters: Vec<CounterId>,
    /// The attributes of profiles; for a dotted name both the whole name and the part before the first dot.
    pub attributes: Vec<Symbol>,
    /// The kinds of groups.
    pub groups: Vec<Symbol>,
    /// What is computed from events, by id.
    pub computed: Vec<CounterId>,
    /// The attributes of requests.
    pub context: Vec<Symbol>,
    /// The dimensions of affinity, each with the value that is asked about; without one as a whole.
    pub affinities: Vec<(Symbol, Option<Symbol>)>,
    /// The segments.
    pub segments: Vec<usize>,
    /// The rest.
    pub aspects: Vec<Aspect>,
}

/// What a rule depends on as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Aspect {
    /// The session.
    Session,
    /// Whose profile it is.
    Person,
    /// When the person was seen.
    Lifecycle,
    /// What the person has bought.
    Purchases,
    /// Weights that fade as time passes.
    Fading,
    /// The time of day, or the date.
    Clock,
}

impl Aspect {
    /// Every aspect.
    pub const ALL: [Self; 6] =
        [Self::Session, Self::Person, Self::Lifecycle, Self::Purchases, Self::Fading, Self::Clock];
}

/// A rule made ready for fast evaluation; see [`Rule::compile`](super::Rule::compile).
#[derive(Clone, Debug)]
pub struct Compiled {
    root: Node,
    reads: Reads,
}

impl Compiled {
    /// Whether the rule holds, and until when. Costs tens of nanoseconds for a small rule.
    #[inline]
    pub fn eval(&self, facts: &impl Facts) -> Truth {
        self.root.ask(facts)
    }

    /// Notes the values that the rule asks attributes for.
    pub(crate) fn note_variety(&self, variety: &mut Variety) {
        variety.note(&self.root);
    }

    /// What makes the rule answer otherwise than for an empty profile, which `nobody` is.
    pub(crate) fn causes(&self, variety: &Variety, nobody: &impl Facts) -> Option<Vec<Cause>> {
        causes(&self.root, variety, nobody)
    }

    /// What the rule depends on: nothing else changes its answer, but time.
    #[must_use]
    pub const fn reads(&self) -> &Reads {
        &self.reads
    }
}

pub(crate) fn compile(
    expr: &Expr,
    segment: &mut dyn FnMut(&str) -> Option<usize>,
    lists: &Lists,
    plan: &mut CounterPlan,
) -> Result<Compiled, RuleError> {
    let mut compiler = Compiler { segment, lists, plan, reads: Reads::default() };
    let root = compiler.node(expr)?;
    let mut reads = compiler.reads;
    for ids in [&mut reads.counters, &mut reads.computed] {
        ids.sort_unstable();
        ids.dedup();
    }
    for symbols in [&mut reads.attributes, &mut reads.groups, &mut reads.context] {
        symbols.sort_unstable();
        symbols.dedup();
    }
    reads.affinities.sort_unstable();
    reads.affinities.dedup();
    reads.segments.sort_unstable();
    reads.segments.dedup();
    reads.aspects.sort_unstable();
    reads.aspects.dedup();
    Ok(Compiled { root, reads })
}

struct Compiler<'a> {
    segment: &'a mut dyn FnMut(&str) -> Option<usize>,
    lists: &'a Lists,
    plan: &'a mut CounterPlan,
    reads: Reads,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Const(bool),
    /// First what is asked of attributes, tests of one beside each other; then the rest.
    And(Box<[(Name, ValueTest)]>, Box<[Self]>),
    Or(Box<[Self]>),
    Not(Box<Self>),
    Segment(usize),
    Attribute(Name, ValueTest),
    /// Whether an attribute is there, or a part of an object of its name.
    Exists(Name),
    /// Apart, so that a node is no larger than what is asked most.
    Group(Box<(Symbol, Name, ValueTest)>),
    Computed(CounterId, Part, ValueTest),
    Context(Name, ValueTest),
    /// What is derived from a value, moves with time, or looks into lists.
    Asked(Place, Name, Box<Asked>),
    Near(Place, Box<Spot>),
    Session(SessionFact, ValueTest),
    Portrait(Box<portrait::Node>),
    Score(Scoring<Self>),
    /// Most conditions on counts, with the exact time at which they flip.
    AtLeast {
        counter: CounterId,
        least: u32,
        window: Window,
        holds: bool,
    },
    /// Other questions about events.
    Events(Box<EventNode>),
}

/// Whose value is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Profile,
    Request,
}

/// A circle, and where the place is that should lie in it: in one value, or apart, as profiles keep objects.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    name: Name,
    lat: [Name; LATITUDES.len()],
    lon: [Name; LONGITUDES.len()],
    circle: Circle,
}

impl Spot {
    /// The names under which the place is looked for.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.name).chain(&self.lat).chain(&self.lon)
    }
}

/// A name, and for a dotted one the way into nested values, which is taken where nothing has the whole name.
#[derive(Clone, Debug)]
pub(super) struct Name {
    whole: Symbol,
    nested: Option<Box<Nested>>,
}

#[derive(Clone, Debug)]
struct Nested {
    first: Symbol,
    path: Box<[Box<str>]>,
}

impl Name {
    pub(super) fn new(name: &str, reads: &mut Vec<Symbol>) -> Self {
        let whole = Symbol::new(name);
        reads.push(whole);
        let nested = name.split_once('.').map(|(first, rest)| {
            let first = Symbol::new(first);
            reads.push(first);
            Box::new(Nested { first, path: rest.split('.').map(Into::into).collect() })
        });
        Self { whole, nested }
    }

    /// The symbol, unless the value may also be found within another.
    pub(super) const fn plain(&self) -> Option<Symbol> {
        if self.nested.is_none() { Some(self.whole) } else { None }
    }

    /// The symbols of the values to look at.
    pub(super) fn symbols(&self) -> impl Iterator<Item = Symbol> {
        std::iter::once(self.whole).chain(self.nested.iter().map(|nested| nested.first))
    }

    #[inline(always)]
    pub(super) fn find<'v>(&self, look_up: impl Fn(Symbol) -> Option<&'v Value>) -> Option<&'v Value> {
        let found = look_up(self.whole);
        let (None, Some(nested)) = (found, &self.nested) else { return found };
        follow(look_up(nested.first)?, &nested.path)
    }
}

impl Place {
    fn find<'f>(self, name: &Name, facts: &'f impl Facts) -> Option<&'f Value> {
        match self {
            Self::Profile => name.find(|symbol| facts.attribute(symbol)),
            Self::Request => name.find(|symbol| facts.context(symbol)),
        }
    }
}

impl Compiler<'_> {
    fn node(&mut self, expr: &Expr) -> Result<Node, RuleError> {
        Ok(match expr {
            Expr::Const(value) => Node::Const(*value),
            Expr::And(parts) => {
                let (mut tests, mut others) = (Vec::new(), Vec::new());
                for part in parts {
                    match self.node(part)? {
                        Node::Attribute(name, test) => tests.push((name, test)),
                        other => others.push(other),
                    }
                }
                tests.sort_by_key(|(name, _)| name.whole);
                Node::And(tests.into(), others.into())
            }
            Expr::Or(parts) => Node::Or(parts.iter().map(|part| self.node(part)).collect::<Result<_, _>>()?),
            Expr::Not(inner) => Node::Not(Box::new(self.node(inner)?)),
            Expr::Segment(name, at) => {
                let index = (self.segment)(name).ok_or_else(|| RuleError::Unknown {
                    at: at.0.clone(),
                    what: NameKind::Segment,
                    name: shorten(name),
                    nearest: None,
                })?;
                self.reads.segments.push(index);
                Node::Segment(index)
            }
            Expr::Sequence(sequence) => self.sequence(sequence),
            Expr::Test(comparison) => {
                self.check_lists(comparison)?;
                self.comparison(comparison)?
            }
        })
    }

    /// Finds a list that nothing defines.
    fn check_lists(&self, comparison: &Comparison) -> Result<(), RuleError> {
        let mut unknown = None;
        comparison.test.each_list(&comparison.op_at, &mut |name, at| {
            if !self.lists.contains(name) {
                unknown.get_or_insert((name.to_owned(), at.0.clone()));
            }
        });
        match unknown {
            Some((name, at)) => {
                Err(RuleError::Unknown { at, what: NameKind::List, name: shorten(&name), nearest: None })
            }
            None => Ok(()),
        }
    }

    /// What is asked of a value of the profile or the request.
    fn value(&mut self, place: Place, name: &str, comparison: &Comparison) -> Node {
        let reads = match place {
            Place::Profile => &mut self.reads.attributes,
            Place::Request => &mut self.reads.context,
        };
        let whole = Name::new(name, reads);
        if let (Test::Near(circle), Source::Attribute(_) | Source::Context(_)) = (&comparison.test, &comparison.source)
        {
            let mut part = |part: &str| Name::new(&format!("{name}.{part}"), reads);
            let (lat, lon) = (LATITUDES.map(&mut part), LONGITUDES.map(&mut part));
            return Node::Near(place, Box::new(Spot { name: whole, lat, lon, circle: *circle }));
        }
        match (Asked::new(&comparison.source, &comparison.test, self.lists).into_plain(), place) {
            (Ok(_), Place::Profile) if comparison.test == Test::Exists => Node::Exists(whole),
            (Ok(test), Place::Profile) => Node::Attribute(whole, test),
            (Ok(test), Place::Request) => Node::Context(whole, test),
            (Err(asked), place) => {
                if asked.moves() && matches!(place, Place::Profile) {
                    self.reads.aspects.push(Aspect::Clock);
                }
                Node::Asked(place, whole, asked)
            }
        }
    }

    fn comparison(&mut self, comparison: &Comparison) -> Result<Node, RuleError> {
        let mut source = &comparison.source;
        while let Source::Derived(_, of) = source {
            source = of;
        }
        let test = ValueTest::new(&comparison.test, self.lists);
        Ok(match source {
            Source::Attribute(name) => self.value(Place::Profile, name, comparison),
            Source::Context(name) => self.value(Place::Request, name, comparison),
            Source::Group { kind, name } => {
                let kind = Symbol::new(kind);
                self.reads.groups.push(kind);
                Node::Group(Box::new((kind, Name::new(name, &mut Vec::new()), test)))
            }
            Source::Computed { id, part, .. } => {
                self.reads.computed.push(*id);
                Node::Computed(*id, *part, test)
            }
            // Reading and building refuse it outside of lists, and nesting to this depth.
            Source::Element(_) | Source::Property(_) | Source::Derived(..) => Node::Const(false),
            Source::Session(fact) => {
                self.reads.aspects.push(Aspect::Session);
                Node::Session(*fact, test)
            }
            Source::Event(query) => self.event(query, comparison, test),
            Source::Portrait(of) => {
                Node::Portrait(Box::new(portrait::Node::new(of, &comparison.test, test, &mut self.reads, self.plan)))
            }
            Source::Score(parts) => {
                let compile = |part: &Points| Ok((part.points, self.node(&part.rule)?));
                Node::Score(Scoring::new(parts.iter().map(compile).collect::<Result<_, RuleError>>()?, test))
            }
        })
    }

    fn event(&mut self, query: &EventQuery, comparison: &Comparison, test: ValueTest) -> Node {
        let asked = &comparison.test;
        let spec = spec(query, asked);
        let window = query.when.window();
        if window == Window::Session {
            self.reads.aspects.push(Aspect::Session);
        }
        let threshold = threshold(asked).filter(|_| query.measure == Measure::Count);
        if let (Some((least, holds)), Kept::Times(_)) = (threshold, spec.kept()) {
            let counter = self.plan.intern(spec);
            self.reads.counters.push(counter);
            return Node::AtLeast { counter, least, window, holds };
        }
        let counter = self.plan.intern(spec);
        self.reads.counters.push(counter);
        let node = match query.measure {
            Measure::First | Measure::Last => match Asked::new(&comparison.source, asked, self.lists).into_plain() {
                Ok(test) => EventNode::new(counter, query, test),
                Err(moving) => EventNode::moving(counter, query, moving),
            },
            _ => EventNode::new(counter, query, test),
        };
        Node::Events(Box::new(node))
    }

    fn sequence(&mut self, of: &Sequence) -> Node {
        let counter = self.plan.intern(super::plan::sequence(of));
        self.reads.counters.push(counter);
        if of.when == When::InSession {
            self.reads.aspects.push(Aspect::Session);
        }
        Node::Events(Box::new(EventNode::sequence(counter, of)))
    }
}

/// An order comparison of a count as "at least so many", or its opposite.
fn threshold(test: &Test) -> Option<(u32, bool)> {
    let Test::Is(op, Literal::Number(number)) = test else { return None };
    let above = libm::floor(*number) + 1.0;
    let (least, holds) = match op {
        Op::Ge => (libm::ceil(*number), true),
        Op::Gt => (above, true),
        Op::Lt => (libm::ceil(*number), false),
        Op::Le => (above, false),
        Op::Eq | Op::Ne => return None,
    };
    // The cast saturates; below zero every count is enough.
    Some((least as u32, holds))
}

impl Node {
    /// [`Node::eval`] with the most frequent questions asked on the spot.
    #[inline(always)]
    fn ask(&self, facts: &impl Facts) -> Truth {
        match self {
            Self::Attribute(name, test) => Truth::always(test.value(name.find(|symbol| facts.attribute(symbol)))),
            Self::And(tests, parts) if parts.is_empty() => Truth::always(all_pass(tests, facts)),
            other => other.eval(facts),
        }
    }

    pub(super) fn eval(&self, facts: &impl Facts) -> Truth {
        match self {
            Self::Const(value) => Truth::always(*value),
            Self::And(tests, parts) => {
                if !all_pass(tests, facts) {
                    return Truth::always(false);
                }
                all(parts.iter().map(|part| part.eval(facts)), Answer::Yes)
            }
            Self::Or(parts) => all(parts.iter().map(|part| part.ask(facts)), Answer::No),
            Self::Not(inner) => !inner.ask(facts),
            Self::Segment(index) => Truth::always(facts.segment(*index)),
            Self::Attribute(..) => self.ask(facts),
            Self::Exists(name) => {
                let is_there = |value: &Value| !value.is_null();
                let found = name.find(|symbol| facts.attribute(symbol)).is_some_and(is_there);
                Truth::always(found || facts.has_parts(name.whole))
            }
            Self::Group(of) => {
                let (kind, name, test) = &**of;
                let found = test.value(name.find(|symbol| facts.group(*kind, symbol)));
                Truth::always(found || test.is_exists() && facts.group_has_parts(*kind, name.whole))
            }
            Self::Computed(id, part, test) => Truth::always(test.value(facts.computed(*id, *part).as_deref())),
            Self::Context(name, test) => Truth::always(test.value(name.find(|symbol| facts.context(symbol)))),
            Self::Asked(place, name, asked) => {
                let Lasting { holds, until } = asked.ask(place.find(name, facts), facts.now());
                Truth { answer: holds.into(), until }
            }
            Self::Near(at, spot) => {
                let number = |names: &[Name]| names.iter().find_map(|name| at.find(name, facts)?.as_number());
                let whole = at.find(&spot.name, facts).and_then(place);
                let found = whole.or_else(|| Some((number(&spot.lat)?, number(&spot.lon)?)));
                Truth::always(found.is_some_and(|found| spot.circle.holds(found)))
            }
            Self::Portrait(node) => node.eval(facts),
            Self::Score(scoring) => scoring.eval(|part| part.eval(facts)),
            Self::Session(fact, test) => {
                Truth { answer: test.scalar(facts.session(*fact)).into(), until: facts.session_until() }
            }
            Self::AtLeast { counter, least, window, holds } => {
                let enough = match facts.counter(*counter) {
                    Some(counter) => counter.at_least(*least, &frame(*window, facts)),
                    None if *least == 0 => Truth::always(true),
                    None => absent(*counter, *window, facts).unwrap_or_else(|| Truth::always(false)),
                };
                if *holds { enough } else { !enough }
            }
            Self::Events(node) => node.eval(facts),
        }
    }
}

/// Whether attributes pass all tests, of which those of one attribute are beside each other: it is looked up once.
#[inline(never)]
fn all_pass(tests: &[(Name, ValueTest)], facts: &impl Facts) -> bool {
    // The first test asks for another.
    let mut asked = tests.first().map_or(0, |(name, _)| !name.whole.to_bits());
    let mut value = None;
    tests.iter().all(|(name, test)| {
        if name.whole.to_bits() != asked {
            asked = name.whole.to_bits();
            value = name.find(|symbol| facts.attribute(symbol));
        }
        test.value(value)
    })
}

/// Whether all parts are as wanted for AND (yes), or any is for OR (no). A part that is the opposite decides; without
/// one, a part that is unknown makes the answer unknown.
#[inline]
pub(super) fn all(parts: impl IntoIterator<Item = Truth>, wanted: Answer) -> Truth {
    let (mut answer, mut until) = (wanted, Timestamp::MAX);
    for truth in parts {
        if truth.answer != wanted {
            if !truth.answer.is_unknown() {
                return truth;
            }
            answer = Answer::Unknown;
        }
        until = until.min(truth.until);
    }
    Truth { answer, until }
}
