//! Everything that people write down, in one value: read from JSON, or built in Rust.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::stages::{read_lifecycle, read_rfm};
use super::{Computed, Retention};
use crate::campaign::{Campaign, Placement, read_unknown, rule};
use crate::config::{Fault, Problems, Reader};
use crate::event::EventKind;
use crate::identity::{self, Hidden};
use crate::profile::{Lifecycle, PERSONALISATION, TRACKING, Upkeep};
use crate::recommend::NeighborSettings;
use crate::rule::{List, Literal, Unknown};
use crate::schema::{Affinity, Keep, Keeping, Schema};
use crate::segment::Segment;
use crate::time::Span;
use crate::value::Kind;

/// Everything that people write down: schema, segments, placements, campaigns, settings.
///
/// ```
/// use bespoke::engine::Definitions;
/// let definitions = Definitions::from_json(r#"{
///     "segments": [{"name": "shoppers", "rule": "event('item_added').within(7 days).count() >= 1"}],
///     "placements": ["home"],
///     "campaigns": [{"name": "welcome", "placement": "home", "payload": {"banner": "hello.png"}}]
/// }"#).unwrap();
/// assert_eq!(definitions.segments[0].name, "shoppers");
/// let problems = Definitions::from_json(r#"{"segmnets": []}"#).unwrap_err();
/// assert_eq!(problems.to_string(), "1:14: segmnets: unknown field `segmnets`; did you mean `segments`?");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    /// The declared names.
    pub schema: Schema,
    /// Lists of values that rules ask for by name, such as `plan IN LIST 'paid'`.
    pub lists: Vec<List>,
    /// Named rules with kept membership.
    pub segments: Vec<Segment>,
    /// Attributes that are computed from events.
    pub computed: Vec<Computed>,
    /// The places that the host can fill.
    pub placements: Vec<Placement>,
    /// Who is shown what, where and when.
    pub campaigns: Vec<Campaign>,
    /// How ids become people: taken up by a [`Personalizer`](crate::personalizer::Personalizer) when it is made.
    pub identity: identity::Settings,
    /// What holds for all of it.
    pub settings: Settings,
}

/// What holds for all definitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The seed of all chance. Two engines with the same seed, state and requests decide alike.
    pub seed: u64,
    /// After how long a silence a new session begins.
    pub session_gap: Span,
    /// How many events a profile's history keeps, from 1 to 128.
    pub history: usize,
    /// After how much time people move from stage to stage of their lifecycle.
    pub lifecycle: Lifecycle,
    /// After how long popularity is halved.
    pub popularity_half_life: Span,
    /// After how long the events are halved that are lately there, for `trending`: shorter than popularity.
    pub trending_half_life: Span,
    /// The segments within whose people popularity is counted apart, for `popular_in_segment`: at most 16. A person
    /// in several sees the first of them.
    pub popular_segments: Vec<String>,
    /// How much each item of a person's history counts for related items, as a share of the one after it, from 0.01
    /// to 1; fresh models take it over. The default suits clicks; for ratings of films 0.85 hit 6 % more.
    pub related_fade: f32,
    /// How steeply attention falls with the position in a slate, from 0 (not at all) to 4, for blends that learn:
    /// position `k`, the first being one, is looked at with probability `k^-position_bias`, and at least 1/20.
    pub position_bias: f64,
    /// The share of all people, from 0 to 1, who are kept out of every campaign, the same ones for all: what campaigns
    /// add together is measured against them ([`HOLDOUT`](crate::campaign::HOLDOUT)).
    pub holdout: f64,
    /// The purposes that people can consent to, and what holds for each where somebody has said nothing. Without
    /// `tracking` events are not kept; without `personalisation` decisions are made as for an unknown person; any other
    /// purpose is the host's own ([`Engine::consents`](super::Engine::consents)).
    pub consent: BTreeMap<String, bool>,
    /// After how long what is known about people is forgotten, when [`Engine::expire`](super::Engine::expire) or
    /// [`Personalizer::retain`](crate::personalizer::Personalizer::retain) is called.
    pub retention: Retention,
    /// The most bytes that a profile may take, what it holds on the heap included: from 2 KiB to 1 MiB.
    pub profile_bytes: usize,
    /// Whether people are in those segments and audiences of which what is kept of them does not tell, unless a segment
    /// or a campaign says otherwise for itself.
    pub unknown: Unknown,
}

impl Default for Settings {
    /// Seed 0, sessions of 30 minutes, 64 events of history, the default [`Lifecycle`], popularity halved each week and
    /// trends each day, a fade of one half, attention to a position as
    /// one over it, nobody held out, consent to tracking and personalisation unless somebody refuses, profiles of
    /// at most 8 KiB, nobody in a segment that is not known to hold.
    fn default() -> Self {
        Self {
            seed: 0,
            session_gap: Span::minutes(30),
            history: 64,
            lifecycle: Lifecycle::default(),
            popularity_half_life: Span::days(7),
            trending_half_life: Span::days(1),
            popular_segments: Vec::new(),
            related_fade: NeighborSettings::default().fade,
            position_bias: 1.0,
            holdout: 0.0,
            consent: [TRACKING, PERSONALISATION].map(|purpose| (purpose.to_owned(), true)).into(),
            retention: Retention::default(),
            profile_bytes: Upkeep::BYTES,
            unknown: Unknown::default(),
        }
    }
}

impl Definitions {
    /// Reads definitions from JSON. [`Engine::new`](super::Engine::new) checks what they say;
    /// [`Engine::from_json`](super::Engine::from_json) does both, and lists the mistakes of both.
    ///
    /// # Errors
    /// [`Problems`]: every mistake in the form, each with its place.
    pub fn from_json(text: &str) -> Result<Self, Problems> {
        let (definitions, _, mut problems) = Self::read(text)?;
        problems.locate(text);
        problems.or(definitions)
    }

    /// Reads what can be read, and notes the rest.
    pub(super) fn read(text: &str) -> Result<(Self, Paths, Problems), Problems> {
        let json: Json = serde_json::from_str(text).map_err(Problems::syntax)?;
        let mut problems = Problems::default();
        problems.note_repeated(text);
        let mut reader = Reader::new(&json, "", &mut problems);
        let (mut definitions, mut paths) = (Self::default(), Paths::default());
        if reader.is_object() {
            if let Some(mut schema) = reader.child("schema") {
                definitions.schema = read_schema(&mut schema);
            }
            (definitions.lists, paths.lists) = with_paths(&mut reader, "lists", read_list);
            (definitions.segments, paths.segments) = with_paths(&mut reader, "segments", read_segment);
            (definitions.computed, paths.computed) = with_paths(&mut reader, "computed", Computed::read);
            (definitions.placements, paths.placements) = with_paths(&mut reader, "placements", Placement::read);
            (definitions.campaigns, paths.campaigns) = with_paths(&mut reader, "campaigns", |reader| {
                let campaign = Campaign::read(reader)?;
                paths.lone.push(reader.json().get("variants").is_none());
                Some(campaign)
            });
            if let Some(mut identity) = reader.child("identity") {
                definitions.identity = read_identity(&mut identity);
            }
            if let Some(mut settings) = reader.child("settings") {
                definitions.settings = read_settings(&mut settings);
            }
            reader.finish();
        }
        let names = |field: &str| {
            let named = json.get(field).and_then(Json::as_array).into_iter().flatten();
            named.filter_map(|named| Some(named.get("name")?.as_str()?.to_owned())).collect()
        };
        (paths.unread_lists, paths.unread_segments) = (names("lists"), names("segments"));
        Ok((definitions, paths, problems))
    }
}

/// Where each definition stands in the document.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) lists: Vec<String>,
    pub(super) segments: Vec<String>,
    pub(super) computed: Vec<String>,
    pub(super) placements: Vec<String>,
    pub(super) campaigns: Vec<String>,
    /// By campaign, whether it says itself what its one variant does.
    pub(super) lone: Vec<bool>,
    /// The names of all segments in the document, those with mistakes included, so that a reference to one of these
    /// is not called a mistake too.
    pub(super) unread_segments: Vec<String>,
    /// The same of lists.
    pub(super) unread_lists: Vec<String>,
}

impl Paths {
    /// The paths of definitions that did not come from a document.
    pub(super) fn of(definitions: &Definitions) -> Self {
        let paths = |name: &str, len: usize| (0..len).map(|i| format!("{name}[{i}]")).collect();
        Self {
            lists: paths("lists", definitions.lists.len()),
            segments: paths("segments", definitions.segments.len()),
            computed: paths("computed", definitions.computed.len()),
            placements: paths("placements", definitions.placements.len()),
            campaigns: paths("campaigns", definitions.campaigns.len()),
            lone: vec![false; definitions.campaigns.len()],
            unread_segments: Vec::new(),
            unread_lists: Vec::new(),
        }
    }
}

/// Reads a list, with the path of each element that could be read.
fn with_paths<'a, T>(
    reader: &mut Reader<'a, '_>,
    field: &'static str,
    mut read: impl FnMut(&mut Reader<'a, '_>) -> Option<T>,
) -> (Vec<T>, Vec<String>) {
    reader.list(field, |reader| Some((read(reader)?, reader.path().to_owned()))).into_iter().unzip()
}

fn read_schema(reader: &mut Reader<'_, '_>) -> Schema {
    let mut schema = Schema::default();
    if !reader.is_object() {
        return schema;
    }
    for (name, kind, keeping) in reader.map("attributes", read_attribute) {
        if keeping != Keeping::default() {
            schema.keeping.insert(name.clone(), keeping);
        }
        schema.attributes.insert(name, kind);
    }
    schema.context.extend(reader.map("context", read_kind));
    schema.events = reader.list("events", |reader| match reader.json().as_str() {
        Some(name) if !name.is_empty() => Some(EventKind::from(name)),
        _ => {
            let found = crate::config::kind(reader.json());
            reader.fault(Fault::WrongKind { wanted: "the name of an event", found });
            None
        }
    });
    schema.channels = reader.list("channels", |reader| match reader.json().as_str() {
        Some(name) if !name.is_empty() => Some(name.to_owned()),
        _ => {
            let found = crate::config::kind(reader.json());
            reader.fault(Fault::WrongKind { wanted: "the name of a channel", found });
            None
        }
    });
    schema.groups.extend(reader.map("groups", |kind, reader| {
        reader.is_object().then_some(())?;
        let Json::Object(fields) = reader.json() else { return None };
        let mut kinds = BTreeMap::new();
        for name in fields.keys() {
            kinds.extend(reader.child_of(name).and_then(|mut reader| read_kind(name, &mut reader)));
        }
        Some((kind.to_owned(), kinds))
    }));
    if reader.field("affinities").is_some() {
        schema.affinities = reader.list("affinities", |reader| {
            reader.is_object().then_some(())?;
            let attribute = reader.name("attribute");
            let half_life = reader.parsed("half_life").unwrap_or(Span::days(30));
            reader.finish();
            Some(Affinity { attribute: attribute?, half_life })
        });
    }
    if let Some(mut rfm) = reader.child("rfm") {
        schema.rfm = read_rfm(&mut rfm);
    }
    reader.finish();
    schema
}

/// The kind of an attribute by itself, or an object that says beside it how the attribute is kept.
fn read_attribute(name: &str, reader: &mut Reader<'_, '_>) -> Option<(String, Kind, Keeping)> {
    if !reader.json().is_object() {
        return read_kind(name, reader).map(|(name, kind)| (name, kind, Keeping::default()));
    }
    let kind = reader.word("kind", "kind", &Kind::ALL.map(|kind| (kind.name(), kind)));
    if kind.is_none() && reader.json().get("kind").is_none_or(Json::is_null) {
        reader.fault(Fault::Missing { field: "kind" });
    }
    let words = [("newest", Keep::Newest), ("oldest", Keep::Oldest), ("union", Keep::Union(UNITED))];
    let mut keep = reader.word("keep", "way of keeping", &words).unwrap_or_default();
    // The bounds make both casts exact.
    let history = reader.whole("history", 0..=64, "a number of values from 0 to 64").unwrap_or(0) as u8;
    if let Keep::Union(limit) = &mut keep {
        let found = reader.whole("limit", 1..=64, "a number of values from 1 to 64");
        *limit = found.map_or(*limit, |found| found as u8);
    }
    reader.finish();
    Some((name.to_owned(), kind?, Keeping { keep, history }))
}

fn read_kind(name: &str, reader: &mut Reader<'_, '_>) -> Option<(String, Kind)> {
    let word = reader.json().as_str().unwrap_or_default();
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == word);
    if kind.is_none() {
        reader.fault(Fault::unknown("kind", word, Kind::ALL.map(Kind::name)));
    }
    Some((name.to_owned(), kind?))
}

fn read_list(reader: &mut Reader<'_, '_>) -> Option<List> {
    reader.is_object().then_some(())?;
    let name = reader.name("name");
    if reader.field("values").is_none() {
        reader.fault(Fault::Missing { field: "values" });
    }
    let values = reader.list("values", |reader| {
        let literal = match reader.json() {
            Json::Bool(value) => Some(Literal::from(*value)),
            Json::Number(number) => number.as_f64().map(Literal::from),
            Json::String(text) => Some(Literal::from(text.as_str())),
            _ => None,
        };
        if literal.is_none() {
            let found = crate::config::kind(reader.json());
            reader.fault(Fault::WrongKind { wanted: "text, a number, true or false", found });
        }
        literal
    });
    reader.finish();
    Some(List { name: name?, values })
}

fn read_segment(reader: &mut Reader<'_, '_>) -> Option<Segment> {
    reader.is_object().then_some(())?;
    let name = reader.name("name");
    let is_there = reader.field("rule").is_some();
    if !is_there {
        reader.fault(Fault::Missing { field: "rule" });
    }
    let rule = rule(reader, "rule");
    let unknown = read_unknown(reader);
    reader.finish();
    Some(Segment { name: name?, rule: rule?, unknown })
}

fn read_settings(reader: &mut Reader<'_, '_>) -> Settings {
    let mut settings = Settings::default();
    if !reader.is_object() {
        return settings;
    }
    // The bounds make both casts exact.
    let seed = reader.whole("seed", 0..=i64::MAX, "a whole number that is not negative");
    settings.seed = seed.map_or(0, |seed| seed as u64);
    settings.session_gap = reader.parsed("session_gap").unwrap_or(settings.session_gap);
    let history = reader.whole("history", 1..=128, "a number of events from 1 to 128");
    settings.history = history.map_or(settings.history, |history| history as usize);
    if let Some(mut lifecycle) = reader.child("lifecycle") {
        settings.lifecycle = read_lifecycle(&mut lifecycle);
    }
    let half_life = reader.parsed("popularity_half_life");
    settings.popularity_half_life = half_life.unwrap_or(settings.popularity_half_life);
    settings.trending_half_life = reader.parsed("trending_half_life").unwrap_or(settings.trending_half_life);
    settings.popular_segments = reader.list("popular_segments", |reader| match reader.json().as_str() {
        Some(name) => Some(name.to_owned()),
        None => {
            let found = crate::config::kind(reader.json());
            reader.fault(Fault::WrongKind { wanted: "the name of a segment", found });
            None
        }
    });
    let fade = reader.number("related_fade", 0.01..=1.0, "a share from 0.01 to 1");
    // Rounding to single precision matters to no ranking.
    settings.related_fade = fade.map_or(settings.related_fade, |fade| fade as f32);
    let bias = reader.number("position_bias", 0.0..=4.0, "an exponent from 0 to 4");
    settings.position_bias = bias.unwrap_or(settings.position_bias);
    let holdout = reader.number("holdout", 0.0..=1.0, "a share from 0 to 1");
    settings.holdout = holdout.unwrap_or(settings.holdout);
    let purposes = reader.map("consent", |name, reader| match reader.json().as_bool() {
        Some(granted) => Some((name.to_owned(), granted)),
        None => {
            let found = crate::config::kind(reader.json());
            reader.fault(Fault::WrongKind { wanted: "true or false", found });
            None
        }
    });
    settings.consent.extend(purposes);
    if let Some(mut reader) = reader.child("retention") {
        if reader.is_object() {
            settings.retention = Retention {
                attributes: reader.parsed("attributes"),
                history: reader.parsed("history"),
                counters: reader.parsed("counters"),
                unseen: reader.parsed("unseen"),
            };
            reader.finish();
        }
    }
    let bytes = reader.whole("profile_bytes", 2048..=1_048_576, "from 2048 to 1048576 bytes");
    settings.profile_bytes = bytes.map_or(settings.profile_bytes, |bytes| bytes as usize);
    settings.unknown = read_unknown(reader).unwrap_or_default();
    reader.finish();
    settings
}

fn read_identity(reader: &mut Reader<'_, '_>) -> identity::Settings {
    let mut settings = identity::Settings::default();
    if !reader.is_object() {
        return settings;
    }
    if reader.field("per_kind").is_some() {
        // The bounds make all casts exact.
        let of_kind = |name: &str, reader: &mut Reader<'_, '_>| {
            let most = reader.json().as_i64().filter(|most| (1..=1000).contains(most));
            if most.is_none() {
                let found = crate::time::shorten(&reader.json().to_string());
                reader.fault(Fault::Range { found, wanted: "a limit from 1 to 1000" });
            }
            Some((name.to_owned(), most? as usize))
        };
        settings.per_kind = reader.map("per_kind", of_kind).into_iter().collect();
    }
    let ids = reader.whole("ids", 2..=1000, "a number of ids from 2 to 1000");
    settings.ids = ids.map_or(settings.ids, |ids| ids as usize);
    let links = reader.whole("links", 1..=5000, "a number of links from 1 to 5000");
    settings.links = links.map_or(settings.links, |links| links as usize);
    settings.blocked = reader.list("blocked", |reader| {
        let text = reader.json().as_str().map(str::to_owned);
        if text.is_none() {
            let found = crate::config::kind(reader.json());
            reader.fault(Fault::WrongKind { wanted: "text", found });
        }
        text
    });
    if let Some(json) = reader.field("frozen") {
        match json.as_bool() {
            Some(frozen) => settings.frozen = frozen,
            None => {
                let found = crate::config::kind(json);
                reader.fault_at("frozen", Fault::WrongKind { wanted: "true or false", found });
            }
        }
    }
    let words = [("never", Hidden::Never), ("shared", Hidden::Shared)];
    settings.hidden = reader.word("hidden", "way with shared devices", &words).unwrap_or_default();
    let recent = reader.whole("recent", 0..=identity::MAX_RECENT as i64, "a number of events from 0 to 16777216");
    settings.recent = recent.map_or(settings.recent, |recent| recent as usize);
    reader.finish();
    settings
}

/// How many values a union keeps, unless its definition says otherwise.
const UNITED: u8 = 32;
