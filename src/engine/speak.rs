//! From the name of a source to the recommender that speaks for it, alone or with others at the same time.

use smallvec::SmallVec;

use super::Engine;
use super::facts::ProfileFacts;
use super::filter::Filter;
use super::models::Models;
use crate::decision::Source;
use crate::hash::Symbol;
use crate::recommend::{
    Blend, Candidate, Content, PopularAmong, Query, Recent, Recommender, Relation, Scale, Scratch, Seen, Tastes,
    Trending, Voice,
};

/// What some sources read of a person, prepared for those that are asked; memory that the next decision uses again.
#[derive(Debug, Default)]
pub(super) struct Ground {
    categories: Vec<(Symbol, f64)>,
    segments: Vec<(Symbol, f64)>,
    similar: Tastes,
    affinity: Tastes,
}

/// The recommender behind a source, for one person and request.
pub(super) enum Speaker<'a> {
    Model(&'a dyn Recommender),
    Recent(Recent),
    Among(PopularAmong<'a>),
    Trending(Trending<'a>),
    Content(Content<'a>),
    /// What the request gave, in its order.
    Given,
}

impl Engine {
    /// Prepares what a source reads.
    pub(super) fn prepare(
        &self,
        source: Source,
        (facts, filter, models): (&ProfileFacts<'_>, &Filter<'_>, &Models),
        history: &[Seen],
        weights: &mut Vec<(Symbol, f64)>,
        ground: &mut Ground,
    ) {
        let Ground { categories, segments, similar, affinity } = ground;
        match source {
            Source::PopularInCategory => match filter.category {
                Some(category) => {
                    categories.clear();
                    categories.push((category, 1.0));
                }
                None => self.liked_categories(facts, weights, categories),
            },
            Source::PopularInSegment => {
                segments.clear();
                segments.extend(self.popular_segment(facts).map(|segment| (segment, 1.0)));
            }
            Source::Similar => {
                similar.clear();
                similar.add_history(history, &models.catalog);
                similar.weigh(&models.catalog);
            }
            Source::Affinity => {
                self.tastes(facts, weights, affinity);
                affinity.weigh(&models.catalog);
            }
            _ => {}
        }
    }
}

impl<'a> Speaker<'a> {
    /// Who speaks for a source; nobody where its model is not there (yet), or where it is no recommender.
    pub(super) fn of(source: Source, models: &'a Models, ground: &'a Ground) -> Option<Self> {
        let catalog = &models.catalog;
        Some(match source {
            Source::Related => Self::Model(&models.neighbors),
            Source::ViewedTogether | Source::ViewedThenBought | Source::BoughtTogether => {
                Self::Model(models.relations.get(&Relation::of(source)?)?)
            }
            Source::NextClick => Self::Model(models.clicks.as_ref()?),
            Source::Collaborative => Self::Model(models.fitted.collaborative.as_deref()?),
            Source::Factor => Self::Model(models.fitted.factor.as_deref()?),
            Source::Recent => Self::Recent(Recent::default()),
            Source::Popular => Self::Model(&models.popular),
            Source::PopularInCategory => Self::Among(models.popular_in_category.among(&ground.categories, source)),
            Source::PopularInSegment => Self::Among(models.popular_in_segment.among(&ground.segments, source)),
            Source::Trending => Self::Trending(Trending::new(models.lately.as_ref()?, &models.popular)),
            Source::Similar => Self::Content(ground.similar.content(catalog, source)),
            Source::Affinity => Self::Content(ground.affinity.content(catalog, source)),
            Source::Given => Self::Given,
            Source::Catalog | Source::Pinned | Source::Explored => return None,
        })
    }
}

impl Recommender for Speaker<'_> {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        match self {
            Self::Model(model) => model.rank(query, scratch, slate),
            Self::Recent(recent) => recent.rank(query, scratch, slate),
            Self::Among(popular) => popular.rank(query, scratch, slate),
            Self::Trending(trending) => trending.rank(query, scratch, slate),
            Self::Content(content) => content.rank(query, scratch, slate),
            Self::Given => fill_as_given(query, slate),
        }
    }
}

/// Lets sources speak at the same time, and leaves in `said` what each said, by item and then by source.
pub(super) fn speak_together(
    weights: &[(Source, f32)],
    (models, ground): (&Models, &Ground),
    query: &Query<'_>,
    scratch: &mut Scratch,
    candidates: &mut Vec<Candidate>,
    said: &mut Vec<Candidate>,
) {
    let speaker = |(source, weight): &(Source, f32)| Some((Speaker::of(*source, models, ground)?, *weight));
    let speakers: SmallVec<[(Speaker<'_>, f32); MOST]> = weights.iter().filter_map(speaker).collect();
    let voices: SmallVec<[Voice<'_>; MOST]> =
        speakers.iter().map(|(from, weight)| Voice { from, weight: *weight, scale: Scale::Share }).collect();
    Blend::new(&voices).speak(query, scratch, candidates, said);
    said.sort_unstable_by_key(|of| (of.item, of.source));
}

/// Fills what is left of a slate with what the request gave, in its order.
fn fill_as_given(query: &Query<'_>, candidates: &mut Vec<Candidate>) {
    for (place, item) in query.pool.unwrap_or_default().iter().enumerate() {
        if candidates.len() >= query.limit {
            return;
        }
        if !candidates.iter().any(|of| of.item == *item) && (query.accept)(*item) {
            let score = 1.0 / (1.0 + place as f64);
            let source = Source::Given;
            candidates.push(Candidate { item: *item, score, source, because: None, contribution: 0.0 });
        }
    }
}

/// As many sources as there are fit in a blend without an allocation.
const MOST: usize = 16;
