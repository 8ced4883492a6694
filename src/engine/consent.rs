//! What people have consented to, and what follows from it.

use super::Engine;
use crate::hash::Symbol;
use crate::profile::Profile;
use crate::time::Timestamp;

impl Engine {
    /// Whether a person consents to a purpose: what they said last, else what [`Settings::consent`] says, else no.
    ///
    /// People decide by events of kind [`EventKind::ConsentChanged`], whose properties name purposes. The newest
    /// decision holds, and of two at the same time the refusal.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json(r#"{"settings": {"consent": {"email": false}}}"#)?);
    /// let noon: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let said = Event::new(EventKind::ConsentChanged, "ann", noon).property("email", true);
    /// shop.ingest(&said, noon)?;
    /// let ann = shop.profile(UserKey::known("ann")).unwrap_or_default();
    /// assert!(shop.engine().consents(&ann, "email") && shop.engine().consents(&ann, "tracking"));
    /// assert!(!shop.engine().consents(&ann, "telepathy"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`EventKind::ConsentChanged`]: crate::event::EventKind::ConsentChanged
    /// [`Settings::consent`]: super::Settings::consent
    #[must_use]
    pub fn consents(&self, profile: &Profile, purpose: impl Into<Symbol>) -> bool {
        self.upkeep.unasked.grants(profile.consent(), purpose.into())
    }

    /// Whether something that happens to a person at a time may be kept.
    pub(crate) fn tracks(&self, profile: &Profile, time: Timestamp) -> bool {
        self.upkeep.unasked.tracks(profile.consent(), time)
    }

    /// Whether decisions may look at the profile.
    pub(crate) fn personalises(&self, profile: &Profile) -> bool {
        self.upkeep.unasked.personalises(profile.consent())
    }
}
